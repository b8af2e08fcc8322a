"""Our ids and the tenant's notes in Stripe's metadata, which only the merchant's server can write."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import InvalidRequest
from onerouter_common.ids import is_id
from onerouter_providers.payments.stripe.form import Value
from onerouter_providers.payments.stripe.things import part, text

META_ID: Final = "onerouter_id"
"""Our id of everything but payments and refunds, which have names of their own."""
META_PAYMENT: Final = "onerouter_payment_id"
META_REFUND: Final = "onerouter_refund_id"
META_RECEIPT: Final = "receipt"
META_REASON: Final = "reason"
RESERVED: Final = frozenset({META_ID, META_PAYMENT, META_REFUND})
METADATA_PAIRS: Final = 50
METADATA_NAME_CHARS: Final = 40
METADATA_VALUE_CHARS: Final = 500


def reference_of(thing: Mapping[str, Any], prefix: str, name: str = META_ID) -> str | None:
    """Our id in an object's metadata; None unless it is one of this type."""
    value = text(part(thing, "metadata"), name)
    return value if value is not None and is_id(prefix, value) else None


def metadata(
    ours: Mapping[str, str], tenants: Mapping[str, str], more: Mapping[str, str | None] | None = None
) -> dict[str, Value]:
    """Ours and the tenant's; `more` where there is room for it. An empty value means "none" at Stripe."""
    if len(ours) + len(tenants) > METADATA_PAIRS:
        raise InvalidRequest.of("notes", f"may have at most {METADATA_PAIRS - len(ours)} pairs at Stripe")
    for name, value in tenants.items():
        if name in RESERVED:
            raise InvalidRequest.of("notes", f"must not contain '{name}', which is ours")
        if not name or len(name) > METADATA_NAME_CHARS or "[" in name or "]" in name:
            raise InvalidRequest.of(
                "notes", f"may only have names of 1 to {METADATA_NAME_CHARS} characters without brackets"
            )
        if len(value) > METADATA_VALUE_CHARS:
            raise InvalidRequest.of("notes", f"may only have values of at most {METADATA_VALUE_CHARS} characters")
    made: dict[str, Value] = {**ours, **{name: value for name, value in tenants.items() if value}}
    for name, extra in (more or {}).items():
        if extra and name not in made and len(made) < METADATA_PAIRS:
            made[name] = extra[:METADATA_VALUE_CHARS]
    return made
