"""The canonical form of a request: what was asked, however it was spelled. Goes into the fingerprint."""

from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel

from onerouter_gateway.edge.amounts import canonical

ENVELOPE: Final[frozenset[str]] = frozenset({"idempotency_key", "environment"})
"""How the request travels, not what it asks: the operation's id already holds both."""


def canonical_of(wanted: BaseModel) -> dict[str, Any]:
    """Without defaults, so that a field we add later does not change what an old request was."""
    asked = wanted.model_dump(mode="python", exclude=set(ENVELOPE), exclude_defaults=True, exclude_none=True)
    return {name: _one_spelling(value) for name, value in asked.items()}


def _one_spelling(value: Any) -> Any:
    if isinstance(value, Decimal):
        return canonical(value)
    if isinstance(value, dict):
        return {name: _one_spelling(item) for name, item in value.items()}
    return [_one_spelling(item) for item in value] if isinstance(value, list) else value
