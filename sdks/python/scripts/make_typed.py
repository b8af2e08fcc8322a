"""Write what type checkers know of the resources beyond their sources: of `wait=False` an `Accepted` comes back.

    python -m sdks.python.scripts.make_typed            writes
    python -m sdks.python.scripts.make_typed --check    fails when what is there differs

A stub without a module: nothing of it runs. An overload repeats the whole signature, twice; in the sources that would hide
what they say. `make_sync` makes the synchronous one of it.
"""

from __future__ import annotations

import argparse
import ast
import textwrap
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Final

from sdks.python.scripts.description import PACKAGE
from sdks.python.scripts.writing import formatted, write

TARGET: Final = "_typed.pyi"
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "customers": ("create",),
    "email": ("send", "cancel", "send_bulk", "cancel_batch"),
    "marketplace": ("create_split_payment", "create_vendor", "update_vendor_split"),
    "payment_links": ("create", "cancel"),
    "payment_methods": ("create", "update", "delete"),
    "payments": ("create", "capture", "cancel", "refund"),
    "plans": ("create",),
    "refunds": ("create",),
    "saved_payment_methods": ("save", "update", "delete"),
    "sms": ("send", "cancel", "send_bulk", "cancel_batch"),
    "storage": ("put", "delete"),
    "storage.uploads": ("create", "complete", "abort"),
    "subscriptions": ("create", "cancel", "pause", "resume", "change_plan"),
}
"""By resource, whose module is called as its last part: what is an operation, and so can be left to go on."""

_HEADER: Final = '''# Written by scripts/make_typed.py from resources/*.py: change those, then `make sdk`.
"""Resources as type checkers see them: what is not waited for comes back as `Accepted`."""

# mypy: disable-error-code="overload-overlap"
# What is false is also a bool, and a number: the first that fits is taken.

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, overload

from typing_extensions import Unpack

from onerouter import types
from onerouter._object import Accepted
from onerouter._options import NOT_GIVEN, NotGiven, NotWaitingOptions, RequestOptions
'''


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when something differs")
    return write(PACKAGE, {TARGET: stub()}, check=parser.parse_args().check, beside=True)


def stub() -> str:
    """The text of the file."""
    commands = {name.rpartition(".")[2]: methods for name, methods in COMMANDS.items()}
    parts = [_HEADER, *(f"from onerouter.resources import {name} as _{name}" for name in commands)]
    params, classes = set[str](), list[str]()
    for module, methods in commands.items():
        tree = ast.parse((PACKAGE / "resources" / f"{module}.py").read_text("utf-8"))
        params |= set(_params(tree))
        classes.append("\n".join(_class(tree, module, methods)))
    parts.append(f"from onerouter.types.params import {', '.join(sorted(params))}")
    return formatted("\n".join(parts) + "\n\n" + "\n\n".join(classes) + "\n", is_stub=True)


def _params(tree: ast.Module) -> Iterator[str]:
    """Names of the types of arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "onerouter.types.params":
            yield from (name.name for name in node.names)


def _class(tree: ast.Module, module: str, methods: tuple[str, ...]) -> Iterator[str]:
    found = {
        (owner.name, method.name): method
        for owner in tree.body
        if isinstance(owner, ast.ClassDef)
        for method in owner.body
        if isinstance(method, ast.AsyncFunctionDef)
    }
    (owner,) = {owner for owner, method in found if method in methods}
    yield f"class {owner}(_{module}.{owner}):"
    for name in methods:
        method = found[owner, name]
        said = ast.get_docstring(method)
        yield from _overload(_left_alone(method), "The same without waiting for its outcome: `wait()` does, later.")
        yield from _overload(_bare(method), said)


def _overload(method: ast.AsyncFunctionDef, said: str | None) -> Iterator[str]:
    method.body = [ast.Expr(ast.Constant(_indented(said or "")))]
    yield "    @overload"
    yield textwrap.indent(ast.unparse(ast.fix_missing_locations(method)), "    ")


def _indented(text: str) -> str:
    """As the docstring of a method."""
    return textwrap.indent(text, " " * 8).strip() + ("\n        " if "\n" in text else "")


def _bare(method: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
    made = deepcopy(method)
    made.decorator_list = []
    return made


def _left_alone(method: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
    """With `wait=False`, which has to be said."""
    made = _bare(method)
    made.args.kwonlyargs.append(ast.arg("wait", ast.parse("Literal[False]", mode="eval").body))
    made.args.kw_defaults.append(None)
    if made.args.kwarg is None:
        raise ValueError(f"{method.name} takes no options")
    made.args.kwarg.annotation = ast.parse("Unpack[NotWaitingOptions]", mode="eval").body
    made.returns = ast.Name("Accepted")
    return made


if __name__ == "__main__":
    raise SystemExit(main())
