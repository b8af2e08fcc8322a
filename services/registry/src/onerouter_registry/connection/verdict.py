"""What became known of a connection's credentials: stored, and told to the tenant where it is news."""

import random
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.clock import Clock, isoformat
from onerouter_common.contracts.events import Event, EventResource
from onerouter_common.ids import EVENT, new_id
from onerouter_common.metric_names import CREDENTIAL_TURNS
from onerouter_registry.actor import Actor
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.connection import repository
from onerouter_registry.connection.model import Connection
from onerouter_registry.outbox.repository import append_event

log = structlog.get_logger()

CHECK_ACCEPTED_EVERY: Final = timedelta(days=1)
CHECK_OTHERS_EVERY: Final = timedelta(hours=1)
"""Refused, never asked, or the provider was away."""
_JITTER: Final = 0.2


class Verdicts:
    def __init__(self, audit: AuditLog, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def record(self, tx: AsyncConnection, asked: Connection, problem: str | None, by: Actor) -> bool:
        """Store that the provider accepts `asked`'s credentials, or why not. False: they are no longer the connection's.

        A turn (it accepted them and refuses them now, or the other way round) is an event to the tenant and an entry of
        the audit log, in this transaction: once, whoever found it out, and however many did.
        """
        now = self._clock.now()
        stored = await repository.find(tx, asked.id, lock=True)
        if stored is None or stored.disconnected_at is not None or _differ(stored, asked):
            return False
        refused = problem is not None
        values: dict[str, Any] = {"verified_error": problem, "next_check_at": next_check(now, accepted=not refused)}
        if not refused:
            values["verified_at"] = now
        is_turn = refused != stored.told_refused
        if is_turn:
            values |= {"told_refused": refused, "event_sequence": stored.event_sequence + 1}
        await repository.note(tx, stored.id, **values)
        if is_turn:
            await self._tell(tx, stored, by)
        return True

    async def _tell(self, tx: AsyncConnection, before: Connection, by: Actor) -> None:
        after = await repository.find(tx, before.id)
        assert after is not None  # noqa: S101 - it is locked by this transaction
        turn = "refused" if after.told_refused else "accepted"
        action = f"connection.credentials_{turn}"
        await append_event(
            tx,
            Event(
                id=new_id(EVENT),
                type=action,
                tenant_id=after.tenant_id,
                environment=after.environment,
                category=after.category,
                resource=EventResource(kind="connection", id=after.id),
                sequence=after.event_sequence,
                occurred_at=self._clock.now(),
                data=facts_of(after),
            ),
        )
        await self._audit.record(
            tx,
            by,
            action,
            tenant_id=after.tenant_id,
            environment=after.environment,
            target=("connection", after.id),
            before={"verification": before.verification},
            after={"verification": after.verification, "verified_error": after.verified_error},
        )
        CREDENTIAL_TURNS.labels(after.provider, turn).inc()
        log.warning("registry.connection.turned", connection_id=after.id, provider=after.provider, turn=turn)


def next_check(now: datetime, *, accepted: bool) -> datetime:
    """Spread, so that what was connected together is not asked about together."""
    every = CHECK_ACCEPTED_EVERY if accepted else CHECK_OTHERS_EVERY
    return now + every * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - a wait is no secret


def facts_of(connection: Connection) -> dict[str, JsonValue]:
    """A connection as tenants' endpoints see it: nothing of its credentials, not even masked."""
    return {
        "id": connection.id,
        "object": "connection",
        "service": connection.category,
        "provider": connection.provider,
        "label": connection.label,
        "environment": connection.environment,
        "status": connection.status,
        "priority": connection.priority,
        "currency": connection.currency,
        "max_in_flight": connection.max_in_flight,
        "rate_per_s": connection.rate_per_s,
        "verification": connection.verification,
        "verified_error": connection.verified_error,
        "last_verified_at": _moment(connection.verified_at),
        "created_at": _moment(connection.created_at),
        "updated_at": _moment(connection.updated_at),
        "disconnected_at": _moment(connection.disconnected_at),
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else isoformat(value)


def _differ(stored: Connection, asked: Connection) -> bool:
    ours, theirs = stored.credentials, asked.credentials
    return (dict(ours.api), dict(ours.public)) != (dict(theirs.api), dict(theirs.public))
