"""Outcomes that a person decides: asked for once more where the provider can be, settled like any other."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from tests.libs.common.worker.rig import Rig, create_payment, create_refund
from tests.libs.common.worker.test_callback_inbox import make_inbox
from tests.libs.common.worker.test_history import told_of, whole_timeline

from onerouter_common.contracts.commands import Command
from onerouter_common.db.engine import tenant_engine
from onerouter_common.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    Overloaded,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderUnavailable,
)
from onerouter_common.ids import new_id
from onerouter_common.money import Money
from onerouter_common.worker.handler import Idempotency
from onerouter_common.worker.resolution import Decision
from onerouter_providers.capability import PaymentReference, PaymentSnapshot

LOST = ProviderOutcomeUnknown("No answer came.", provider="scripted", reason="timeout")
NOT_DONE = Decision("failed", "Their support says that it never came.", "usr_1")


@pytest.fixture
def account(rig: Rig) -> dict[str, Any]:
    """What the provider has, by id: a snapshot or an error. Nothing can be looked up, so what is unknown stays so."""
    known: dict[str, Any] = {}

    async def get_payment(reference: PaymentReference) -> PaymentSnapshot:
        found = known.get(reference.provider_order_id or reference.provider_payment_id or "")
        found = found or ProviderRefusedUs("Not known.", provider="scripted", reason="not_found")
        if isinstance(found, ProviderError):
            raise found
        assert isinstance(found, PaymentSnapshot)
        return found

    rig.provider.get_payment = get_payment  # type: ignore[attr-defined]
    rig.connections.connections[0].idempotency["payment.create"] = Idempotency.NONE
    return known


async def lost_payment(rig: Rig, *, done: bool = False) -> Command:
    """A payment whose creation got no answer; `done`: at the provider it exists."""
    (rig.provider.after if done else rig.provider.before).append(LOST)
    payment = create_payment()
    await rig.send(payment)
    await rig.until_state(payment.operation_id, "unknown")
    return payment


async def payment_status(rig: Rig, payment: Command) -> str:
    return str(await rig.pool.fetchval("SELECT status FROM payments WHERE id = $1", payment.resource_id))


def made(status: Any = "succeeded", amount_minor: int = 49_900) -> PaymentSnapshot:
    return PaymentSnapshot(status, "order_1", "pay_1", amount=Money(amount_minor, "INR"))


async def test_what_was_done_is_settled_as_the_provider_tells_it(rig: Rig, account: dict[str, Any]) -> None:
    account["pay_1"] = made()
    async with rig.worker() as worker:
        payment = await lost_payment(rig)
        decision = Decision("succeeded", "Seen in their dashboard.", "usr_1", "pay_1")
        await worker.resolutions.resolve(payment.operation_id, decision)
        reply = await rig.reply_to(payment.operation_id)
        while reply.state == "unknown":
            reply = await rig.reply_to(payment.operation_id)
        assert (reply.state, reply.status) == ("succeeded", 201)
        assert reply.result is not None
        assert (reply.result["status"], reply.result["provider_order_id"]) == ("succeeded", "order_1")
        events = [await asyncio.wait_for(rig.events.get(), 60) for _ in range(2)]
        assert [event.type for event in events] == ["payment.created", "payment.succeeded"]
        assert {event.operation_id for event in events} == {payment.operation_id}

        await worker.resolutions.resolve(payment.operation_id, decision)  # again: it is so already
        with pytest.raises(Conflict, match="has succeeded"):
            await worker.resolutions.resolve(payment.operation_id, NOT_DONE)
    assert rig.provider.calls == [f"create:{payment.resource_id}"]
    async with tenant_engine(rig.dsn, size=2) as engine:
        timeline = await whole_timeline(engine, payment.operation_id)
    decided = [entry for entry in timeline["data"] if entry["kind"] == "resolution"]
    assert [entry["data"] for entry in decided] == [
        {"outcome": "succeeded", "reason": "Seen in their dashboard.", "provider_id": "pay_1", "verified": True}
    ]
    assert "usr_1" not in str(timeline)  # who decided is in the operators' books, not the tenant's


async def test_what_was_not_done_fails_without_effect_and_a_callback_can_still_prove_it_wrong(
    rig: Rig, account: dict[str, Any]
) -> None:
    async with rig.worker() as worker:
        payment = await lost_payment(rig)
        await worker.resolutions.resolve(payment.operation_id, NOT_DONE)
        row = await rig.operation(payment.operation_id)
        assert (row["state"], row["due_at"], row["open_attempt_at"]) == ("failed", None, None)
        assert (row["problem"]["code"], row["problem"]["effect"]) == ("RESOLVED_AS_NOT_DONE", "none")
        assert NOT_DONE.reason in row["problem"]["detail"]
        assert await payment_status(rig, payment) == "failed"

        told = told_of(payment)
        named = told.object.model_copy(update={"reference": payment.resource_id})
        late: Any = SimpleNamespace(value=told.model_copy(update={"object": named}).to_bytes())
        await make_inbox(rig).handle([late])
        assert await payment_status(rig, payment) == "succeeded"


@pytest.mark.parametrize(
    ("has", "provider_id", "error"),
    [
        ({}, "pay_1", InvalidRequest),
        ({"pay_1": made(amount_minor=100)}, "pay_1", InvalidRequest),
        ({"pay_2": made()}, "pay_2", InvalidRequest),  # its answer speaks of another
        ({"pay_1": ProviderUnavailable("Away.", provider="scripted")}, "pay_1", Overloaded),
        ({"pay_1": LOST}, "pay_1", Overloaded),
    ],
)
async def test_what_the_provider_does_not_confirm_stays_unknown(
    rig: Rig, account: dict[str, Any], has: dict[str, Any], provider_id: str, error: type[Exception]
) -> None:
    account.update(has)
    async with rig.worker() as worker:
        payment = await lost_payment(rig)
        with pytest.raises(error):
            await worker.resolutions.resolve(payment.operation_id, Decision("succeeded", "So.", "usr_1", provider_id))
        assert (await rig.operation(payment.operation_id))["state"] == "unknown"
        assert await rig.pool.fetchval("SELECT count(*) FROM history WHERE kind = 'resolution'") == 0


async def test_what_the_provider_has_cannot_be_resolved_as_not_done(rig: Rig, account: dict[str, Any]) -> None:
    async with rig.worker() as worker:
        payment = await lost_payment(rig, done=True)
        with pytest.raises(Conflict, match="scripted has what operation"):
            await worker.resolutions.resolve(payment.operation_id, NOT_DONE)
        assert (await rig.operation(payment.operation_id))["state"] == "unknown"


@pytest.mark.parametrize("refused", [False, True])
async def test_where_nobody_can_be_asked_any_more_a_word_is_taken(
    rig: Rig, account: dict[str, Any], refused: bool
) -> None:
    """Its connection is gone, or the provider no longer accepts its credentials."""
    account["order_9"] = ProviderRefusedUs("No.", provider="scripted", reason="authentication_failed")
    async with rig.worker() as worker:
        payment = await lost_payment(rig)
        if not refused:
            rig.connections.connections.clear()
        await worker.resolutions.resolve(
            payment.operation_id, Decision("succeeded", "On their statement.", "usr_1", "order_9")
        )
        row = await rig.operation(payment.operation_id)
        assert (row["state"], row["result"]["provider_order_id"]) == ("succeeded", "order_9")
    told = await rig.pool.fetchval("SELECT data FROM history WHERE kind = 'resolution'")
    assert (told["verified"], told["by"]) == (False, "usr_1")


async def test_only_an_unknown_outcome_can_be_decided(rig: Rig, account: dict[str, Any]) -> None:
    async with rig.worker() as worker:
        payment = create_payment()
        await rig.ask(payment)
        with pytest.raises(Conflict, match="has succeeded"):
            await worker.resolutions.resolve(payment.operation_id, NOT_DONE)
        with pytest.raises(NotFound):
            await worker.resolutions.resolve(new_id("op"), NOT_DONE)
        rig.provider.gate = asyncio.Event()
        under_way = create_payment()
        await rig.send(under_way)
        await rig.until_state(under_way.operation_id, "executing")
        with pytest.raises(Conflict, match="is being asked about right now"):
            await worker.resolutions.resolve(under_way.operation_id, NOT_DONE)
        rig.provider.gate.set()


async def test_of_many_who_decide_at_once_one_is_heard(rig: Rig, account: dict[str, Any]) -> None:
    account["pay_1"] = made()
    done = Decision("succeeded", "Seen.", "usr_1", "pay_1")
    async with rig.worker() as one, rig.worker() as other:
        payment = await lost_payment(rig)
        decisions = [(worker, decision) for worker in (one, other) for decision in (done, NOT_DONE)]
        outcomes = await asyncio.gather(
            *(worker.resolutions.resolve(payment.operation_id, decision) for worker, decision in decisions),
            return_exceptions=True,
        )
        state = (await rig.operation(payment.operation_id))["state"]
    agreeing = [decision.outcome for (_, decision), outcome in zip(decisions, outcomes, strict=True) if outcome is None]
    assert agreeing
    assert set(agreeing) == {state}
    assert all(outcome is None or isinstance(outcome, Conflict) for outcome in outcomes)
    assert await rig.pool.fetchval("SELECT count(*) FROM history WHERE kind = 'resolution'") == 1
    assert await rig.pool.fetchval("SELECT count(*) FROM history WHERE data->>'type' = 'payment.created'") <= 1


async def test_a_refund_that_was_not_made_gives_its_amount_back(rig: Rig) -> None:
    rig.connections.connections[0].idempotency["refund.create"] = Idempotency.NONE
    payment = create_payment()
    async with rig.worker() as worker:
        await rig.ask(payment)
        rig.provider.before.append(LOST)
        refund = create_refund(payment)
        await rig.send(refund)
        await rig.until_state(refund.operation_id, "unknown")
        assert (await rig.ask(create_refund(payment))).state == "failed"  # all of it may be on its way back
        await worker.resolutions.resolve(refund.operation_id, NOT_DONE)
        assert (await rig.ask(create_refund(payment))).state == "succeeded"
