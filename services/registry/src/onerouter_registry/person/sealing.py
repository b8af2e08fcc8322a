"""A person's secrets in the database: sealed with a data key of their own, which the keyring wraps."""

from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from onerouter_common.secrets import KeyRing, data_key_of


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """The two columns `users.totp_key` and `users.totp_secret`."""

    key: str
    """The data key's wrapped form."""
    secret: str
    """`v1.<data key id>.<nonce>.<ciphertext>`."""


class PersonSecrets(Protocol):
    """May ask a KMS: never inside a transaction."""

    async def seal(self, user_id: str, secret: SecretStr) -> SealedSecret: ...

    async def open(self, user_id: str, sealed: SealedSecret) -> SecretStr:
        """Raises SecretUnopenable for what was sealed for someone else, or changed."""
        ...


class SealedByKeyRing:
    """Bound to ("user", id): a secret that is copied to another person's row does not open."""

    def __init__(self, keyring: KeyRing) -> None:
        self._keyring = keyring

    async def seal(self, user_id: str, secret: SecretStr) -> SealedSecret:
        data_key, wrapped = await self._keyring.new_data_key(bound_to=("user", user_id))
        return SealedSecret(wrapped, data_key.seal(secret, bound_to=("user", user_id, "totp")))

    async def open(self, user_id: str, sealed: SealedSecret) -> SecretStr:
        data_key = await self._keyring.open_data_key(data_key_of(sealed.secret), sealed.key, bound_to=("user", user_id))
        return data_key.open(sealed.secret, bound_to=("user", user_id, "totp"))
