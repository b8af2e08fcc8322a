"""Ids: a type prefix and 128 sortable bits, `pay_01k9zq…`.

The bits are a UUIDv7 (time first) written in Crockford's base 32, lower case, 26 characters. With its prefix an id is at
most 40 ASCII characters, so that it fits where providers let us store a reference of our own (Razorpay's receipt: 40).
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime
from typing import Final

import uuid6

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
WORKER: Final = "wrk"
REQUEST: Final = "req"
USER: Final = "usr"
SESSION: Final = "ses"
INVITATION: Final = "inv"
AUDIT_ENTRY: Final = "aud"
IDENTITY: Final = "idn"

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_TO_CROCKFORD: Final = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET.encode())
_SHAPE: Final = re.compile(r"[a-z]{2,4}_[0-7][0-9a-hjkmnp-tv-z]{25}")


def new_id(prefix: str) -> str:
    """A fresh id; ids made later sort later (to the millisecond)."""
    return f"{prefix}_{_encode(uuid6.uuid7().int)}"


def first_id(prefix: str, at: datetime) -> str:
    """What sorts before every id made from this moment on, and after those made earlier (to the millisecond)."""
    return f"{prefix}_{_encode(int(at.timestamp() * 1000) << 80)}"


def derive_id(prefix: str, secret: bytes, *parts: str) -> str:
    """The same parts give the same id, and nobody without the secret can tell which parts made it.

    Parts are length-prefixed before they are hashed, so that ("ab", "c") and ("a", "bc") differ.
    """
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in (prefix, *parts))
    digest = hmac.new(secret, message, hashlib.sha256).digest()
    return f"{prefix}_{_encode(int.from_bytes(digest[:16], 'big'))}"


def is_id(prefix: str, value: str) -> bool:
    """Whether the value has the shape of an id of this type (it may still belong to nothing)."""
    return value.startswith(f"{prefix}_") and _SHAPE.fullmatch(value) is not None


def _encode(number: int) -> str:
    # 26 characters of 5 bits are 130 bits: two spare ones lead, so the first character is 0–7. The library encodes whole
    # groups of 5 bytes, hence 20 bytes, of which the first 6 characters are zeros; its alphabet maps to Crockford's.
    return base64.b32encode(number.to_bytes(20, "big"))[6:].translate(_TO_CROCKFORD).decode()
