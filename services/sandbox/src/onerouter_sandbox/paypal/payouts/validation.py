"""The rules of this older API: one error for all that is wrong with a batch."""

import re
from dataclasses import dataclass
from typing import Any, Final

from onerouter_sandbox.paypal.errors import Refused, plain
from onerouter_sandbox.paypal.money import Money, NotMoney, read_money

_RECEIVERS: Final = {
    "EMAIL": re.compile(r"^[^@\s]+@[^@\s]+$"),
    "PHONE": re.compile(r"^\+?[0-9 ()-]{5,20}$"),
    "PAYPAL_ID": re.compile(r"^[2-9A-HJ-NP-Z]{13}$"),
    "USER_HANDLE": re.compile(r"^.+$"),
}
_HEADER: Final = {"sender_batch_id": 256, "email_subject": 255, "email_message": 1_000}
_ITEM: Final = {"note": 4_000, "sender_item_id": 63, "recipient_wallet": 36, "purpose": 40}


@dataclass(frozen=True, slots=True)
class ItemRequest:
    given: dict[str, Any]
    amount: Money


@dataclass(frozen=True, slots=True)
class BatchRequest:
    header: dict[str, str]
    items: list[ItemRequest]


def batch_request(body: dict[str, Any]) -> BatchRequest:
    """Raises Refused with every field that is wrong."""
    wrong: list[tuple[str, str]] = []
    header, items = body.get("sender_batch_header"), body.get("items")
    if not isinstance(header, dict):
        wrong.append(("sender_batch_header", "Required field missing"))
        header = {}
    if not isinstance(items, list) or not 0 < len(items) <= 15_000:
        wrong.append(("items", "Required field missing"))
        items = []
    usual = header.get("recipient_type")
    requests = [_item(one, usual, f"items[{place}]", wrong) for place, one in enumerate(items)]
    if len({one.amount.currency for one in requests if one is not None}) > 1:
        wrong.append(("items", "All items of a batch must have the same currency"))
    texts = _texts(header, {**_HEADER, "recipient_type": 13}, "sender_batch_header", wrong)
    if wrong:
        raise invalid(wrong)
    return BatchRequest(texts, [one for one in requests if one is not None])


def invalid(wrong: list[tuple[str, str]]) -> Refused:
    details = [{"field": field, "location": "body", "issue": issue} for field, issue in wrong]
    return plain(400, "VALIDATION_ERROR", "Invalid request - see details", details=details)


def _item(given: Any, usual: Any, at: str, wrong: list[tuple[str, str]]) -> ItemRequest | None:
    if not isinstance(given, dict):
        wrong.append((at, "Required field missing"))
        return None
    kind, receiver = given.get("recipient_type") or usual or "EMAIL", given.get("receiver")
    if kind not in _RECEIVERS:
        wrong.append((f"{at}.recipient_type", "Recipient type is invalid"))
    elif not isinstance(receiver, str) or len(receiver) > 127 or not _RECEIVERS[kind].match(receiver):
        wrong.append((f"{at}.receiver", "Receiver is invalid or does not match with type"))
    texts = _texts(given, _ITEM, at, wrong)
    try:
        amount = read_money(given.get("amount"), currency_name="currency")
    except NotMoney:
        wrong.append((f"{at}.amount", "Amount is invalid"))
        return None
    return ItemRequest({"recipient_type": kind, "receiver": receiver, **texts}, amount)


def _texts(given: dict[str, Any], most: dict[str, int], at: str, wrong: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, length in most.items():
        value = given.get(name)
        if value is None:
            continue
        if isinstance(value, str) and len(value) <= length:
            found[name] = value
        else:
            wrong.append((f"{at}.{name}", "Value is invalid or too long"))
    return found
