"""The sealed form of a secret: AES-256-GCM under a data key, bound to its place.

A sealed value is text: `v1.<key id>.<nonce>.<ciphertext>` (base64url without padding); sealed bytes are `v1.<key id>.` and
then nonce and ciphertext as they are. What it may be used for is part of what is authenticated (the AAD), so that a
ciphertext moved to another tenant, connection or field does not open.

Nonces are 96 random bits (NIST SP 800-38D allows 2^32 seals a key; a data key serves one tenant's credentials).
"""

import base64
import os
from dataclasses import dataclass
from typing import Final, NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from onerouter_common.ids import DATA_KEY, new_id

KEY_BYTES: Final = 32
_VERSION: Final = "v1"
_NONCE_BYTES: Final = 12


class SecretUnopenable(Exception):
    """The ciphertext is not ours, was moved, was changed, or its key is gone. The text says which, never the content."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """One tenant's key, in the clear: lives in memory only. `repr` shows the id alone."""

    id: str
    _key: bytes

    @classmethod
    def new(cls) -> Self:
        return cls(new_id(DATA_KEY), os.urandom(KEY_BYTES))

    def __repr__(self) -> str:
        return f"DataKey(id={self.id!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a data key lives in memory only: it cannot be pickled or copied")

    def seal(self, plaintext: SecretStr, *, bound_to: tuple[str, ...]) -> str:
        """Encrypt for exactly one place; `bound_to` names it: (tenant, connection, field)."""
        return encrypt(self.id, self._key, plaintext.get_secret_value().encode(), bound_to)

    def open(self, sealed: str, *, bound_to: tuple[str, ...]) -> SecretStr:
        """Raises SecretUnopenable when the value was sealed for another place or has been changed."""
        key_id, nonce, ciphertext = parse(sealed)
        if key_id != self.id:
            raise SecretUnopenable(f"sealed with data key {key_id}, not {self.id}")
        return SecretStr(decrypt(self._key, nonce, ciphertext, bound_to).decode())

    def seal_bytes(self, plaintext: bytes, *, bound_to: tuple[str, ...]) -> bytes:
        """As `seal`, for what is large or no text: a third shorter."""
        nonce = os.urandom(_NONCE_BYTES)
        return f"{_VERSION}.{self.id}.".encode() + nonce + AESGCM(self._key).encrypt(nonce, plaintext, _aad(bound_to))

    def open_bytes(self, sealed: bytes, *, bound_to: tuple[str, ...]) -> bytes:
        """Raises SecretUnopenable as `open`."""
        key_id = data_key_of_bytes(sealed)
        if key_id != self.id:
            raise SecretUnopenable(f"sealed with data key {key_id}, not {self.id}")
        rest = sealed.split(b".", 2)[2]
        return decrypt(self._key, rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], bound_to)


def data_key_of_bytes(sealed: bytes) -> str:
    """The id of the data key that bytes were sealed with. Raises SecretUnopenable."""
    parts = sealed.split(b".", 2)
    if len(parts) != 3 or parts[0] != _VERSION.encode() or len(parts[2]) < _NONCE_BYTES or not parts[1].isascii():
        raise SecretUnopenable("not sealed bytes of a known version")
    return parts[1].decode()


def data_key_of(sealed: str) -> str:
    """The id of the data key a value was sealed with. Raises SecretUnopenable."""
    return parse(sealed)[0]


def encrypt(key_id: str, key: bytes, plaintext: bytes, bound_to: tuple[str, ...]) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    ciphertext = AESGCM(key).encrypt(nonce, plaintext, _aad(bound_to))
    return ".".join((_VERSION, key_id, to_base64(nonce), to_base64(ciphertext)))


def decrypt(key: bytes, nonce: bytes, ciphertext: bytes, bound_to: tuple[str, ...]) -> bytes:
    """Raises SecretUnopenable."""
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, _aad(bound_to))
    except InvalidTag:
        raise SecretUnopenable("changed, or sealed for another place") from None


def parse(sealed: str) -> tuple[str, bytes, bytes]:
    """Key id, nonce and ciphertext. Raises SecretUnopenable."""
    parts = sealed.split(".")
    if len(parts) != 4 or parts[0] != _VERSION:
        raise SecretUnopenable("not a sealed value of a known version")
    try:
        nonce, ciphertext = from_base64(parts[2]), from_base64(parts[3])
    except ValueError:
        raise SecretUnopenable("not a sealed value: bad encoding") from None
    if len(nonce) != _NONCE_BYTES:
        raise SecretUnopenable("not a sealed value: bad nonce")
    return parts[1], nonce, ciphertext


def to_base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64(text: str) -> bytes:
    """Raises ValueError."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if to_base64(raw) != text:  # the decoder skips what it does not know and drops spare bits: one value, one spelling
        raise ValueError("not canonical base64url")
    return raw


def _aad(bound_to: tuple[str, ...]) -> bytes:
    # Length-prefixed, so that ("ten_1", "x") and ("ten_", "1x") are different places.
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in bound_to)
