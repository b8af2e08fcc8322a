"""Ids: a type prefix and 128 sortable bits, `pay_01k9zq…`.

The bits are a UUIDv7 (time first) written in Crockford's base 32, lower case, 26 characters. With its prefix an id is at
most 40 ASCII characters, so that it fits where providers let us store a reference of our own (Razorpay's receipt: 40).
"""

import hashlib
import hmac
import os
import re
import threading
import time
from datetime import UTC, datetime
from typing import Final

PAYMENT: Final = "pay"
REFUND: Final = "re"
DISPUTE: Final = "dis"
PLAN: Final = "plan"
CUSTOMER: Final = "cus"
SUBSCRIPTION: Final = "sub"
PAYMENT_LINK: Final = "pl"
PAYMENT_METHOD: Final = "pm"
VENDOR: Final = "ven"
TRANSFER: Final = "tr"
VENDOR_DETAILS: Final = "vd"
SMS: Final = "sms"
EMAIL: Final = "em"
BATCH: Final = "bat"
TEMPLATE: Final = "tpl"
SUPPRESSION: Final = "sup"
ATTACHMENT: Final = "atc"
OBJECT: Final = "obj"
UPLOAD: Final = "upl"
CONTENT: Final = "cnt"
OPERATION: Final = "op"
COMMAND: Final = "cmd"
ATTEMPT: Final = "att"
RESOLUTION: Final = "res"
EVENT: Final = "evt"
CALLBACK: Final = "cb"
TENANT: Final = "ten"
API_KEY: Final = "key"
CONNECTION: Final = "con"
DATA_KEY: Final = "dk"
ENDPOINT: Final = "we"
DELIVERY: Final = "dlv"
RECOVERY: Final = "rcv"
WORKER: Final = "wrk"
REQUEST: Final = "req"
USER: Final = "usr"
SESSION: Final = "ses"
INVITATION: Final = "inv"
AUDIT_ENTRY: Final = "aud"
IDENTITY: Final = "idn"

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_SHIFTS: Final = range(120, -1, -10)
_FROM_CROCKFORD: Final = bytes.maketrans(_ALPHABET.encode(), b"0123456789abcdefghijklmnopqrstuv")
_YEAR_6429_MS: Final = 1 << 47
"""What begins with a later time was not made by a clock."""
_SHAPE: Final = re.compile(r"[a-z]{2,4}_[0-7][0-9a-hjkmnp-tv-z]{25}")


def new_id(prefix: str) -> str:
    """A fresh id; ids made later sort later (to the millisecond)."""
    return f"{prefix}_{_encode(_uuids.next())}"


def first_id(prefix: str, at: datetime) -> str:
    """What sorts before every id made from this moment on, and after those made earlier (to the millisecond)."""
    return f"{prefix}_{_encode(int(at.timestamp() * 1000) << 80)}"


def made_at(id_: str) -> datetime | None:
    """When `new_id` made it, to the millisecond; None for what has not the shape of an id. Says nothing of a derived one."""
    if _SHAPE.fullmatch(id_) is None:
        return None
    at_ms = int(id_.partition("_")[2].encode().translate(_FROM_CROCKFORD), 32) >> 80
    return datetime.fromtimestamp(at_ms / 1000, UTC) if at_ms < _YEAR_6429_MS else None


def derive_id(prefix: str, secret: bytes, *parts: str) -> str:
    """The same parts give the same id, and nobody without the secret can tell which parts made it.

    Parts are length-prefixed before they are hashed, so that ("ab", "c") and ("a", "bc") differ.
    """
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in (prefix, *parts))
    digest = hmac.new(secret, message, hashlib.sha256).digest()
    return f"{prefix}_{_encode(int.from_bytes(digest[:16], 'big'))}"


def is_id(prefix: str, value: str) -> bool:
    """Whether the value has the shape of an id of this type (it may still belong to nothing)."""
    return value.startswith(f"{prefix}_") and is_ours(value)


def is_ours(value: str) -> bool:
    """Whether it has the shape of an id that we give to anything; a provider's has another one."""
    return _SHAPE.fullmatch(value) is not None


class _Uuids:
    """UUIDs of version 7 (RFC 9562, 5.7), each larger than the one before: within a millisecond by a random step (method 2
    of 6.2).

    A library that counts such a one a millisecond later tells times to come from the thousandth id a second on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        random = int.from_bytes(os.urandom(10), "big")
        moment = time.time_ns() // 1_000_000
        with self._lock:
            if moment > self._last >> 80:
                # Of the last 62 bits the first is 0 here: no number of steps carries over into the variant's.
                self._last = moment << 80 | 7 << 76 | (random >> 64 & 0xFFF) << 64 | 2 << 62 | random & (1 << 61) - 1
            else:
                self._last += 1 + (random & 0xFFFFFFFF)
            return self._last


_uuids: Final = _Uuids()


def _encode(number: int) -> str:
    # 26 characters of 5 bits are 130 bits: two spare ones lead, so the first character is 0–7.
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
