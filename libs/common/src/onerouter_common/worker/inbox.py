"""From the log into the database: a batch of commands becomes operations, each exactly once.

One transaction stores all of it, decides what may start, and records the attempts that are about to be made. Only after
it the offsets are committed: from then on PostgreSQL is the truth and the log owes us nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from onerouter_common import metric_names as metrics
from onerouter_common.clock import Clock
from onerouter_common.contracts.base import Contract
from onerouter_common.contracts.commands import Command
from onerouter_common.db.engine import Pool
from onerouter_common.json_text import without_nul
from onerouter_common.worker import started as starting
from onerouter_common.worker import statements
from onerouter_common.worker.choice import NOWHERE, Routed
from onerouter_common.worker.handler import CategoryRules, Connection, Handler, Operation
from onerouter_common.worker.pace.pacing import Calling, Paced, Pacing, state_of
from onerouter_common.worker.routing import Router, is_fresh, keys_of, owned_by
from onerouter_common.worker.slots import Slots
from onerouter_common.worker.started import Started, Waiting
from onerouter_common.worker.tags import INSERT_TAGS, METADATA

_REGISTRY_AWAY_S: Final = 1.0

# The ids decide who is new; only their rows are made. What was prepared for the others is dropped by the caller.
_STORE: Final = f"""
WITH new AS (
    INSERT INTO operation_ids (operation_id, tenant_id, environment, created_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $15::timestamptz[])
    ON CONFLICT (operation_id) DO NOTHING
    RETURNING operation_id
), made AS (
    INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload,
        fingerprint, made_by, api_key_id, traceparent, reply_partitions, accepted_at, created_at, not_before, state,
        due_at, owner, generation, attempts, open_attempt_at, connection_id, provider, effect_guarantee, priority, turn_at,
        routing)
    SELECT id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, fingerprint,
        made_by, api_key_id, traceparent, CASE WHEN reply IS NULL THEN '{{}}' ELSE ARRAY[reply] END, accepted_at,
        created_at, not_before, state,
        GREATEST(now() + make_interval(secs => due_in_s), CASE state WHEN 'scheduled' THEN not_before END),
        owner, generation, attempts, open_attempt_at, connection_id, provider, effect_guarantee, priority,
        CASE WHEN has_turn THEN now() + make_interval(secs => due_in_s) END, routing
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[],
        $9::text[], $10::text[], $11::text[], $12::text[], $13::int[], $14::timestamptz[], $15::timestamptz[],
        $16::timestamptz[], $17::text[], $18::float8[], $19::text[], $20::int[], $21::int[], $22::timestamptz[],
        $23::text[], $24::text[], $25::text[], $26::int[], $27::bool[], $39::jsonb[])
    AS o (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, fingerprint, made_by,
        api_key_id, traceparent, reply, accepted_at, created_at, not_before, state, due_in_s, owner, generation, attempts,
        open_attempt_at, connection_id, provider, effect_guarantee, priority, has_turn, routing)
    JOIN new ON new.operation_id = o.id
    RETURNING id, tenant_id, environment, created_at, {METADATA} AS metadata
), tagged AS ({INSERT_TAGS}), called AS (
    INSERT INTO attempts (id, operation_id, tenant_id, environment, number, kind, connection_id, provider, capability,
        provider_key, created_at)
    SELECT a.* FROM unnest($28::text[], $29::text[], $30::text[], $31::text[], $32::int[], $33::text[], $34::text[],
        $35::text[], $36::text[], $37::text[], $38::timestamptz[])
    AS a (id, operation_id, tenant_id, environment, number, kind, connection_id, provider, capability, provider_key,
        created_at)
    JOIN new ON new.operation_id = a.operation_id
)
SELECT operation_id FROM new
"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class Received:
    """A decoded command and where its answer goes."""

    command: Command
    payload: Contract
    handler: Handler[Any, Any]
    reply_partition: int | None
    traceparent: str | None


@dataclass(slots=True)
class Stored:
    """What became of a batch."""

    started: list[Started] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    repeated: list[Received] = field(default_factory=list)


class Undecodable(Exception):
    """The record is not a command of a version we know: it goes to the dead letters with this reason."""


def decode(rules: CategoryRules[Any], value: bytes, headers: Sequence[tuple[str, bytes]]) -> Received:
    """Raises Undecodable."""
    if without_nul(value) != value:
        raise Undecodable("NUL characters, which cannot be stored")  # one would keep its whole batch from being stored
    try:
        command = Command.model_validate_json(value)
    except ValidationError as error:
        raise Undecodable(f"not a command: {error.error_count()} errors, first at {error.errors()[0]['loc']}") from None
    handler = rules.handlers.get(command.operation)
    if handler is None:
        raise Undecodable(f"no handler for operation '{command.operation[:64]}'")
    try:
        payload = handler.command.model_validate(command.payload)
    except ValidationError as error:
        raise Undecodable(f"payload of {command.operation}: wrong at {error.errors()[0]['loc']}") from None
    found = dict(headers)
    partition = found.get("reply-partition", b"")
    traceparent = found.get("traceparent", b"").decode("ascii", "replace")
    return Received(
        command=command,
        payload=payload,
        handler=handler,
        reply_partition=int(partition) if partition.isdigit() and len(partition) < 10 else None,
        traceparent=traceparent if traceparent.isprintable() and traceparent else None,
    )


class Inbox:
    def __init__(
        self, pool: Pool, rules: CategoryRules[Any], router: Router, slots: Slots, clock: Clock, *, pacing: Pacing
    ) -> None:
        self._pool = pool
        self._pacing = pacing
        self._rules = rules
        self._router = router
        self._slots = slots
        self._clock = clock
        self._unsure: list[Started] = []
        """Marked by a commit that got no answer."""

    async def store(self, batch: Sequence[Received], *, owner: str) -> Stored:
        """Store a batch in one transaction. Slots are taken for what is started; given back if the commit fails."""
        batch, doubles = _first_of_each(batch)
        now = self._clock.now()
        offered = await self._in_turn([(received, _operation_of(received.command, now)) for received in batch])
        routes = await self._router.routes(
            [(op, received.handler, received.payload) for received, op in offered], arrived=True
        )
        paced = await self._pacing.of(_calling(offered, routes, now))
        taken: list[Started] = []
        stored: Stored | None = None
        try:
            await self._hand_back_unsure(owner)
            async with self._pool.acquire() as connection, connection.transaction():
                stored = await self._store(connection, offered, doubles, routes, paced, owner, now, taken)
        except BaseException:
            if stored is not None:  # it may have been committed: then the next try takes all of it for repeats
                self._unsure += stored.started
            for started in taken:
                self._slots.give(started.op.tenant_id, started.op.connection_id, started.op.priority)
            raise
        return stored

    async def _in_turn(self, offered: list[tuple[Received, Operation]]) -> list[tuple[Received, Operation]]:
        """Each with the ordering key by which it takes its turn."""
        if self._rules.turns is None:
            return offered
        keys = await self._rules.turns(self._pool, [op for _, op in offered])
        return [(received, replace(op, ordering_key=keys.get(op.id, op.ordering_key))) for received, op in offered]

    async def _hand_back_unsure(self, owner: str) -> None:
        """Topics of several categories are read side by side: what another of them adds meanwhile stays for the next."""
        unsure, self._unsure = self._unsure, []
        if not unsure:
            return
        try:
            never_called = [(replace(one.op, attempts=0), None) for one in unsure]
            await statements.hand_back(self._pool, never_called, owner=owner, due_in_s=0)
        except BaseException:
            self._unsure += unsure
            raise

    async def _store(
        self,
        connection: Any,
        offered: list[tuple[Received, Operation]],
        doubles: list[Received],
        routes: dict[str, Routed | None],
        paced: Paced,
        owner: str,
        now: datetime,
        taken: list[Started],
    ) -> Stored:
        known = [op for received, op in offered if not is_fresh(op, received.handler)]
        resources, busy = await self._existing(connection, known)
        rows: list[tuple[Received, Started | Waiting]] = []
        prepared: dict[str, Any] = {}
        for received, op in offered:
            outcome, resource = self._start(received, op, resources, busy, routes.get(op.id), paced, now)
            busy.add(op.ordering_key)
            if isinstance(outcome, Started):
                taken.append(outcome)
            if resource is not None:
                prepared[op.id] = resource
            rows.append((received, outcome))
        started = [outcome for _, outcome in rows if isinstance(outcome, Started)]
        decisions = [outcome.routing if isinstance(outcome, Started) else None for _, outcome in rows]
        columns = [*_columns(rows, owner), *statements.attempt_columns(started), decisions]
        new = {row["operation_id"] for row in await connection.fetch(_STORE, *columns)}
        to_save = [resource for operation_id, resource in prepared.items() if operation_id in new]
        if to_save:
            await self._rules.store.save(connection, to_save)
        for one in started:
            if one.op.id not in new:
                taken.remove(one)
                self._slots.give(one.op.tenant_id, one.op.connection_id, one.op.priority)
        return Stored(
            started=[one for one in started if one.op.id in new],
            waiting=[outcome for _, outcome in rows if isinstance(outcome, Waiting) and outcome.op.id in new],
            repeated=[received for received, op in offered if op.id not in new] + doubles,
        )

    def _start(
        self,
        received: Received,
        op: Operation,
        resources: dict[str, Any],
        busy: set[str],
        route: Routed | None,
        paced: Paced,
        now: datetime,
    ) -> tuple[Started | Waiting, Any]:
        if _is_for_later(op, now):
            return Waiting(replace(op, state="scheduled"), traceparent=received.traceparent), None
        if op.ordering_key in busy:
            return Waiting(op, traceparent=received.traceparent), None
        resource = owned_by(resources.get(self._rules.resource_key(op)), op)
        ended = starting.concluded(received.handler, op, received.payload, resource)
        if ended is not None:
            route = NOWHERE
        if route is None or route.ends_here:
            return Waiting(op, due_in_s=_REGISTRY_AWAY_S, traceparent=received.traceparent), None
        connection = route.connection
        kept = self._kept(op, connection, paced)
        if kept is not None:
            return replace(kept, traceparent=received.traceparent), None
        op = replace(op, state="executing", generation=1)
        if connection is None:
            one = ended or Started(
                op, received.handler, received.payload, refusal=route.refusal, routing=route.decision
            )
            return replace(one, op=op, traceparent=received.traceparent), None
        op = replace(op, connection_id=connection.id)  # so that the slot is given back where it was taken
        outcome, changed = starting.begin(received.handler, op, received.payload, resource, connection, now=now)
        return replace(outcome, traceparent=received.traceparent, routing=route.decision, others=route.others), changed

    def _kept(self, op: Operation, connection: Connection | None, paced: Paced) -> Waiting | None:
        """Until its turn, or until there is room. None: a slot is taken for it."""
        if connection is None:
            return None if self._slots.take(op.tenant_id, None, 0, op.priority) else Waiting(op)
        turn = paced.turns.get(op.id)
        if turn is not None:
            return Waiting(replace(op, state=state_of(op, turn)), turn.in_s, has_turn=turn.is_given)
        if op.id in paced.no_room:
            return Waiting(op)
        has_room = self._slots.take(op.tenant_id, connection.id, connection.max_in_flight, op.priority)
        return None if has_room else Waiting(op)

    async def _existing(self, connection: Any, ops: list[Operation]) -> tuple[dict[str, Any], set[str]]:
        keys = keys_of(ops)
        if not keys:
            return {}, set()
        await statements.lock_keys(connection, keys)
        busy = await statements.busy_keys(connection, keys, in_doubt=self._rules.holds_in_doubt)
        free = self._rules.resource_keys([op for op in ops if op.ordering_key not in busy])
        return (await self._rules.store.load(connection, free, lock=True) if free else {}), busy


def _is_for_later(op: Operation, now: datetime) -> bool:
    return op.not_before is not None and op.not_before > now


def _calling(
    offered: Sequence[tuple[Received, Operation]], routes: Mapping[str, Routed | None], now: datetime
) -> Iterator[Calling]:
    """Those that may be about to make their call; none of them has had a turn."""
    for received, op in offered:
        route = routes.get(op.id)
        if route is not None and route.connection is not None and not _is_for_later(op, now):
            yield Calling(op, received.handler, received.payload, route.connection)


def _first_of_each(batch: Sequence[Received]) -> tuple[list[Received], list[Received]]:
    """Twins inside one batch: the first makes the operation, the others are repeats of it."""
    seen: set[str] = set()
    first: list[Received] = []
    doubles: list[Received] = []
    for received in batch:
        (doubles if received.command.operation_id in seen else first).append(received)
        seen.add(received.command.operation_id)
    return first, doubles


def _operation_of(command: Command, now: datetime) -> Operation:
    return Operation(
        id=command.operation_id,
        operation=command.operation,
        tenant_id=command.tenant_id,
        environment=command.environment,
        category=command.category,
        resource_id=command.resource_id,
        ordering_key=command.ordering_key,
        payload=command.payload,
        fingerprint=command.fingerprint,
        made_by=command.command_id,
        api_key_id=command.api_key_id,
        accepted_at=command.accepted_at,
        created_at=now,
        not_before=command.not_before,
        priority=command.priority,
    )


def _columns(rows: list[tuple[Received, Started | Waiting]], owner: str) -> list[list[Any]]:
    ops = [outcome.op for _, outcome in rows]
    due_in_s: list[float] = []
    guarantees: list[str | None] = []
    for _, outcome in rows:
        if isinstance(outcome, Started):
            due_in_s.append(statements.HARD_LEASE_S)
            guarantees.append(outcome.effect_guarantee)
        else:
            due_in_s.append(outcome.due_in_s)
            guarantees.append(None)
    metrics.INBOX_BATCH_SIZE.labels(ops[0].category).observe(len(ops))
    return [
        [op.id for op in ops],
        [op.tenant_id for op in ops],
        [op.environment for op in ops],
        [op.category for op in ops],
        [op.operation for op in ops],
        [op.resource_id for op in ops],
        [op.ordering_key for op in ops],
        [op.payload for op in ops],
        [op.fingerprint for op in ops],
        [op.made_by for op in ops],
        [op.api_key_id for op in ops],
        [outcome.traceparent for _, outcome in rows],
        [received.reply_partition for received, _ in rows],
        [op.accepted_at for op in ops],
        [op.created_at for op in ops],
        [op.not_before for op in ops],
        [op.state for op in ops],
        due_in_s,
        [owner if isinstance(outcome, Started) else None for _, outcome in rows],
        [op.generation for op in ops],
        [op.attempts for op in ops],
        [
            outcome.attempt.created_at if isinstance(outcome, Started) and outcome.attempt else None
            for _, outcome in rows
        ],
        [op.connection_id for op in ops],
        [op.provider for op in ops],
        guarantees,
        [op.priority for op in ops],
        [isinstance(outcome, Waiting) and outcome.has_turn for _, outcome in rows],
    ]
