"""Ids in PayPal's alphabets."""

import os
from typing import Final

_OBJECT: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_ACCOUNT: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def object_id() -> str:
    """Of an order, capture, refund or webhook: `5O190127TN364715T`."""
    return _draw(_OBJECT, 17)


def merchant_id() -> str:
    """Of a merchant's or a payer's account."""
    return _draw(_ACCOUNT, 13)


def event_id() -> str:
    return f"WH-{_draw(_OBJECT, 17)}-{_draw(_OBJECT, 17)}"


def product_id() -> str:
    return f"PROD-{_draw(_OBJECT, 17)}"


def plan_id() -> str:
    return f"P-{_draw(_OBJECT, 24)}"


def subscription_id() -> str:
    return f"I-{_draw(_OBJECT, 12)}"


def consent_token() -> str:
    """What a payer's page of a subscription is opened with."""
    return f"BA-{_draw(_OBJECT, 17)}"


def invoice_id() -> str:
    return "INV2-" + "-".join(_draw(_OBJECT, 4) for _ in range(4))


def dispute_id() -> str:
    return f"PP-D-{_draw('0123456789', 8)}"


def vault_id() -> str:
    return _draw(_OBJECT.lower(), 17)


def customer_id() -> str:
    return _draw(_OBJECT.lower() + _OBJECT[:26], 10)


def payout_id() -> str:
    """Of a batch or an item."""
    return _draw(_OBJECT, 13)


def debug_id() -> str:
    return os.urandom(7).hex()[:13]


def _draw(alphabet: str, length: int) -> str:
    number = int.from_bytes(os.urandom(length), "big")
    letters = []
    for _ in range(length):
        number, index = divmod(number, len(alphabet))
        letters.append(alphabet[index])
    return "".join(letters)
