"""Keys for single purposes, derived from the registry's one secret."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr


def derive_key(secret: SecretStr, purpose: str) -> bytes:
    """32 bytes (HKDF-SHA256, RFC 5869); who knows one purpose's key learns nothing of another's."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"onerouter registry {purpose}".encode()).derive(
        secret.get_secret_value().encode()
    )
