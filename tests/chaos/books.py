"""Afterwards: what the shop believes, what our databases say, what the provider's books show. All must agree."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
import httpx
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from tests.chaos import effects
from tests.chaos.shop import Ask, Shop
from tests.chaos.subscriber import Event, Subscriber
from tests.chaos.truth import Truth
from tests.e2e.tenants import admin_dsn

from onerouter_common.contracts import topics
from onerouter_common.worker.started import provider_key_of
from onerouter_local.stack import Stack
from onerouter_payments.resource.rows import resource_of
from onerouter_payments.resource.state import Resource

Row = dict[str, Any]

_SHOWN: Final = 12
_COMPLETE: Final = "payment.complete"
_ASKED_FOR: Final = r"(subscription_id IS NULL AND coalesce(receipt, '') NOT LIKE 'pl\_%')"
"""What subscriptions charge and what is paid at links becomes payments, too."""
_COMPLETED: Final = (_COMPLETE, "succeeded")
_OUR_OWN: Final = (_COMPLETE, "transfer.create", "payment.adopt")
"""Operations that nobody asks for: we do, when a payer has approved or paid, or was charged. The first may fail, as
payers may be declined and then approve again; one of each payment succeeds."""
_SETTLED: Final = frozenset({"succeeded", "partially_refunded", "refunded", "canceled"})


class Books:
    """Reads everything that can be read, as operator."""

    def __init__(self, stack: Stack, shop: Shop, subscriber: Subscriber, sandbox: httpx.AsyncClient) -> None:
        self._stack = stack
        self._shop = shop
        self._subscriber = subscriber
        self._sandbox = sandbox

    async def unfinished(self) -> dict[str, int]:
        """What is still under way, by where it is; empty once all is quiet."""
        waiting = await self._count("payments", "pending_callbacks")
        applied = await self._count("payments", "history WHERE kind = 'callback'")
        handed_on = await self._count("webhooks", "callback_records WHERE publish_at IS NULL")
        counts = {
            "operations not final": await self._count("payments", "operations WHERE due_at IS NOT NULL"),
            "payments outbox": await self._count("payments", "outbox"),
            "registry outbox": await self._count("registry", "outbox"),
            "callbacks waiting for their resource": waiting,
            "callbacks handed on and not applied": handed_on - applied - waiting,
            "callbacks not handed on": await self._count("webhooks", "callback_records WHERE publish_at IS NOT NULL"),
            "deliveries owed": await self._count("webhooks", "delivery_queue"),
            "callbacks the provider still owes": (await self._callbacks())["counts"].get("pending", 0),
            "events not received": len(await self._events_not_received()),
        }
        return {what: count for what, count in counts.items() if count}

    async def problems(self) -> list[str]:
        """Every broken promise, as a sentence each; empty is what we want to see."""
        return [
            *self._outcomes(),
            *await self._operations(),
            *await self._effects(),
            *await self._states(),
            *await self._provider_callbacks(),
            *await self._events(),
            *await self._deliveries(),
            *await self._dead_letters(),
            *[f"still there: {count} {what}" for what, count in (await self.unfinished()).items()],
        ]

    async def explain(self, operation_ids: Sequence[str]) -> list[str]:
        """The database's story of these operations, of others of their resources and of all that is not final: for a person
        who has to understand a failure."""
        lines = []
        for row in await self._fetch(
            "payments",
            "SELECT id, operation, state, due_at, owner, generation, attempts, failures, open_attempt_at, updated_at, "
            "problem FROM operations WHERE id = ANY($1::text[]) OR due_at IS NOT NULL OR ordering_key IN "
            "(SELECT ordering_key FROM operations WHERE id = ANY($1::text[])) ORDER BY created_at",
            list(operation_ids),
        ):
            lines.append(f"    {dict(row)}")
            for attempt in await self._fetch(
                "payments",
                "SELECT number, kind, created_at, finished_at, outcome, reason FROM attempts WHERE operation_id = $1 "
                "ORDER BY created_at",
                row["id"],
            ):
                lines.append(f"      {dict(attempt)}")
        return lines

    def _outcomes(self) -> list[str]:
        wrong = [ask for ask in self._shop.asks if ask.state != "succeeded"]
        return [f"{ask.path} under {ask.key} ended as {ask.state}: {' | '.join(ask.timeline)}" for ask in wrong]

    async def _operations(self) -> list[str]:
        asked = Counter(ask.operation_id for ask in self._shop.asks if ask.operation_id)
        rows = await self._fetch("payments", "SELECT id, operation, state, ordering_key FROM operations")
        stored = Counter(row["id"] for row in rows if row["operation"] not in _OUR_OWN)
        ended = {
            row["id"]: row["state"] for row in rows if row["state"] != "succeeded" and row["operation"] != _COMPLETE
        }
        completed = Counter(row["ordering_key"] for row in rows if (row["operation"], row["state"]) == _COMPLETED)
        paid = await self._fetch("payments", f"SELECT id FROM payments WHERE provider = 'paypal' AND {_ASKED_FOR}")
        return [
            *_listed("an operation that no request asked for", stored - asked),
            *_listed("a request whose operation is not stored", asked - stored),
            *_listed("not succeeded", ended),
            *_listed(
                "a payment that was not completed by one operation", Counter(row["id"] for row in paid) - completed
            ),
        ]

    async def _effects(self) -> list[str]:
        payments, refunds, resources = await self._records()
        adopted = await self._fetch("payments", f"SELECT * FROM payments WHERE NOT ({_ASKED_FOR})")
        charges = [row["provider_payment_id"] for row in adopted]
        happened = effects.happened(await self._ledger(), resources, charges)
        wanted = effects.wanted(payments, refunds, resources, self._shop.asks)
        summary = (await self._sandbox.get("/control/ledger/summary")).json()
        made = Counter(row["id"] for row in [*payments, *refunds]) + Counter(one.id for one in resources)
        claimed = Counter(ask.answer.get("id") for ask in self._shop.asks if ask.answer)
        return [
            *_listed("an effect that happened twice", summary["repeated"]),
            *_listed("an effect that nobody asked for, or once too often", happened - wanted),
            *_listed("an effect that did not happen", wanted - happened),
            *_listed("an answer about what is not stored", [id_ for id_ in claimed if id_ and id_ not in made]),
        ]

    async def _states(self) -> list[str]:
        payments, refunds, resources = await self._records()
        wrong = await Truth(self._stack).differences(payments, refunds, resources)
        unsettled = {row["id"]: row["status"] for row in [*payments, *refunds] if row["status"] not in _SETTLED}
        return [
            *_listed("a state that is not the provider's", wrong),
            *_listed("what stays open at the end", unsettled),
        ]

    async def _records(self) -> tuple[list[Row], list[Row], list[Resource]]:
        """Payments, refunds and resources, as our database has them."""
        payments = await self._fetch("payments", f"SELECT * FROM payments WHERE {_ASKED_FOR}")
        refunds = await self._fetch("payments", "SELECT * FROM refunds")
        resources = await self._fetch("payments", "SELECT * FROM resources")
        return (
            [dict(row) for row in payments],
            [dict(row) for row in refunds],
            [resource_of(dict(r)) for r in resources],
        )

    async def _provider_callbacks(self) -> list[str]:
        sent = await self._callbacks()
        lost = {one["id"]: (one["event"], one["tries"][-3:]) for one in sent["data"] if one["state"] != "delivered"}
        waiting = await self._fetch("payments", "SELECT callback_id, record FROM pending_callbacks")
        waiting_for = {row["callback_id"]: _gist(row["record"]) for row in waiting}
        stored = await self._count("webhooks", "inbound_events")
        distinct = len({one["event_id"] for one in sent["data"]})
        complaints = _listed("a callback that was never taken", lost)
        complaints += _listed("a callback whose resource is not known", waiting_for)
        if stored != distinct:
            complaints.append(f"the provider sent {distinct} different callbacks, {stored} are stored")
        not_published = await self._count("webhooks", "callback_records WHERE publish_at IS NOT NULL")
        return [*complaints, *([f"{not_published} callbacks were not handed on"] if not_published else [])]

    async def _events(self) -> list[str]:
        missing = await self._events_not_received()
        contradicting: dict[str, object] = {}
        for resource, events in self._subscriber.by_resource().items():
            by_sequence: dict[int, set[Event]] = {}
            for event in events:
                by_sequence.setdefault(event.sequence, set()).add(event)
            differing = [same for same in by_sequence.values() if len(same) > 1]
            if differing:
                contradicting[resource] = differing
        unsigned = [f"{self._subscriber.unsigned} deliveries were not signed"] if self._subscriber.unsigned else []
        return [
            *_listed("a gap in a resource's events", missing),
            *_listed("two different events under one sequence number", contradicting),
            *unsigned,
        ]

    async def _events_not_received(self) -> dict[str, str]:
        """Resources whose events 1 … version did not all come."""
        received = {id_: {event.sequence for event in found} for id_, found in self._subscriber.by_resource().items()}
        rows = await self._fetch(
            "payments",
            "SELECT id, version FROM payments UNION ALL SELECT id, version FROM refunds "
            "UNION ALL SELECT id, version FROM resources",
        )
        return {
            row["id"]: f"version {row['version']}, received {sorted(received.get(row['id'], ()))}"
            for row in rows
            if received.get(row["id"], set()) != set(range(1, row["version"] + 1))
        }

    async def _deliveries(self) -> list[str]:
        events = await self._count("webhooks", "events")
        rows = await self._fetch("webhooks", "SELECT outcome, count(*) AS count FROM deliveries GROUP BY outcome")
        outcomes = {row["outcome"]: row["count"] for row in rows}
        return [] if outcomes == {"succeeded": events} else [f"{events} events, but deliveries ended as {outcomes}"]

    async def _dead_letters(self) -> list[str]:
        dead = [topics.dead_commands("payments"), topics.dead_callbacks("payments"), topics.dead_events("payments")]
        consumer = AIOKafkaConsumer(bootstrap_servers=self._stack.broker.bootstrap_servers, enable_auto_commit=False)
        await consumer.start()
        try:
            ends = await consumer.end_offsets([TopicPartition(topic, 0) for topic in dead])
        finally:
            await consumer.stop()
        return _listed("a topic with dead letters", {where.topic: end for where, end in ends.items() if end})

    async def _callbacks(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self._sandbox.get("/control/callbacks", params={"limit": 10_000})).json()
        return found

    async def _ledger(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._sandbox.get("/control/ledger", params={"limit": 10_000})).json()[
            "data"
        ]
        return found

    async def _count(self, service: str, what: str) -> int:
        return int((await self._fetch(service, f"SELECT count(*) AS count FROM {what}"))[0]["count"])

    async def _fetch(self, service: str, query: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(admin_dsn(self._stack, service))
        await connection.set_type_codec(
            "jsonb", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads, schema="pg_catalog"
        )
        try:
            rows: list[asyncpg.Record] = await connection.fetch(query, *arguments)
            return rows
        finally:
            await connection.close()


def _gist(callback: Mapping[str, Any]) -> str:
    told = {name: value for name, value in callback["object"].items() if value}
    return f"{callback['provider']} {callback['provider_event_type']} {told}"


def _listed(what: str, found: Any) -> list[str]:
    """One line for each, up to a number that a person reads."""
    items = [f"{key}: {value}" for key, value in found.items()] if isinstance(found, dict) else [str(i) for i in found]
    rest = [f"{what}: … and {len(items) - _SHOWN} more"] if len(items) > _SHOWN else []
    return [f"{what}: {item}" for item in items[:_SHOWN]] + rest


def suspects(asks: Sequence[Ask], problems: Sequence[str]) -> list[Ask]:
    """The requests that the complaints name, by operation, resource or provider key."""
    text = "\n".join(problems)
    return [
        ask
        for ask in asks
        if any(
            name and name in text
            for name in (
                ask.operation_id,
                ask.answer.get("id"),
                ask.key,
                ask.operation_id and provider_key_of(ask.operation_id),
            )
        )
    ][:_SHOWN]
