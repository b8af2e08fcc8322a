"""Sealed secrets: AES-256-GCM with a data key per tenant and environment, wrapped by a key-encryption key.

A sealed value is text: `v1.<data key id>.<nonce>.<ciphertext>` (base64url without padding). What it may be used for is
part of what is authenticated (the AAD), so that a ciphertext moved to another tenant, connection or field does not open.
A wrapped data key is `v1.<key-encryption key id>.<nonce>.<ciphertext>`, so the outer key can be rotated while running:
new wraps use the primary key, old ones open as long as their key is in the ring.

Nonces are 96 random bits (NIST SP 800-38D allows 2^32 seals a key; a data key serves one tenant's credentials).
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from onerouter_common.ids import DATA_KEY, new_id

_VERSION: Final = "v1"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32


class SecretUnopenable(Exception):
    """The ciphertext is not ours, was moved, was changed, or its key is gone. The text says which, never the content."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """One tenant's key, in the clear: lives in memory only. `repr` shows the id alone."""

    id: str
    _key: bytes

    def __repr__(self) -> str:
        return f"DataKey(id={self.id!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a data key lives in memory only: it cannot be pickled or copied")

    def seal(self, plaintext: SecretStr, *, bound_to: tuple[str, ...]) -> str:
        """Encrypt for exactly one place; `bound_to` names it: (tenant, connection, field)."""
        return _seal(self.id, self._key, plaintext.get_secret_value().encode(), bound_to)

    def open(self, sealed: str, *, bound_to: tuple[str, ...]) -> SecretStr:
        """Raises SecretUnopenable when the value was sealed for another place or has been changed."""
        key_id, nonce, ciphertext = _parse(sealed)
        if key_id != self.id:
            raise SecretUnopenable(f"sealed with data key {key_id}, not {self.id}")
        return SecretStr(_open(self._key, nonce, ciphertext, bound_to).decode())


class KeyRing:
    """The key-encryption keys a process holds: wraps with the first, opens with any."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise ValueError("a keyring needs at least one key")
        for key_id, key in keys.items():
            if len(key) != _KEY_BYTES:
                raise ValueError(f"key '{key_id}' must have {_KEY_BYTES} bytes, not {len(key)}")
            if not key_id or "." in key_id:
                raise ValueError("a key id must not be empty or contain a dot")
        self._keys = dict(keys)
        self.primary = next(iter(keys))

    def __repr__(self) -> str:
        return f"KeyRing(ids={list(self._keys)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a keyring lives in memory only: it cannot be pickled or copied")

    def shares_a_key_with(self, other: "KeyRing") -> bool:
        """Whether who holds one of them can open what the other wrapped; ids do not matter."""
        return not set(self._keys.values()).isdisjoint(other._keys.values())

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `id:base64,id2:base64`. Raises ValueError that names the entry, not its content."""
        keys: dict[str, bytes] = {}
        for number, entry in enumerate(text.split(","), start=1):
            key_id, separator, encoded = entry.strip().partition(":")
            if not separator:
                raise ValueError(f"key {number} must look like id:base64")
            if key_id in keys:
                raise ValueError(f"key {number} has the id '{key_id}' of an earlier one")
            try:
                keys[key_id] = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                raise ValueError(f"key {number} ('{key_id}') is not valid base64") from None
        return cls(keys)

    @staticmethod
    def generate(key_id: str) -> str:
        """A fresh key in the form `parse` reads."""
        return f"{key_id}:{base64.b64encode(os.urandom(_KEY_BYTES)).decode()}"

    def new_data_key(self, *, bound_to: tuple[str, ...]) -> tuple[DataKey, str]:
        """A fresh data key and its wrapped form to store; `bound_to` names its owner: (tenant, environment)."""
        data_key = DataKey(new_id(DATA_KEY), os.urandom(_KEY_BYTES))
        return data_key, self._wrap(data_key, bound_to)

    def open_data_key(self, data_key_id: str, wrapped: str, *, bound_to: tuple[str, ...]) -> DataKey:
        key_id, nonce, ciphertext = _parse(wrapped)
        key = self._keys.get(key_id)
        if key is None:
            raise SecretUnopenable(f"wrapped with key '{key_id}', which is not in the keyring")
        return DataKey(data_key_id, _open(key, nonce, ciphertext, (*bound_to, data_key_id)))

    def rewrap(self, data_key_id: str, wrapped: str, *, bound_to: tuple[str, ...]) -> str | None:
        """The same data key wrapped by the primary key, or None when it already is."""
        if _parse(wrapped)[0] == self.primary:
            return None
        return self._wrap(self.open_data_key(data_key_id, wrapped, bound_to=bound_to), bound_to)

    def _wrap(self, data_key: DataKey, bound_to: tuple[str, ...]) -> str:
        return _seal(self.primary, self._keys[self.primary], data_key._key, (*bound_to, data_key.id))


def open_sealed(
    keyring: KeyRing,
    sealed: Mapping[str, str],
    data_keys: Mapping[str, str],
    *,
    owner: tuple[str, str],
    connection_id: str,
) -> dict[str, SecretStr]:
    """Open a connection's sealed fields. `owner` is (tenant, environment). Raises SecretUnopenable."""
    opened: dict[str, DataKey] = {}
    fields: dict[str, SecretStr] = {}
    for field, value in sealed.items():
        key_id = _parse(value)[0]
        if key_id not in opened:
            if key_id not in data_keys:
                raise SecretUnopenable(f"data key {key_id} was not given")
            opened[key_id] = keyring.open_data_key(key_id, data_keys[key_id], bound_to=owner)
        fields[field] = opened[key_id].open(value, bound_to=(owner[0], connection_id, field))
    return fields


def _seal(key_id: str, key: bytes, plaintext: bytes, bound_to: tuple[str, ...]) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    ciphertext = AESGCM(key).encrypt(nonce, plaintext, _aad(bound_to))
    return ".".join((_VERSION, key_id, _b64(nonce), _b64(ciphertext)))


def _open(key: bytes, nonce: bytes, ciphertext: bytes, bound_to: tuple[str, ...]) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, _aad(bound_to))
    except InvalidTag:
        raise SecretUnopenable("changed, or sealed for another place") from None


def _parse(sealed: str) -> tuple[str, bytes, bytes]:
    parts = sealed.split(".")
    if len(parts) != 4 or parts[0] != _VERSION:
        raise SecretUnopenable("not a sealed value of a known version")
    try:
        nonce, ciphertext = _unb64(parts[2]), _unb64(parts[3])
    except ValueError:
        raise SecretUnopenable("not a sealed value: bad encoding") from None
    if len(nonce) != _NONCE_BYTES:
        raise SecretUnopenable("not a sealed value: bad nonce")
    return parts[1], nonce, ciphertext


def _aad(bound_to: tuple[str, ...]) -> bytes:
    # Length-prefixed, so that ("ten_1", "x") and ("ten_", "1x") are different places.
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in bound_to)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _b64(raw) != text:  # the decoder skips what it does not know and drops spare bits: one value, one spelling
        raise ValueError("not canonical base64url")
    return raw
