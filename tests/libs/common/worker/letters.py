"""A category of letters, read from two categories' topics: what the heart does beyond one provider call an operation.

`letter.send` asks a provider; `letter.schedule` and `letter_batch.create` are ours alone; `letter.cancel` is while nothing
was sent. A letter that comes in is made by its callback.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import asyncpg
from tests.libs.common.worker.rig import FAST, Rig, ScriptedConnection, ScriptedConnections, skip_what_is_there

from onerouter_common.contracts.base import Contract
from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.contracts.commands import Command
from onerouter_common.errors import Conflict, NotFound, OneRouterError, ProviderError
from onerouter_common.ids import COMMAND, OPERATION, derive_id, new_id
from onerouter_common.worker.callbacks import CallbackRules
from onerouter_common.worker.circuit.circuits import Circuits
from onerouter_common.worker.handler import (
    Begun,
    CategoryRules,
    CommandDraft,
    EventDraft,
    Failed,
    Handler,
    Idempotency,
    Operation,
    RouteHint,
    Settled,
    Succeeded,
    handlers_by_name,
    operation,
)
from onerouter_common.worker.pace.pacer import Pacer
from onerouter_common.worker.runtime import Worker, WorkerOptions

CATEGORIES = ("sms", "email")
ELSEWHERE = "invalid_sender"
"""The one reason for which another connection may say yes."""

_TABLE = """
CREATE TABLE letters (id text PRIMARY KEY, tenant_id text NOT NULL, environment text NOT NULL, status text NOT NULL,
    version int NOT NULL);
GRANT SELECT, INSERT, UPDATE ON letters TO onerouter_payments_worker
"""
_SAVE = """
INSERT INTO letters SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[])
ON CONFLICT (id) DO UPDATE SET status = excluded.status, version = excluded.version
WHERE letters.version < excluded.version
"""


@dataclass(frozen=True)
class Letter:
    id: str
    tenant_id: str
    environment: str
    status: str
    version: int = 1

    @classmethod
    def of(cls, op: Operation, status: str) -> "Letter":
        return cls(op.resource_id, op.tenant_id, op.environment, status)

    def now(self, status: str) -> "Letter":
        return replace(self, status=status, version=self.version + 1)

    def told(self) -> tuple[EventDraft, ...]:
        return (EventDraft(f"letter.{self.status}", "letter", self.id, self.version, {"status": self.status}),)


class Letters:
    async def load(self, connection: Any, keys: Sequence[str], *, lock: bool) -> dict[str, Letter]:
        query = f"SELECT * FROM letters WHERE id = ANY($1::text[]) ORDER BY id {'FOR UPDATE' if lock else ''}"
        return {row["id"]: Letter(**row) for row in await connection.fetch(query, list(keys))}

    async def save(self, connection: Any, resources: Sequence[Letter]) -> None:
        rows = [(one.id, one.tenant_id, one.environment, one.status, one.version) for one in resources]
        await connection.execute(_SAVE, *(list(column) for column in zip(*rows, strict=True)))


class Sending(Contract):
    providers: tuple[str, ...] = ()
    pinned: str | None = None


class Scheduling(Contract):
    send_at: datetime


class Canceling(Contract):
    pass


class Batch(Contract):
    letters: tuple[str, ...]
    send_at: datetime | None = None


@operation("letter.send")
class Send(Handler[Sending, Letter]):
    command = Sending
    makes_resource: ClassVar[bool] = True

    def hint(self, op: Operation, command: Sending, resource: Letter | None) -> RouteHint:
        return RouteHint(connection_id=command.pinned, providers=command.providers)

    def concluded(self, op: Operation, command: Sending, resource: Letter | None) -> Any | None:
        if resource is not None and resource.status == "canceled":
            raise Conflict("It was canceled before it was sent.", code="LETTER_CANCELED")
        return None

    def begin(self, op: Operation, command: Sending, resource: Letter | None, connection: Any) -> Begun[Letter]:
        return Begun(op.resource_id, resource or Letter.of(op, "queued"))

    async def call(self, client: "Post", request: str, provider_key: str) -> str:
        return client.take(request)

    async def lookup(self, client: "Post", request: str, provider_key: str) -> str | None:
        return request if request in client.taken else None

    def may_go_elsewhere(self, error: ProviderError) -> bool:
        return error.reason == ELSEWHERE

    def settle(self, op: Operation, command: Sending, resource: Letter | None, outcome: Any) -> Settled[Letter]:
        status = {Succeeded: "sent", Failed: "failed"}.get(type(outcome))
        if resource is None or status is None or resource.status not in ("queued", "scheduled"):
            return Settled(None, view={"id": op.resource_id})
        changed = resource.now(status)
        return Settled(changed, view={"id": op.resource_id}, status=201, events=changed.told())


@operation("letter.schedule")
class Schedule(Handler[Scheduling, Letter]):
    command = Scheduling
    is_local: ClassVar[bool] = True

    def concluded(self, op: Operation, command: Scheduling, resource: Letter | None) -> Any:
        return command.send_at

    def settle(self, op: Operation, command: Scheduling, resource: Letter | None, outcome: Any) -> Settled[Letter]:
        letter = resource or Letter.of(op, "scheduled")
        send = CommandDraft(
            "letter.send", letter.id, Sending(), cause=op.id, not_before=command.send_at, priority=1, on_behalf=True
        )
        events = letter.told() if resource is None else ()
        return Settled(letter, view={"id": letter.id}, status=201, events=events, operations=(send,))


@operation("letter.cancel")
class Cancel(Handler[Canceling, Letter]):
    """No provider has this: where the letter does not wait with us, the route refuses it."""

    command = Canceling

    def hint(self, op: Operation, command: Canceling, resource: Letter | None) -> RouteHint:
        return RouteHint(connection_id="con_1")

    def concluded(self, op: Operation, command: Canceling, resource: Letter | None) -> Any | None:
        if resource is None:
            raise NotFound("There is no such letter.")
        return "canceled" if resource.status in ("scheduled", "canceled") else None

    def settle(self, op: Operation, command: Canceling, resource: Letter | None, outcome: Any) -> Settled[Letter]:
        if not isinstance(outcome, Succeeded) or resource is None or resource.status == "canceled":
            return Settled(resource, view={"id": op.resource_id})
        changed = resource.now("canceled")
        return Settled(changed, view={"id": changed.id}, events=changed.told())


@operation("letter_batch.create")
class BatchCreate(Handler[Batch, Letter]):
    command = Batch
    is_local: ClassVar[bool] = True

    def concluded(self, op: Operation, command: Batch, resource: Letter | None) -> Any:
        return len(command.letters)

    def settle(self, op: Operation, command: Batch, resource: Letter | None, outcome: Any) -> Settled[Letter]:
        if not isinstance(outcome, Succeeded):
            return Settled(None)
        batch = resource or Letter.of(op, "batch")
        each = tuple(
            CommandDraft("letter.send", one, Sending(), cause=op.id, ordering_key=one, not_before=command.send_at)
            for one in command.letters
        )
        return Settled(batch, view={"id": batch.id}, status=202, operations=each)


@operation("letter.broken")
class Broken(Handler[Canceling, Letter]):
    """A defect: it says it is local, and does not know its end."""

    command = Canceling
    is_local: ClassVar[bool] = True

    def settle(self, op: Operation, command: Canceling, resource: Letter | None, outcome: Any) -> Settled[Letter]:
        return Settled(None)


class LetterCallbacks(CallbackRules[Letter]):
    """A letter that comes in is made; each is answered with one of our own."""

    async def find_keys(self, connection: Any, callbacks: Sequence[Callback]) -> Mapping[str, str]:
        return {}

    def make(self, callback: Callback) -> tuple[str, Letter] | None:
        if callback.object.status != "inbound":
            return None
        told = callback.object.provider_id or ""
        key = derive_id("let", b"letters", callback.tenant_id, callback.connection_id, told)
        return key, Letter(key, callback.tenant_id, callback.environment, "arriving", 0)

    def patience_s(self, callback: Callback) -> float:
        return 60.0

    def apply(self, callback: Callback, resource: Letter) -> Settled[Letter]:
        if resource.status != "arriving":
            return Settled(None)
        arrived = resource.now("arrived")
        answer = new_answer_id(resource.id)
        send = CommandDraft("letter.send", answer, Sending(), cause=resource.id, ordering_key=answer, on_behalf=True)
        return Settled(arrived, events=arrived.told(), operations=(send,))


def new_answer_id(letter_id: str) -> str:
    return derive_id("let", b"answers", letter_id)


@dataclass
class Post:
    """A provider: takes a letter, or says what its script says."""

    says: list[OneRouterError | None] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def take(self, letter_id: str) -> str:
        self.calls.append(letter_id)
        if self.says and (error := self.says.pop(0)) is not None:
            raise error
        self.taken.append(letter_id)
        return letter_id


@dataclass
class LetterRig(Rig):
    posts: list[Post] = field(default_factory=list)

    def make_worker(
        self, options: WorkerOptions = FAST, circuits: Circuits | None = None, pacer: Pacer | None = None
    ) -> Worker:
        handlers = handlers_by_name(Send(), Schedule(), Cancel(), BatchCreate(), Broken())
        return Worker(
            rules=CategoryRules("letters", "payments", Letters(), handlers, CATEGORIES),
            callbacks=LetterCallbacks(),
            connections=self.connections,
            pool=self.pool,
            producer=self.producer,
            bootstrap_servers=self.bootstrap,
            options=options,
            circuits=circuits,
            pacer=pacer,
        )

    async def letter(self, letter_id: str) -> Any:
        return await self.pool.fetchrow("SELECT * FROM letters WHERE id = $1", letter_id)

    async def sends(self) -> list[Any]:
        return await self.pool.fetch("SELECT * FROM operations WHERE operation = 'letter.send' ORDER BY sequence")


def command(name: str, payload: Contract, *, to: str | None = None, category: str = "sms", **changes: Any) -> Command:
    """`to`: the letter it is about; None: a new one."""
    letter_id = to or new_id("let")
    values: dict[str, Any] = {
        "command_id": new_id(COMMAND),
        "operation_id": new_id(OPERATION),
        "operation": name,
        "tenant_id": "ten_1",
        "environment": "test",
        "category": category,
        "resource_id": letter_id,
        "ordering_key": letter_id,
        "fingerprint": "f" * 64,
        "payload": payload.model_dump(mode="json"),
        "api_key_id": "key_1",
        "accepted_at": datetime.now(UTC),
    }
    return Command(**{**values, **changes})


def told(callback_id: str, provider_id: str, status: str = "inbound", tenant: str = "ten_1") -> Callback:
    return Callback(
        callback_id=callback_id,
        tenant_id=tenant,
        environment="test",
        category="sms",
        provider="scripted",
        provider_event_id=callback_id,
        provider_event_type="letter.came",
        connection_id="con_1",
        occurred_at=datetime.now(UTC),
        received_at=datetime.now(UTC),
        object=CallbackObject(kind="sms", status=status, provider_id=provider_id),
    )


@asynccontextmanager
async def open_letters(rig: Rig) -> AsyncIterator[LetterRig]:
    """The same engines, with letters in them and two posts that take them."""
    for category in CATEGORIES:
        await skip_what_is_there(rig.bootstrap, category)
    await _as_superuser(rig, _TABLE)
    posts = [Post(), Post()]
    able = {"letter.send": Idempotency.LOOKUP}
    connections = ScriptedConnections(
        [
            ScriptedConnection(posts[0], idempotency=able),
            ScriptedConnection(posts[1], id="con_2", provider="other", idempotency=able),
        ]
    )
    yield LetterRig(**{**vars(rig), "connections": connections}, posts=posts)
    # As it was before, the database can be used again, which is much faster than making a new one.
    with contextlib.suppress(asyncpg.LockNotAvailableError):
        await _as_superuser(rig, "SET lock_timeout = '2s'; DROP TABLE letters")


async def _as_superuser(rig: Rig, statements: str) -> None:
    admin = await asyncpg.connect(rig.admin_dsn)
    try:
        await admin.execute(statements)
    finally:
        await admin.close()
