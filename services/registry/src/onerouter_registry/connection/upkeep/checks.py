"""Asks providers again, in the background: credentials stop working without anybody telling us."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import CredentialsUnreadable, NotFound, ProviderThrottled, ProviderUnavailable
from onerouter_registry.actor import SYSTEM
from onerouter_registry.connection import repository as connections
from onerouter_registry.connection.upkeep import repository
from onerouter_registry.connection.verdict import next_check
from onerouter_registry.connection.verification import Verification
from onerouter_registry.transactions import operator_transaction, tenant_transaction

log = structlog.get_logger()

_LEASE: Final = timedelta(minutes=10)
"""Longer than a batch can take: who is killed meanwhile leaves its claims to others."""


class Checks:
    """Each connection about once a day, those that are not accepted about once an hour. It disables none.

    Nothing is told twice: the answer, the event and the audit entry are one transaction (`Verdicts.record`).
    """

    def __init__(self, engine: AsyncEngine, verification: Verification, clock: Clock, *, at_once: int) -> None:
        self._engine = engine
        self._verification = verification
        self._clock = clock
        self._at_once = at_once

    async def check_due(self) -> int:
        """Ask about all that are due, a few at once; how many there were."""
        count = 0
        while checked := await self._check_batch():
            count += checked
        return count

    async def _check_batch(self) -> int:
        now = self._clock.now()
        async with operator_transaction(self._engine) as tx:
            due = await repository.claim_checks(tx, now, now + _LEASE, self._at_once)
        results = await asyncio.gather(*(self._check(*one, now) for one in due), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result  # our own database: what was not checked is due again when its lease ends
        return len(due)

    async def _check(self, connection_id: str, tenant_id: str, environment: str, now: datetime) -> None:
        try:
            await self._verification.verify(tenant_id, environment, connection_id, by=SYSTEM)
            return
        except NotFound:
            return  # disconnected meanwhile
        except CredentialsUnreadable:
            return  # logged, stored and told where it was found
        except (ProviderUnavailable, ProviderThrottled) as away:
            log.info("registry.check.away", connection_id=connection_id, provider=away.provider)
        except Exception as error:
            # Its provider was uninstalled, say. Only its class: the text may quote a row.
            log.error("registry.check.failed", connection_id=connection_id, error=type(error).__name__)  # noqa: TRY400
        async with tenant_transaction(self._engine, tenant_id, environment) as tx:
            await connections.note(tx, connection_id, next_check_at=next_check(now, accepted=False))
