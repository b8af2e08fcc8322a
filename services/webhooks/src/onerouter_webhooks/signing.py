"""Standard Webhooks signatures over `id.timestamp.body`: v1 (HMAC-SHA256) and v1a (ed25519).

v1 proves to who has the endpoint's secret, v1a to whoever has its public key. Who knows only v1 skips v1a.
Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (1.0.0)
"""

import base64
import hmac
import os
from collections.abc import Sequence
from typing import Final, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

_PREFIX: Final = "whsec_"
_PRIVATE_PREFIX: Final = "whsk_"
_PUBLIC_PREFIX: Final = "whpk_"
_SECRET_BYTES: Final = 32
_SEED_BYTES: Final = 32


def new_secret() -> SecretStr:
    """A fresh signing secret in the form tenants give their library: `whsec_` and 32 random bytes in base64."""
    return SecretStr(_PREFIX + base64.b64encode(os.urandom(_SECRET_BYTES)).decode())


def new_key_pair() -> tuple[SecretStr, str]:
    """A fresh pair: the private key (`whsk_`, base64 of seed and public key) and the public one (`whpk_`)."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    private = _PRIVATE_PREFIX + base64.b64encode(key.private_bytes_raw() + public).decode()
    return SecretStr(private), _PUBLIC_PREFIX + base64.b64encode(public).decode()


class Signer:
    """What one endpoint's messages are signed with, decoded once: deriving a key pair from its seed takes longer than to
    sign."""

    def __init__(self, secrets: Sequence[SecretStr], private_key: SecretStr | None = None) -> None:
        """`secrets`: the live ones, newest first."""
        self._keys = [_decoded(secret, _PREFIX) for secret in secrets]
        self._private_key = (
            None
            if private_key is None
            else Ed25519PrivateKey.from_private_bytes(_decoded(private_key, _PRIVATE_PREFIX)[:_SEED_BYTES])
        )

    def __repr__(self) -> str:
        return f"Signer(secrets={len(self._keys)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys live in memory only: they cannot be pickled or copied")

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """The `webhook-signature` header: one signature a live secret, newest first, then that of the private key,
        separated by spaces.

        `timestamp` is the attempt's, in Unix seconds. `message_id` must not contain a dot, which separates what is signed.
        """
        content = f"{message_id}.{timestamp}.".encode() + body
        signatures = ["v1," + _base64(hmac.digest(key, content, "sha256")) for key in self._keys]
        if self._private_key is not None:
            signatures.append("v1a," + _base64(self._private_key.sign(content)))
        return " ".join(signatures)

    def headers(self, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """All three headers of a delivery."""
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": self.sign(message_id, timestamp, body),
        }


def sign(
    secrets: Sequence[SecretStr],
    message_id: str,
    timestamp: int,
    body: bytes,
    *,
    private_key: SecretStr | None = None,
) -> str:
    """`Signer.sign`, once."""
    return Signer(secrets, private_key).sign(message_id, timestamp, body)


def headers(
    secrets: Sequence[SecretStr],
    message_id: str,
    timestamp: int,
    body: bytes,
    *,
    private_key: SecretStr | None = None,
) -> dict[str, str]:
    """`Signer.headers`, once."""
    return Signer(secrets, private_key).headers(message_id, timestamp, body)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decoded(secret: SecretStr, prefix: str) -> bytes:
    encoded = secret.get_secret_value().removeprefix(prefix)
    return base64.b64decode(encoded + "=" * (-len(encoded) % 4))
