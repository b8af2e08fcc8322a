"""An operation this process may now execute, and what exactly is to be done. Pure."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

import structlog
from pydantic import JsonValue

from onerouter_common.contracts.base import Contract
from onerouter_common.errors import CallerError, OneRouterError
from onerouter_common.ids import ATTEMPT, new_id
from onerouter_common.worker.handler import Connection, Handler, Idempotency, Operation

log = structlog.get_logger()

AttemptKind = Literal["call", "repeat", "lookup"]

_PROVIDER_KEYS: Final = uuid.UUID("6f6e6572-6f75-5465-8272-000000000001")


class NotPrepared(OneRouterError):
    """A defect of ours before anything was called: the operation fails, the others of its batch go on."""

    def __init__(self) -> None:
        super().__init__("The operation could not be prepared because of an error on our side; nothing was sent.")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One wire call, as it is recorded before it is made."""

    id: str
    number: int
    kind: AttemptKind
    connection: Connection
    capability: str
    provider_key: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Started:
    """Marked as executing by this process; what is to be done next."""

    op: Operation
    handler: Handler[Any, Any]
    command: Contract
    attempt: Attempt | None = None
    """None: it was refused before any call."""
    request: Any = None
    refusal: OneRouterError | None = None
    held: Any = None
    """Its result where no provider is asked for it (the resource shows it, or it is ours alone): nothing is called."""
    open_attempt_at: datetime | None = None
    """Set when an earlier call of this operation has an unknown outcome."""
    traceparent: str | None = None
    routing: Mapping[str, JsonValue] | None = None
    """The decision that led here, to be stored; None: the one before still stands."""
    others: bool = False
    """Whether a call that is refused may go to another candidate of the decision, as far as that is concerned."""

    @property
    def effect_guarantee(self) -> str | None:
        if self.attempt is None:
            return None
        idempotency = self.attempt.connection.idempotency_of(self.attempt.capability)
        return "at_most_once" if idempotency in (None, Idempotency.NONE) else "exactly_once"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not now: no room, no turn, an earlier operation of the same resource, or the registry is away."""

    op: Operation
    due_in_s: float = 0.0
    traceparent: str | None = None
    has_turn: bool = False
    """It comes back when its turn comes at its connection."""


def provider_key_of(operation_id: str) -> str:
    """The idempotency key a provider sees: 36 characters, the same for each repeat of the operation."""
    return str(uuid.uuid5(_PROVIDER_KEYS, operation_id))


def concluded(handler: Handler[Any, Any], op: Operation, command: Contract, resource: Any) -> Started | None:
    """The end of an operation that no provider has to be asked about; None: one has to be, or was already."""
    if op.attempts:
        return None
    try:
        result = handler.concluded(op, command, resource)
    except CallerError as error:
        return Started(op, handler, command, refusal=error)
    except Exception as error:
        log.exception("operation.concluded.crashed", operation_id=op.id, error=type(error).__name__)
        return Started(op, handler, command, refusal=NotPrepared())
    if result is not None:
        return Started(op, handler, command, held=result)
    if handler.is_local:
        log.error("operation.concluded.nothing", operation_id=op.id, operation=op.operation)
        return Started(op, handler, command, refusal=NotPrepared())
    return None


def begin(
    handler: Handler[Any, Any],
    op: Operation,
    command: Contract,
    resource: Any,
    connection: Connection,
    *,
    now: datetime,
) -> tuple[Started, Any]:
    """Run the handler's rule for a first or a safe further call; the resource to save before it (None: refused)."""
    try:
        begun = handler.begin(op, command, resource, connection)
    except CallerError as error:
        return Started(op, handler, command, refusal=error), None
    except Exception as error:
        log.exception("operation.begin.crashed", operation_id=op.id, error=type(error).__name__)
        return Started(op, handler, command, refusal=NotPrepared()), None
    op = replace(op, attempts=op.attempts + 1, connection_id=connection.id, provider=connection.provider)
    attempt = new_attempt(op, "call", connection, handler.capability, now=now)
    return Started(op, handler, command, attempt, begun.request), begun.resource


def new_attempt(op: Operation, kind: AttemptKind, connection: Connection, capability: str, *, now: datetime) -> Attempt:
    return Attempt(
        id=new_id(ATTEMPT),
        number=op.attempts,
        kind=kind,
        connection=connection,
        capability=capability,
        provider_key=provider_key_of(op.id),
        created_at=now,
    )
