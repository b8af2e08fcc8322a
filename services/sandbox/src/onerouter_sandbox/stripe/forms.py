"""Bracket notation: `items[0][price]=p&expand[]=x` → `{"items": [{"price": "p"}], "expand": ["x"]}`. All leaves are text."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl

from onerouter_sandbox.stripe.errors import invalid

_NAME: Final = re.compile(r"^[^\[\]]+(\[[^\[\]]*\])*$")
_DEEPEST: Final = 6
_MOST: Final = 1_000


def parse(raw: bytes) -> dict[str, Any]:
    """A body or a query. Raises Refused."""
    try:
        given = parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=bool(raw), max_num_fields=_MOST)
    except ValueError as problem:
        raise invalid("Invalid request: the parameters could not be read.") from problem
    tree: dict[str, Any] = {}
    for name, value in given:
        if not _NAME.match(name):
            raise invalid(f"Invalid parameter name: {name}", param=name)
        first, *rest = (part.rstrip("]") for part in name.split("["))
        _put(tree, [first, *rest], value, name)
    return {name: _listed(value) for name, value in tree.items()}


def _put(tree: dict[str, Any], path: list[str], value: str, name: str) -> None:
    if len(path) > _DEEPEST:
        raise invalid(f"Invalid parameter name: {name}", param=name)
    for step in path[:-1]:
        inner = tree.setdefault(step or str(len(tree)), {})
        if not isinstance(inner, dict):
            raise invalid(f"Invalid object: {name}", param=name)
        tree = inner
    tree[path[-1] or str(len(tree))] = value


def _listed(value: Any) -> Any:
    """Objects whose names are 0, 1, 2 … are lists."""
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(each) for name, each in value.items()}
    return list(inner.values()) if inner and list(inner) == [str(n) for n in range(len(inner))] else inner
