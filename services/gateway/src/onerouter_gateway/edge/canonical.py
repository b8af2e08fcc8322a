"""The canonical form of a request: what was asked, however it was spelled. Goes into the fingerprint."""

from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel

from onerouter_gateway.edge.amounts import canonical

ENVELOPE: Final[frozenset[str]] = frozenset({"idempotency_key", "environment"})
"""How the request travels, not what it asks: the operation's id already holds both."""


def canonical_of(wanted: BaseModel) -> dict[str, Any]:
    """Without defaults, so that a field we add later does not change what an old request was."""
    return {
        name: canonical(value) if isinstance(value, Decimal) else value
        for name, value in wanted.model_dump(
            mode="python", exclude=set(ENVELOPE), exclude_defaults=True, exclude_none=True
        ).items()
    }
