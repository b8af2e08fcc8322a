"""From the parts a caller writes to those the worker keeps."""

import hashlib
from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from onerouter_common.contracts.payments import SplitItem
from onerouter_common.errors import InvalidRequest
from onerouter_common.money import Money, parse_major
from onerouter_gateway.marketplace.schemas import MOST_PAYMENTS, SplitPart

_LONGEST: Final = 255 - len(f":{MOST_PAYMENTS - 1}")
"""Of a key that leaves room for a place behind it."""


def part_key(key: str, index: int) -> str:
    """The idempotency key of one payment of several: one that can be asked for, however long that of the whole is."""
    if len(key) > _LONGEST:
        key = hashlib.sha256(key.encode()).hexdigest()
    return f"{key}:{index}"


def item_of(part: SplitPart, vendor: Mapping[str, Any] | None, total: Money, field: str) -> SplitItem:
    """Raises InvalidRequest that names the part."""
    if part.amount is not None:
        minor = parse_major(part.amount, total.currency, field=f"{field}.amount").amount_minor
    else:
        minor = _usual(vendor, total, field)
    if minor <= 0:
        raise InvalidRequest.of(f"{field}.amount", "must be more than nothing")
    if vendor is None:
        return SplitItem(type=part.type, amount_minor=minor)
    return SplitItem(type=part.type, amount_minor=minor, vendor_id=vendor["id"], account_id=vendor["account_id"])


def check_sum(items: Sequence[SplitItem], total: Money) -> None:
    """Raises InvalidRequest unless the parts add up to the whole."""
    given = sum(item.amount_minor for item in items)
    if given != total.amount_minor:
        parts = Money(given, total.currency) if given else None
        told = "nothing" if parts is None else f"{parts.major} {total.currency}"
        raise InvalidRequest.of("splits", f"add up to {told}, but the payment is {total.major} {total.currency}")


def check_places(vendors: Sequence[Mapping[str, Any]]) -> str | None:
    """The one connection at which all vendors have their accounts. Raises InvalidRequest."""
    places = {vendor["connection_id"] for vendor in vendors}
    if len(places) > 1:
        raise InvalidRequest.of("splits", "name vendors of different provider accounts: one payment is of one account")
    return next(iter(places), None)


def parts_unread(items: Sequence[SplitItem], currency: str) -> list[dict[str, Any]]:
    """Each part as it was asked for, without what became of it."""
    return [
        {
            "type": item.type,
            "account_id": item.vendor_id or item.account_id,
            "amount": Money(item.amount_minor, currency).to_json_number(),
            "amount_minor": item.amount_minor,
            "transfer_id": None,
            "status": None,
            "failure": None,
        }
        for item in items
    ]


def _usual(vendor: Mapping[str, Any] | None, total: Money, field: str) -> int:
    """By the vendor's own split; what is less than a minor unit is not its."""
    config = (vendor or {}).get("split_config") or {}
    if not config:
        raise InvalidRequest.of(f"{field}.amount", "is needed: the vendor has no split_config")
    minor = 0
    if config.get("percent") is not None:
        share = Decimal(total.amount_minor) * Decimal(config["percent"]) / 100
        minor += int(share.to_integral_value(rounding=ROUND_DOWN))
    if config.get("fixed_minor") is not None:
        if config.get("currency") != total.currency:
            raise InvalidRequest.of(f"{field}.amount", f"is needed: the vendor's fixed part is in {config['currency']}")
        minor += int(config["fixed_minor"])
    return minor
