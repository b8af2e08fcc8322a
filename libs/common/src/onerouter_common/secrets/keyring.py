"""Keyrings: the key-encryption keys a process holds, one ring for test and one for live.

New wraps use a ring's first key, old ones open as long as their key is in the ring: so keys are rotated while running.
"""

from collections.abc import Mapping, Sequence
from typing import NoReturn, Self

from pydantic import SecretStr

from onerouter_common.secrets.kms import Kms
from onerouter_common.secrets.sealing import DataKey, SecretUnopenable, data_key_of
from onerouter_common.secrets.wrapping import KeyEncryptionKey, generate, parse_entry, wrapper_of


class KeyRing:
    """Wraps with the first key, opens with any."""

    def __init__(self, keys: Sequence[KeyEncryptionKey]) -> None:
        """At least one."""
        self._keys = {key.id: key for key in keys}
        self.primary = keys[0].id

    def __repr__(self) -> str:
        return f"KeyRing(ids={list(self._keys)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a keyring lives in memory only: it cannot be pickled or copied")

    @classmethod
    def parse(cls, text: str, kms: Kms | None = None) -> Self:
        """From `id:base64,id2:aws-kms:alias/…`. Without a KMS, a ring that names one can be checked, not used.

        Raises ValueError that names the entry, not its content.
        """
        keys: dict[str, KeyEncryptionKey] = {}
        for number, entry in enumerate(text.split(","), start=1):
            key_id, separator, rest = entry.strip().partition(":")
            if not separator:
                raise ValueError(f"key {number} must look like id:base64 or id:aws-kms:<key>")
            if key_id in keys:
                raise ValueError(f"key {number} has the id '{key_id}' of an earlier one")
            keys[key_id] = parse_entry(key_id, rest, kms)
        return cls(list(keys.values()))

    @staticmethod
    def generate(key_id: str) -> str:
        """A fresh local key in the form `parse` reads."""
        return generate(key_id)

    def shares_a_key_with(self, other: "KeyRing") -> bool:
        """Whether who holds one of them can open what the other wrapped; ids do not matter.

        Two names of one KMS key (an alias and its ARN) are not recognised.
        """
        return not self._identities().isdisjoint(other._identities())

    async def new_data_key(self, *, bound_to: tuple[str, ...]) -> tuple[DataKey, str]:
        """A fresh data key and its wrapped form to store; `bound_to` names its owner: (tenant, environment).

        Raises Overloaded when the KMS that holds the primary key cannot be used right now.
        """
        data_key = DataKey.new()
        return data_key, await self._keys[self.primary].wrap(data_key, bound_to)

    async def open_data_key(self, data_key_id: str, wrapped: str, *, bound_to: tuple[str, ...]) -> DataKey:
        """Raises SecretUnopenable, and Overloaded when the KMS cannot be used right now."""
        key_id = wrapper_of(wrapped)
        key = self._keys.get(key_id)
        if key is None:
            raise SecretUnopenable(f"wrapped with key '{key_id}', which is not in the keyring")
        return await key.unwrap(data_key_id, wrapped, bound_to)

    async def rewrap(self, data_key_id: str, wrapped: str, *, bound_to: tuple[str, ...]) -> str | None:
        """The same data key wrapped by the primary key, or None when it already is. Raises as `open_data_key`."""
        if wrapper_of(wrapped) == self.primary:
            return None
        data_key = await self.open_data_key(data_key_id, wrapped, bound_to=bound_to)
        return await self._keys[self.primary].wrap(data_key, bound_to)

    def _identities(self) -> set[object]:
        return {key.identity for key in self._keys.values()}


class KeyRings:
    """One ring for each environment: who holds test keys opens nothing that is live."""

    def __init__(self, *, test: KeyRing, live: KeyRing) -> None:
        self._rings = {"test": test, "live": live}

    def of(self, environment: str) -> KeyRing:
        return self._rings[environment]


async def open_sealed(
    keyring: KeyRing,
    sealed: Mapping[str, str],
    data_keys: Mapping[str, str],
    *,
    owner: tuple[str, str],
    connection_id: str,
) -> dict[str, SecretStr]:
    """Open a connection's sealed fields. `owner` is (tenant, environment).

    Raises SecretUnopenable that names the connection and the field, and Overloaded when the KMS cannot be used right now.
    """
    opened: dict[str, DataKey] = {}
    fields: dict[str, SecretStr] = {}
    for field, value in sealed.items():
        try:
            key_id = data_key_of(value)
            if key_id not in opened:
                opened[key_id] = await keyring.open_data_key(key_id, _wrapped(data_keys, key_id), bound_to=owner)
            fields[field] = opened[key_id].open(value, bound_to=(owner[0], connection_id, field))
        except SecretUnopenable as error:
            raise SecretUnopenable(f"{connection_id}, {field}: {error}") from None
    return fields


def _wrapped(data_keys: Mapping[str, str], key_id: str) -> str:
    if key_id not in data_keys:
        raise SecretUnopenable(f"data key {key_id} is gone")
    return data_keys[key_id]
