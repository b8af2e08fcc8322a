"""A person's secrets in the database: sealed with a data key of their own, which the keyring wraps."""

from dataclasses import dataclass
from typing import Protocol

import structlog
from pydantic import SecretStr

from onerouter_common.errors import CredentialsUnreadable
from onerouter_common.secrets import KeyRing, SecretUnopenable, data_key_of
from onerouter_registry.vault.service import owner_of_person, place_of_person

log = structlog.get_logger()


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
        """Raises CredentialsUnreadable for what was sealed for someone else, was changed, or whose key is gone."""
        ...


class SealedByKeyRing:
    """Bound to ("user", id): a secret that is copied to another person's row does not open."""

    def __init__(self, keyring: KeyRing) -> None:
        self._keyring = keyring

    async def seal(self, user_id: str, secret: SecretStr) -> SealedSecret:
        data_key, wrapped = await self._keyring.new_data_key(bound_to=owner_of_person(user_id))
        return SealedSecret(wrapped, data_key.seal(secret, bound_to=place_of_person(user_id)))

    async def open(self, user_id: str, sealed: SealedSecret) -> SecretStr:
        try:
            key_id = data_key_of(sealed.secret)
            data_key = await self._keyring.open_data_key(key_id, sealed.key, bound_to=owner_of_person(user_id))
            return data_key.open(sealed.secret, bound_to=place_of_person(user_id))
        except SecretUnopenable as error:
            log.error("registry.second_factor.unreadable", user_id=user_id, why=str(error))  # noqa: TRY400
            raise CredentialsUnreadable(
                "The second factor's stored secret cannot be read any more. Use a recovery code, and set it up again."
            ) from None
