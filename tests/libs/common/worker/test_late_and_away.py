"""Calls that would begin too late, and a registry that does not answer: pure, no engine."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.libs.common.worker.rig import ScriptedConnection, ScriptedProvider, create_payment

from onerouter_common.clock import SystemClock
from onerouter_common.contracts.payments import CreatePayment
from onerouter_common.errors import Overloaded, ProviderUnavailable
from onerouter_common.money import Money
from onerouter_common.retry import Backoff
from onerouter_common.worker.execution import Execution, RetryLater
from onerouter_common.worker.handler import CategoryRules, Failed, Operation
from onerouter_common.worker.outbox import OURSELVES
from onerouter_common.worker.routing import Router
from onerouter_common.worker.runtime import WorkerOptions
from onerouter_common.worker.started import Started, new_attempt
from onerouter_payments.payment.operations import PaymentCreate
from onerouter_payments.payment.repository import PaymentStore
from onerouter_payments.payment.settlement import Views
from onerouter_providers.capability import PaymentRequest

HANDLER = PaymentCreate(Views({}), SystemClock())
COMMAND = CreatePayment(amount_minor=100, currency="INR")


def an_operation(tenant: str = "ten_1") -> Operation:
    command = create_payment(tenant=tenant)
    fields = {
        name: getattr(command, name) for name in ("operation", "tenant_id", "environment", "category", "resource_id")
    }
    return Operation(
        id=command.operation_id,
        ordering_key=command.resource_id,
        payload={},
        fingerprint="f",
        made_by="cmd_1",
        api_key_id="key_1",
        accepted_at=command.accepted_at,
        created_at=command.accepted_at,
        **fields,
    )


@pytest.mark.parametrize(("age_s", "calls"), [(0.0, 1), (20.0, 0)])
async def test_a_call_that_would_outlive_what_a_look_up_waits_for_is_not_begun(age_s: float, calls: int) -> None:
    provider = ScriptedProvider()
    connection = ScriptedConnection(provider, timeout_s=30.0)
    written_at = datetime.now(UTC) - timedelta(seconds=age_s)
    attempt = new_attempt(an_operation(), "call", connection, "payment.create", now=written_at)
    started = Started(an_operation(), HANDLER, COMMAND, attempt, PaymentRequest("pay_1", Money(100, "INR")))
    finished = await Execution(SystemClock(), retry=Backoff(), ask=Backoff()).run(started)
    assert len(provider.calls) == calls
    assert isinstance(finished.next, RetryLater) == (calls == 0)


@pytest.mark.parametrize(("asked_by", "goes_on"), [("key_1", False), (OURSELVES, True)])
def test_an_open_circuit_ends_a_callers_operation_long_before_one_of_our_own(asked_by: str, goes_on: bool) -> None:
    options = WorkerOptions()
    op = replace(an_operation(), api_key_id=asked_by, failures=options.retry.give_up_after)
    away = ProviderUnavailable("It is down.", provider="scripted")
    execution = Execution(SystemClock(), retry=options.retry, ask=options.ask, retry_own=options.retry_own)
    finished = execution.uncalled(Started(op, HANDLER, COMMAND, refusal=away))
    assert isinstance(finished.next, RetryLater if goes_on else Failed)


def test_an_operation_of_our_own_outlives_three_days_of_an_outage() -> None:
    steady = replace(WorkerOptions().retry_own, jitter=0)
    waits = [steady.wait_s(failures) for failures in range(1, steady.give_up_after)]
    assert timedelta(seconds=sum(waits)) >= timedelta(hours=72)
    assert max(waits) <= 300


async def test_a_registry_that_is_away_is_asked_once_a_tenant_and_batch() -> None:
    class Away:
        asked = 0

        async def route(self, *_: str) -> Any:
            self.asked += 1
            raise Overloaded("away")

        async def get(self, *_: str) -> Any:
            return await self.route()

    connections, nothing = Away(), None
    rules: CategoryRules[Any] = CategoryRules("payments", "payments", PaymentStore(), {})
    router = Router(nothing, rules, connections)  # type: ignore[arg-type]  # fresh operations need no database
    items = [(an_operation(tenant), HANDLER, COMMAND) for tenant in ("ten_1", "ten_1", "ten_2") for _ in range(20)]
    routes = await router.routes(items)
    assert set(routes.values()) == {None}
    assert connections.asked == 2
