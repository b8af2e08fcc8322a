"""Signing in: a password, then, for those who have one, a second factor."""

from dataclasses import dataclass
from typing import Final

import structlog
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import Conflict, Overloaded, Unauthenticated
from onerouter_common.recipients import email_of
from onerouter_registry.access.origin import Origin
from onerouter_registry.audit.chain import PLATFORM
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.person import repository
from onerouter_registry.person.entrance import Entrance, visitor
from onerouter_registry.person.model import Person
from onerouter_registry.person.passwords import Passwords, Verdict
from onerouter_registry.person.second_factor import SecondFactor
from onerouter_registry.session import repository as sessions
from onerouter_registry.session.model import OpenedSession, Session
from onerouter_registry.session.service import hash_token
from onerouter_registry.throttle.model import SECOND_FACTOR, SIGN_IN_ACCOUNT, SIGN_IN_ADDRESS, SIGN_IN_HERE, Rule
from onerouter_registry.throttle.service import Throttle, Try, account_in_network, network_of
from onerouter_registry.transactions import operator_transaction

log = structlog.get_logger()

AUDITED_FAILURES: Final = 10
"""So many in a row, and each multiple, are an entry of the audit log."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    person: Person
    session: OpenedSession


class SignIn:
    def __init__(
        self,
        engine: AsyncEngine,
        passwords: Passwords,
        second_factor: SecondFactor,
        entrance: Entrance,
        throttle: Throttle,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._passwords = passwords
        self._second_factor = second_factor
        self._entrance = entrance
        self._throttle = throttle
        self._audit = audit
        self._clock = clock

    async def with_password(
        self, email: str, password: SecretStr, origin: Origin, previous: SecretStr | None
    ) -> SignedIn:
        """Raises Unauthenticated, the same after the same work whether there is no such person or the password is wrong.

        RateLimited and Overloaded say nothing about the person either.
        """
        address = email_of("email", email)
        subjects = {
            SIGN_IN_HERE: account_in_network(address, origin.ip),
            SIGN_IN_ACCOUNT: address,
            SIGN_IN_ADDRESS: network_of(origin.ip),
        }
        made = await self._throttle.count(subjects, charged=SIGN_IN_ADDRESS)
        async with operator_transaction(self._engine) as tx:
            person = await repository.find_by_email(tx, address)
        stored = person.password_hash if person is not None and person.disabled_at is None else None
        verdict = await self._verify(stored, password, made)
        if person is None or stored is None or not verdict.matches:
            await self._refused(made, SIGN_IN_ACCOUNT, person, origin)
            raise Unauthenticated("The email address or the password is wrong.", code="SIGN_IN_FAILED")
        async with operator_transaction(self._engine) as tx:
            current = await repository.find(tx, person.id, lock=True)
            if current is None or current.password_hash != stored or current.disabled_at is not None:
                raise Unauthenticated("The email address or the password is wrong.", code="SIGN_IN_FAILED")
            if verdict.better is not None:
                await repository.rehash(tx, person.id, known=stored, better=verdict.better)
            await self._throttle.succeeded(tx, made, clear=(SIGN_IN_HERE, SIGN_IN_ACCOUNT))
            opened = await self._entrance.admit(tx, current, method="password", origin=origin, previous=previous)
        return SignedIn(current, opened)

    async def with_second_factor(
        self, pending: Session, token: SecretStr, origin: Origin, *, code: str | None, recovery_code: str | None
    ) -> SignedIn:
        """Turns a session that waits for its second factor into a new one that does not.

        Raises Unauthenticated for a wrong or used code, and when the session has ended meanwhile (a new password ends it);
        Conflict when it waits for none.
        """
        if not pending.pending_totp:
            raise Conflict("You are signed in already.", code="ALREADY_SIGNED_IN")
        made = await self._throttle.count({SECOND_FACTOR: pending.user_id})
        totp = None if recovery_code is not None else await self._second_factor.open(pending.user_id)
        async with operator_transaction(self._engine) as tx:
            accepted = await self._second_factor.accepts(
                tx, pending.user_id, totp, code=code, recovery_code=recovery_code
            )
            person = await repository.find(tx, pending.user_id)
            if accepted and person is not None:
                # `accepts` locked the person: who chooses a new password at the same time is done, or comes after this.
                if person.disabled_at is not None or not await sessions.take_pending(
                    tx, hash_token(token), now=self._clock.now()
                ):
                    raise Unauthenticated("Your session has ended. Sign in again.", code="SESSION_ENDED")
                await self._throttle.succeeded(tx, made, clear=(SECOND_FACTOR,))
                opened = await self._entrance.admit(
                    tx,
                    person,
                    method=pending.method,
                    origin=origin,
                    tenant_id=pending.tenant_id,
                    second_factor_done=True,
                )
                return SignedIn(person, opened)
        await self._refused(made, SECOND_FACTOR, person, origin)
        raise Unauthenticated("The code is wrong, or was used already.", code="TOTP_WRONG")

    async def _verify(self, stored: str | None, password: SecretStr, made: Try) -> Verdict:
        try:
            return await self._passwords.verify(stored, password)
        except Overloaded:
            await self._throttle.take_back(made)
            raise

    async def _refused(self, made: Try, rule: Rule, person: Person | None, origin: Origin) -> None:
        failures = made.counts[rule]
        log.info("registry.sign_in.refused", rule=rule.name, failures=failures)
        if failures % AUDITED_FAILURES != 0:
            return
        async with operator_transaction(self._engine) as tx:
            await self._audit.record(
                tx,
                visitor(origin),
                "session.refused",
                tenant_id=PLATFORM,
                environment=None,
                # What was typed is not kept where nobody has that address: it may be a password in the wrong field.
                target=("user", "unknown" if person is None else person.id),
                after={"failures": failures, "by": rule.name},
            )
