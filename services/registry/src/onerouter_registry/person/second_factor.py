"""The second factor: set up, asked for, taken away."""

from dataclasses import dataclass
from typing import TypeGuard

from pydantic import SecretStr
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Conflict, InvalidRequest
from onerouter_registry.actor import Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.mail.letters import Letters
from onerouter_registry.mail.service import Post
from onerouter_registry.person import second_factor_repository as repository
from onerouter_registry.person import token_repository, totp
from onerouter_registry.person.sealing import PersonSecrets, SealedSecret
from onerouter_registry.secret_key import derive_key
from onerouter_registry.session import repository as sessions
from onerouter_registry.throttle.model import SECOND_FACTOR
from onerouter_registry.throttle.service import Throttle
from onerouter_registry.transactions import operator_transaction


@dataclass(frozen=True, slots=True)
class BegunTotp:
    """Shown once; it counts when a code of it was entered."""

    secret: SecretStr
    uri: SecretStr


@dataclass(frozen=True, slots=True)
class OpenedTotp:
    """Opened before the transaction that uses it, and worth nothing when another was set up meanwhile."""

    sealed: str
    secret: SecretStr


class SecondFactor:
    def __init__(
        self,
        engine: AsyncEngine,
        secrets: PersonSecrets,
        secret: SecretStr,
        throttle: Throttle,
        post: Post,
        letters: Letters,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._secrets = secrets
        self._key = derive_key(secret, "recovery codes")
        self._throttle = throttle
        self._post = post
        self._letters = letters
        self._audit = audit
        self._clock = clock

    async def begin(self, user_id: str, *, by: Actor) -> BegunTotp:
        """A secret to put into an authenticator app. Raises Conflict when one is in use already."""
        secret = totp.new_secret()
        sealed = await self._secrets.seal(user_id, secret)
        async with operator_transaction(self._engine) as tx:
            row = await repository.lock(tx, user_id)
            if row is None or row["totp_enabled_at"] is not None:
                raise Conflict("A second factor is set up already; remove it first.", code="TOTP_ENABLED")
            await repository.set_secret(tx, user_id, sealed.key, sealed.secret, now=self._clock.now())
            await self._audit.record_of_person(tx, by, "user.totp_begun", user_id)
        return BegunTotp(secret, totp.uri_of(secret, row["email"]))

    async def confirm(self, user_id: str, code: str, *, but_session: str | None, by: Actor) -> list[SecretStr]:
        """From now on it is asked for; other sessions end, and so does a change of the address that was only asked for.

        Gives the recovery codes, this once.

        Raises InvalidRequest for a wrong code, Conflict when nothing was begun, RateLimited.
        """
        made = await self._throttle.count({SECOND_FACTOR: user_id})
        opened = await self.open(user_id)
        codes = totp.new_recovery_codes()
        now = self._clock.now()
        async with operator_transaction(self._engine) as tx:
            row = await repository.lock(tx, user_id)
            if row is None or not _is_of(opened, row) or row["totp_enabled_at"] is not None:
                raise Conflict("No second factor is being set up.", code="TOTP_NOT_BEGUN")
            step = totp.step_of(opened.secret, code, at=now, after=row["totp_last_step"])
            if step is None:
                raise InvalidRequest.of("code", "is not the one your authenticator shows now")
            await repository.enable(tx, user_id, now=now)
            await repository.use_step(tx, user_id, step)
            await self._keep_codes(tx, user_id, codes)
            await sessions.close_all(tx, user_id, but=but_session)
            await token_repository.void_address_change(tx, user_id)
            await self._throttle.succeeded(tx, made, clear=(SECOND_FACTOR,))
            await self._audit.record_of_person(tx, by, "user.totp_enabled", user_id)
        return codes

    async def renew_codes(self, user_id: str, *, by: Actor) -> list[SecretStr]:
        """New recovery codes; the old ones are void. Raises Conflict without a second factor."""
        codes = totp.new_recovery_codes()
        async with operator_transaction(self._engine) as tx:
            row = await self._locked(tx, user_id)
            await self._keep_codes(tx, user_id, codes)
            await self._audit.record_of_person(tx, by, "user.recovery_codes_renewed", user_id)
        await self._post.tell(self._letters.recovery_codes_renewed(row["email"]))
        return codes

    async def remove(self, user_id: str, *, by: Actor) -> None:
        """Raises Conflict without one."""
        async with operator_transaction(self._engine) as tx:
            row = await self._locked(tx, user_id)
            await repository.set_secret(tx, user_id, None, None, now=self._clock.now())
            await repository.replace_codes(tx, user_id, ())
            await self._audit.record_of_person(tx, by, "user.totp_removed", user_id)
        await self._post.tell(self._letters.second_factor_removed(row["email"]))

    async def open(self, user_id: str) -> OpenedTotp | None:
        """The secret that is set up, or being set up. May ask a KMS, so not inside a transaction."""
        async with operator_transaction(self._engine) as tx:
            row = await repository.find(tx, user_id)
        if row is None or row["totp_secret"] is None:
            return None
        sealed = SealedSecret(row["totp_key"], row["totp_secret"])
        return OpenedTotp(sealed.secret, await self._secrets.open(user_id, sealed))

    async def accepts(
        self,
        tx: AsyncConnection,
        user_id: str,
        opened: OpenedTotp | None,
        *,
        code: str | None,
        recovery_code: str | None,
    ) -> bool:
        """Use the code, in the caller's transaction: the same one is not accepted again."""
        row = await repository.lock(tx, user_id)
        if row is None or row["totp_enabled_at"] is None:
            return False
        if recovery_code is not None:
            code_hash = totp.hash_recovery_code(self._key, user_id, recovery_code)
            return await repository.use_code(tx, user_id, code_hash, now=self._clock.now())
        if not _is_of(opened, row):
            return False
        step = totp.step_of(opened.secret, code or "", at=self._clock.now(), after=row["totp_last_step"])
        if step is not None:
            await repository.use_step(tx, user_id, step)
        return step is not None

    async def codes_left(self, user_id: str) -> int:
        async with operator_transaction(self._engine) as tx:
            return await repository.codes_left(tx, user_id)

    async def _locked(self, tx: AsyncConnection, user_id: str) -> RowMapping:
        row = await repository.lock(tx, user_id)
        if row is None or row["totp_enabled_at"] is None:
            raise Conflict("No second factor is set up.", code="TOTP_NOT_ENABLED")
        return row

    async def _keep_codes(self, tx: AsyncConnection, user_id: str, codes: list[SecretStr]) -> None:
        hashes = [totp.hash_recovery_code(self._key, user_id, code.get_secret_value()) for code in codes]
        await repository.replace_codes(tx, user_id, hashes)


def _is_of(opened: OpenedTotp | None, row: RowMapping) -> TypeGuard[OpenedTotp]:
    return opened is not None and opened.sealed == row["totp_secret"]
