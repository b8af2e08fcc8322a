"""What Razorpay's rules for request bodies have in common, as pure functions that raise `Refused`."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from onerouter_sandbox.razorpay.currencies import SUPPORTED, THREE_DECIMALS
from onerouter_sandbox.razorpay.errors import refused

MINIMUM: Final = 100
MAXIMUM: Final = 10**13
_DIGITS: Final = re.compile(r"^[0-9]{1,15}$")


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list: `count` after `skip`, made between the two times (inclusive)."""

    count: int
    skip: int
    first_at: int | None
    last_at: int | None


def parse_json(body: bytes) -> dict[str, Any]:
    """An empty body is an empty object."""
    if not body.strip():
        return {}
    try:
        parsed = json.loads(body)
    except ValueError as problem:
        raise refused("The request body is not valid JSON.") from problem
    if not isinstance(parsed, dict):
        raise refused("The request body must be a JSON object.")
    return parsed


def window(query: bytes) -> tuple[Window, dict[str, str]]:
    """The paging parameters, and the others for the endpoint to use or ignore."""
    given = {name: values[-1] for name, values in parse_qs(query.decode("latin-1")).items()} if query else {}
    count = whole(given, "count", least=1)
    if count is not None and count > 100:
        raise refused("The count may not be greater than 100.", field="count")
    paging = Window(
        count=10 if count is None else count,
        skip=whole(given, "skip") or 0,
        first_at=whole(given, "from"),
        last_at=whole(given, "to"),
    )
    return paging, given


def whole(given: dict[str, str], name: str, least: int = 0) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not _DIGITS.match(text) or int(text) < least:
        raise refused(f"The {name} must be an integer of at least {least}.", field=name)
    return int(text)


def only(body: dict[str, Any], allowed: frozenset[str]) -> None:
    for name in body:
        if name not in allowed:
            raise refused(f"{name} is/are not required and should not be sent", field=name, reason="extra_field_sent")


def amount(body: dict[str, Any], currency: str, *, subject: str) -> int:
    amount = body.get("amount")
    if amount is None:
        raise refused("The amount field is required.", field="amount")
    if isinstance(amount, str) and _DIGITS.match(amount):  # the official clients' own examples send strings
        amount = int(amount)
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise refused("The amount must be an integer.", field="amount")
    if amount < MINIMUM:
        raise refused(f"{subject} amount less than minimum amount allowed", field="amount")
    if amount > MAXIMUM:
        raise refused("Amount exceeds maximum amount allowed.", field="amount")
    if currency in THREE_DECIMALS and amount % 10:
        raise refused(f"The last digit of an amount in {currency} must be 0.", field="amount")
    return amount


def currency(body: dict[str, Any], *, required: bool) -> str | None:
    currency = body.get("currency")
    if currency is None:
        if required:
            raise refused("The currency field is required.", field="currency")
        return None
    if not isinstance(currency, str) or currency not in SUPPORTED:
        raise refused("Currency is not supported", field="currency", reason="invalid_currency")
    return currency


def receipt(body: dict[str, Any]) -> str | None:
    receipt = body.get("receipt")
    if receipt is None:
        return None
    if not isinstance(receipt, str):
        raise refused("The receipt must be a string.", field="receipt")
    if len(receipt) > 40:
        raise refused("The receipt may not be greater than 40 characters.", field="receipt")
    return receipt


def notes(body: dict[str, Any]) -> dict[str, Any]:
    notes = body.get("notes")
    if not notes:  # absent, null, {} and []: an empty one comes back as []
        return {}
    if not isinstance(notes, dict):
        raise refused("The notes must be an object.", field="notes")
    if len(notes) > 15:
        raise refused("Number of fields in notes should be less than or equal to 15.", field="notes")
    for value in notes.values():
        if not isinstance(value, str | int | float) or len(str(value)) > 256:
            raise refused("Each value in notes must be a string of at most 256 characters.", field="notes")
    return notes


def flag(body: dict[str, Any], name: str) -> bool | None:
    value = body.get(name)
    if value is None:
        return None
    if value in (True, 1, "1", "true"):
        return True
    if value in (False, 0, "0", "false"):
        return False
    raise refused(f"The {name} field must be true or false.", field=name)


def text(body: dict[str, Any], name: str, *, required: bool = False, most: int = 255) -> str | None:
    value = body.get(name)
    if value is None or value == "":
        if required:
            raise refused(f"The {name} field is required.", field=name)
        return None
    if isinstance(value, int) and not isinstance(value, bool):  # phone numbers and postal codes come as numbers too
        value = str(value)
    if not isinstance(value, str):
        raise refused(f"The {name} must be a string.", field=name)
    if len(value) > most:
        raise refused(f"The {name} may not be greater than {most} characters.", field=name)
    return value


def needed(body: dict[str, Any], name: str, *, most: int = 255) -> str:
    return text(body, name, required=True, most=most) or ""


def number(body: dict[str, Any], name: str, *, least: int = 1, most: int = 2**53) -> int | None:
    """A whole number; strings of digits pass, as the official clients' examples send them."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, str) and _DIGITS.match(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise refused(f"The {name} must be an integer.", field=name)
    if value < least:
        raise refused(f"The {name} must be at least {least}.", field=name)
    if value > most:
        raise refused(f"The {name} may not be greater than {most}.", field=name)
    return value


def mapping(body: dict[str, Any], name: str) -> dict[str, Any]:
    """An object inside the body; absent, null and [] are empty."""
    value = body.get(name)
    if not value:
        return {}
    if not isinstance(value, dict):
        raise refused(f"The {name} must be an object.", field=name)
    return value


def listing(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects inside the body."""
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise refused(f"The {name} must be an array.", field=name)
    return value


def reference(notes_given: dict[str, Any]) -> str | None:
    """The merchant's own id of what it has made, for the ledger."""
    ours = notes_given.get("onerouter_id")
    return None if ours is None else str(ours)
