"""Standard Webhooks signatures, scheme v1: HMAC-SHA256 over `id.timestamp.body`.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (1.0.0)
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import Final

from pydantic import SecretStr

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32


def new_secret() -> SecretStr:
    """A fresh signing secret in the form tenants give their library: `whsec_` and 32 random bytes in base64."""
    return SecretStr(_PREFIX + base64.b64encode(os.urandom(_SECRET_BYTES)).decode())


def sign(secrets: Sequence[SecretStr], message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: one signature a live secret, newest first, separated by spaces.

    `timestamp` is the attempt's, in Unix seconds. `message_id` must not contain a dot, which separates what is signed.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(_signature(secret, content) for secret in secrets)


def headers(secrets: Sequence[SecretStr], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """All three headers of a delivery."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, message_id, timestamp, body),
    }


def _signature(secret: SecretStr, content: bytes) -> str:
    encoded = secret.get_secret_value().removeprefix(_PREFIX)
    key = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
