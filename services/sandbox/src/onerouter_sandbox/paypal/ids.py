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


def debug_id() -> str:
    return os.urandom(7).hex()[:13]


def _draw(alphabet: str, length: int) -> str:
    number = int.from_bytes(os.urandom(length), "big")
    letters = []
    for _ in range(length):
        number, index = divmod(number, len(alphabet))
        letters.append(alphabet[index])
    return "".join(letters)
