"""What is begun at a resource while nobody knows what came of the operation before: nothing, where the category says so."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.libs.common.worker.rig import (
    FAST,
    Rig,
    ScriptedConnection,
    ScriptedProvider,
    create_payment,
    create_refund,
    until,
)
from tests.libs.common.worker.test_late_and_away import COMMAND, an_operation

from onerouter_common.clock import SystemClock
from onerouter_common.errors import Effect, ProviderOutcomeUnknown, Superseded
from onerouter_common.retry import Backoff
from onerouter_common.worker.circuit.circuits import Circuits
from onerouter_common.worker.execution import AskLater, Execution, Next
from onerouter_common.worker.handler import CategoryRules, Failed, Idempotency, Operation, handlers_by_name
from onerouter_common.worker.pace.pacer import Pacer
from onerouter_common.worker.runtime import Worker, WorkerOptions
from onerouter_common.worker.started import Started, new_attempt
from onerouter_payments.payment.operations import PaymentCreate
from onerouter_payments.payment.repository import PaymentStore
from onerouter_payments.payment.settlement import Views
from onerouter_payments.refund.operations import RefundCreate


@dataclass
class HoldingRig(Rig):
    """Payments, as a category that holds its turn in doubt would have them."""

    holds: bool = True
    doubted: list[bool] = field(default_factory=list)
    """Of each refund that was about to be called: whether it was told that it repeats."""

    def make_worker(
        self, options: WorkerOptions = FAST, circuits: Circuits | None = None, pacer: Pacer | None = None
    ) -> Worker:
        seen = self.doubted

        class Refund(RefundCreate):
            def begin(self, op: Operation, command: Any, resource: Any, connection: Any) -> Any:
                seen.append(op.doubted)
                return super().begin(op, command, resource, connection)

            def request(self, op: Operation, command: Any, resource: Any, connection: Any) -> Any:
                return super().begin(op, command, resource, connection).request

        clock, views = SystemClock(), Views({})
        handlers = handlers_by_name(PaymentCreate(views, clock), Refund(views, clock))
        return Worker(
            rules=CategoryRules("payments", "payments", PaymentStore(), handlers, holds_in_doubt=self.holds),
            callbacks=None,
            connections=self.connections,
            pool=self.pool,
            producer=self.producer,
            bootstrap_servers=self.bootstrap,
            clock=clock,
            options=options,
            circuits=circuits,
            pacer=pacer,
        )


@pytest.fixture
async def holding(rig: Rig) -> AsyncIterator[HoldingRig]:
    yield HoldingRig(**vars(rig))


class TestHoldsInDoubt:
    @pytest.mark.parametrize("holds", [True, False])
    async def test_what_comes_after_waits_where_the_category_says_so(self, holding: HoldingRig, holds: bool) -> None:
        rig, connection = replace(holding, holds=holds, doubted=[]), holding.connections.connections[0]
        connection.idempotency["refund.create"] = Idempotency.LOOKUP
        async with rig.worker():
            payment = create_payment(amount_minor=10_000)
            await rig.ask(payment)
            connection.settles_s = 3_600.0  # that nothing was found is not believed yet
            rig.provider.before = [ProviderOutcomeUnknown("No answer.", provider="scripted")]
            first, second = create_refund(payment, 1_000), create_refund(payment, 1_000)
            await rig.send(first)
            await rig.until_state(first.operation_id, "unknown")
            await rig.send(second)
            if not holds:
                await rig.until_state(second.operation_id, "succeeded")
            else:
                await rig.until_state(second.operation_id, "accepted")
                asked = len(rig.provider.lookups)
                await until(lambda: len(rig.provider.lookups) > asked)  # which waits for nothing
                assert (await rig.operation(second.operation_id))["state"] == "accepted"
                assert len([call for call in rig.provider.calls if call.startswith("refund:")]) == 1
            connection.settles_s = -60.0  # now it is: the deadline of the call has passed
            rows = [await rig.until_state(one.operation_id, "succeeded") for one in (first, second)]
        if holds:
            assert rows[0]["finished_at"] < rows[1]["finished_at"]
            assert [row["kind"] for row in await rig.attempts(second.operation_id)] == ["call"]
            assert rig.doubted == [False, True, False]
        assert rig.provider.most_at_once[payment.resource_id] == 1

    async def test_what_waits_is_looked_at_no_more_often_than_what_it_waits_for(self, holding: HoldingRig) -> None:
        """Else every operation behind one in doubt would be locked, read and put back for as long as that lasts."""
        connection = holding.connections.connections[0]
        connection.idempotency["refund.create"] = Idempotency.LOOKUP
        async with holding.worker():
            payment = create_payment(amount_minor=10_000)
            await holding.ask(payment)
            connection.settles_s = 3_600.0
            holding.provider.before = [ProviderOutcomeUnknown("No answer.", provider="scripted")]
            first, second = create_refund(payment, 1_000), create_refund(payment, 1_000)
            await holding.send(first)
            await holding.until_state(first.operation_id, "unknown")
            await self.until_one(
                holding,
                "UPDATE operations SET due_at = now() + interval '1 hour' WHERE id = $1 AND state = 'unknown' RETURNING true",
                first.operation_id,
            )
            await holding.send(second)
            await self.until_one(
                holding,
                "SELECT true FROM operations WHERE id = $1 AND state = 'accepted' AND due_at > now() + interval '2 seconds'",
                second.operation_id,
            )

    async def until_one(self, rig: Rig, statement: str, operation_id: str) -> None:
        async with asyncio.timeout(60):
            while not await rig.pool.fetchval(statement, operation_id):
                await asyncio.sleep(0.02)


class TestSuperseded:
    """What can never be told any more: the end, once the call cannot be under way."""

    @pytest.mark.parametrize(("called_s_ago", "ends"), [(0.0, False), (60.0, True)])
    async def test_it_is_believed_like_an_absence(self, called_s_ago: float, ends: bool) -> None:
        step = await self.look(datetime.now(UTC) - timedelta(seconds=called_s_ago))
        assert isinstance(step, Failed if ends else AskLater)
        assert isinstance(step, Failed | AskLater)
        if ends:
            assert (step.error.error_code, step.error.effect) == ("SUPERSEDED", Effect.UNKNOWN)

    async def look(self, called_at: datetime) -> Next:
        class Handler(PaymentCreate):
            async def lookup(self, client: Any, request: Any, provider_key: str) -> Any:
                raise Superseded("Somebody else was there.")

        connection = ScriptedConnection(ScriptedProvider(), timeout_s=5.0)
        op = an_operation()
        attempt = new_attempt(op, "lookup", connection, "payment.create", now=datetime.now(UTC))
        started = Started(op, Handler(Views({}), SystemClock()), COMMAND, attempt, None, open_attempt_at=called_at)
        return (await Execution(SystemClock(), retry=Backoff(), ask=Backoff()).run(started)).next


class TestResourceKey:
    def test_it_is_the_ordering_key_unless_the_handler_says_otherwise(self) -> None:
        class Own(PaymentCreate):
            changes_its_own = True

        views, clock = Views({}), SystemClock()
        op = replace(an_operation(), ordering_key="place")
        for handler, key in ((PaymentCreate(views, clock), "place"), (Own(views, clock), op.resource_id)):
            rules = CategoryRules("payments", "payments", PaymentStore(), {op.operation: handler})
            assert rules.resource_key(op) == key
            assert rules.resource_keys([op, op]) == [key]
