"""Whether the provider has, under an id that a person gave, the resource that an operation asked for."""

from collections.abc import Awaitable
from typing import Any, Final

from onerouter_common.errors import CapabilityUnsupported, ProviderUnavailable
from onerouter_payments.resource.kind import Kind
from onerouter_payments.resource.state import UNCHANGED
from onerouter_providers.resources import ResourceSnapshot

# Not the customer: PayPal tells its payer's id, whoever was asked for.
_AS_ASKED: Final = ("provider_plan_id", "quantity", "email")
"""Facts that a request names too, in the same words at each provider."""


async def found(finding: Awaitable[ResourceSnapshot | None]) -> ResourceSnapshot | None:
    """What a look-up by our own reference finds; None also where the provider has none. Raises a ProviderError."""
    try:
        return await finding
    except CapabilityUnsupported:
        return None
    except ProviderUnavailable as error:
        if error.reason != "unsupported_operation":
            raise
        return None


def fits(told: ResourceSnapshot, provider_id: str, what: Any, kind: Kind) -> bool:
    """Whether it is the one of this id, of this kind, and nothing it tells contradicts what was asked for. Pure."""
    if told.provider_id != provider_id or not (told.status == UNCHANGED or kind.knows(told.status)):
        return False
    return not any(_differs(told.facts.get(name), getattr(what, name, None)) for name in _AS_ASKED)


def _differs(told: object, asked: object) -> bool:
    if told is None or asked is None:
        return False
    return str(told).casefold() != str(asked).casefold()
