"""Codes of an authenticator app (RFC 6238: SHA-1, 30 seconds, six digits) and the recovery codes beside them."""

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Final

import pyotp
from pydantic import SecretStr

ISSUER: Final = "OneRouter"
STEP_S: Final = 30
DRIFT_STEPS: Final = 1
"""A phone's clock may be half a minute wrong."""
RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_CODE: Final = re.compile(r"[0-9]{6}")


def new_secret() -> SecretStr:
    """160 random bits in base 32."""
    return SecretStr(pyotp.random_base32(32))


def uri_of(secret: SecretStr, email: str) -> SecretStr:
    """What an authenticator app reads from a QR code."""
    return SecretStr(pyotp.TOTP(secret.get_secret_value()).provisioning_uri(name=email, issuer_name=ISSUER))


def step_of(secret: SecretStr, code: str, *, at: datetime, after: int | None) -> int | None:
    """The time step whose code this is, None for no code of now. One at or before `after` was used: it is none, too."""
    given = code.replace(" ", "")
    if not given.isascii() or not _CODE.fullmatch(given):
        return None
    now = int(at.timestamp()) // STEP_S
    codes = pyotp.TOTP(secret.get_secret_value())
    found = None
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        # All are compared, so that the time taken does not say which one was close.
        if hmac.compare_digest(codes.generate_otp(step), given) and (after is None or step > after):
            found = step if found is None else found
    return found


def new_recovery_codes() -> list[SecretStr]:
    """Ten codes of 80 bits, `xxxx-xxxx-xxxx-xxxx`."""
    return [SecretStr(_spelled(secrets.token_bytes(_RECOVERY_BYTES))) for _ in range(RECOVERY_CODES)]


def hash_recovery_code(key: bytes, user_id: str, code: str) -> str:
    """Hex, under a key the database does not hold. Case, blanks and dashes do not matter."""
    plain = code.lower().replace("-", "").replace(" ", "").encode()
    return hmac.new(key, user_id.encode() + b"\0" + plain, hashlib.sha256).hexdigest()


def _spelled(raw: bytes) -> str:
    number = int.from_bytes(raw, "big")
    letters = "".join(_ALPHABET[number >> shift & 31] for shift in range(75, -5, -5))
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))
