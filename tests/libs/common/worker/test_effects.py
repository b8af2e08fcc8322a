"""No effect is lost and none happens twice: what the worker does with each outcome of a call."""

import asyncio
from dataclasses import replace
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

from onerouter_common.contracts.commands import HEADER_REPLY_PARTITION
from onerouter_common.errors import (
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_common.retry import Backoff
from onerouter_common.worker.handler import Idempotency
from onerouter_common.worker.inbox import decode
from onerouter_common.worker.outbox import OURSELVES
from onerouter_payments.payment.aggregate import observe_payment
from onerouter_payments.payment.repository import PaymentStore
from onerouter_providers.capability import PaymentSnapshot

UNKNOWN = ProviderOutcomeUnknown("no answer", provider="scripted")


async def test_a_payment_is_made_once_and_answered(rig: Rig) -> None:
    async with rig.worker():
        command = create_payment()
        reply = await rig.ask(command)
    assert (reply.state, reply.status, reply.made_by) == ("succeeded", 201, command.command_id)
    assert reply.result is not None
    assert reply.result["amount"] == 499
    assert rig.provider.effects == {f"create:{command.resource_id}": 1}
    [attempt] = await rig.attempts(command.operation_id)
    assert (attempt["outcome"], attempt["kind"], attempt["finished_at"] is None) == ("succeeded", "call", False)


async def test_events_of_one_resource_count_without_gaps(rig: Rig) -> None:
    async with rig.worker():
        command = create_payment()
        await rig.ask(command)
        await rig.ask(create_refund(command, 100))
        seen: list[tuple[str, int]] = []
        while ("payment.partially_refunded", 3) not in seen:
            event = await rig.events.get()
            if event.resource.id == command.resource_id:
                seen.append((event.type, event.sequence))
    assert [sequence for _, sequence in seen] == [1, 2, 3]


async def test_a_repeat_of_the_command_gets_the_first_answer(rig: Rig) -> None:
    async with rig.worker():
        command = create_payment()
        first = await rig.ask(command)
        again = await rig.ask(command.model_copy(update={"command_id": "cmd_other"}))
    assert again.made_by == command.command_id
    assert again.result == first.result
    assert sum(rig.provider.effects.values()) == 1


async def test_twins_at_several_gateways_are_all_answered(rig: Rig) -> None:
    async with rig.worker() as worker:
        rig.provider.gate = asyncio.Event()
        command = create_payment()
        await rig.send(command)
        await until(lambda: bool(rig.provider.calls))
        twins = [
            decode(worker._rules, command.to_bytes(), [(HEADER_REPLY_PARTITION, str(partition).encode())])
            for partition in (rig.partition, 101, 102, 102)
        ]
        await worker._replies.answer_repeats(twins)
        row = await rig.operation(command.operation_id)
        await rig.pool.execute("UPDATE operations SET reply_partitions = '{}'")  # the topic has no such partitions
        rig.provider.gate.set()
        await rig.until_state(command.operation_id, "succeeded")
    assert sorted(row["reply_partitions"]) == sorted({rig.partition, 101, 102})


async def test_the_same_key_with_another_body_is_told_so(rig: Rig) -> None:
    async with rig.worker():
        command = create_payment()
        await rig.ask(command)
        other = await rig.ask(command.model_copy(update={"fingerprint": "e" * 64}))
    assert other.mismatch
    assert other.result is None
    assert sum(rig.provider.effects.values()) == 1


async def test_a_decline_is_final_and_never_repeated(rig: Rig) -> None:
    rig.provider.before = [ProviderDeclined("no", provider="scripted", reason="card_declined")]
    async with rig.worker():
        reply = await rig.ask(create_payment())
    assert reply.state == "failed"
    assert reply.problem is not None
    assert reply.problem.status == 402
    assert len(rig.provider.calls) == 1


@pytest.mark.parametrize("error", [ProviderThrottled, ProviderUnavailable])
async def test_what_surely_did_nothing_is_tried_again(rig: Rig, error: type[ProviderUnavailable]) -> None:
    rig.provider.before = [error("later", provider="scripted"), error("later", provider="scripted")]
    async with rig.worker():
        command = create_payment()
        reply = await rig.ask(command)
    assert reply.state == "succeeded"
    assert rig.provider.effects == {f"create:{command.resource_id}": 1}
    assert [a["outcome"] for a in await rig.attempts(command.operation_id)][-1] == "succeeded"
    assert len(await rig.attempts(command.operation_id)) == 3


async def test_retries_end(rig: Rig) -> None:
    rig.provider.before = [ProviderUnavailable("away", provider="scripted") for _ in range(20)]
    async with rig.worker():
        reply = await rig.ask(create_payment())
    assert reply.state == "failed"
    assert reply.problem is not None
    assert (reply.problem.status, reply.problem.retryable) == (503, True)
    assert len(rig.provider.calls) == 4


async def test_retry_after_is_honoured(rig: Rig) -> None:
    rig.provider.before = [ProviderThrottled("later", provider="scripted", retry_after_s=1.0)]
    async with rig.worker():
        command = create_payment()
        began = datetime.now(UTC)
        await rig.ask(command)
    assert datetime.now(UTC) - began >= timedelta(seconds=1)


async def test_an_effect_without_an_answer_is_found_and_not_repeated(rig: Rig) -> None:
    rig.provider.after = [UNKNOWN]
    async with rig.worker():
        command = create_payment()
        reply = await rig.ask(command)
    assert reply.state == "succeeded"
    assert rig.provider.effects == {f"create:{command.resource_id}": 1}
    assert len(rig.provider.calls) == 1
    assert rig.provider.lookups
    assert [a["kind"] for a in await rig.attempts(command.operation_id)] == ["call", "lookup"]


async def test_absence_is_believed_only_when_the_call_must_be_over(rig: Rig) -> None:
    rig.provider.before = [UNKNOWN]
    rig.connections.connections[0].timeout_s = 0.0  # the deadline's own margin of 2 s is what is waited for
    async with rig.worker():
        command = create_payment()
        began = datetime.now(UTC)
        reply = await rig.ask(command)
    assert reply.state == "succeeded"
    assert datetime.now(UTC) - began >= timedelta(seconds=2)
    assert rig.provider.effects == {f"create:{command.resource_id}": 1}
    assert len(rig.provider.calls) == 2


async def test_a_native_key_is_repeated_at_once(rig: Rig) -> None:
    async with rig.worker():
        payment = create_payment()
        await rig.ask(payment)
        rig.provider.after = [UNKNOWN]
        refund = create_refund(payment, 100)
        reply = await rig.ask(refund)
    assert reply.state == "succeeded"
    assert [a["kind"] for a in await rig.attempts(refund.operation_id)] == ["call", "repeat"]
    keys = {a["provider_key"] for a in await rig.attempts(refund.operation_id)}
    assert len(keys) == 1


async def test_a_refused_repeat_leaves_the_outcome_unknown(rig: Rig) -> None:
    async with rig.worker():
        payment = create_payment()
        await rig.ask(payment)
        rig.provider.after = [UNKNOWN]
        rig.provider.before = [
            None,
            ProviderRefusedUs("bad key", provider="scripted"),
            ProviderUnavailable("x", provider="p"),
        ]
        refund = create_refund(payment, 100)
        reply = await rig.ask(refund)
    assert reply.state == "succeeded"
    outcomes = [a["outcome"] for a in await rig.attempts(refund.operation_id)]
    assert outcomes == ["unknown", "refused", "unreachable", "succeeded"]


async def test_where_nobody_can_be_asked_it_stays_unknown_and_says_so(rig: Rig) -> None:
    rig.connections.connections[0].idempotency["payment.create"] = Idempotency.NONE
    rig.provider.after = [UNKNOWN]
    async with rig.worker():
        command = create_payment()
        reply = await rig.ask(command)
        row = await rig.operation(command.operation_id)
    assert (reply.state, reply.status) == ("unknown", 202)
    assert reply.problem is not None
    assert reply.problem.effect == "unknown"
    assert row["effect_guarantee"] == "at_most_once"
    assert len(rig.provider.calls) == 1


async def test_what_promises_no_look_up_is_never_repeated_because_one_found_nothing(rig: Rig) -> None:
    connection = rig.connections.connections[0]
    connection.idempotency["payment.create"] = Idempotency.NONE
    connection.timeout_s = -2.0  # with the deadline's own margin: an absence would be believed at once
    rig.provider.before = [UNKNOWN]
    async with rig.worker():
        command = create_payment()
        await rig.ask(command)
        await rig.pool.execute("UPDATE operations SET due_at = now()")  # as a callback of its payment does
        await until(lambda: bool(rig.provider.lookups))
        await asyncio.sleep(0.3)
        row = await rig.until_state(command.operation_id, "unknown")
    assert (row["state"], len(rig.provider.calls)) == ("unknown", 1)


async def test_who_is_asked_does_not_change_with_the_tenants_route(rig: Rig) -> None:
    away, second = rig.provider, ScriptedProvider(after=[UNKNOWN])
    rig.connections.connections.append(ScriptedConnection(second, id="con_2"))
    away.before = [ProviderUnavailable("away", provider="scripted")]
    async with rig.worker(replace(FAST, ask=Backoff(first_s=1.0, most_s=1.0))):
        command = create_payment()
        await rig.send(command)
        await rig.until_state(command.operation_id, "unknown")
        rig.connections.disabled.add("con_2")  # because it answers so badly, say
        reply = await rig.reply_to(command.operation_id)
        row = await rig.operation(command.operation_id)
    assert (reply.state, row["connection_id"]) == ("succeeded", "con_2")
    assert (len(away.calls), away.lookups, len(second.lookups)) == (1, [], 1)


async def test_absence_is_believed_only_after_the_last_repeat_under_a_key_must_be_over(rig: Rig) -> None:
    connection = rig.connections.connections[0]
    connection.retention = 62.0
    connection.timeout_s = 0.0
    async with rig.worker():
        payment = create_payment()
        await rig.ask(payment)
        rig.provider.before = [UNKNOWN] * 20
        refund = create_refund(payment, 100)
        await rig.send(refund)
        await until(lambda: len(rig.provider.lookups) > 1)  # the key may soon be forgotten, so it is not repeated
        calls = len(rig.provider.calls)
        await rig.pool.execute(
            "UPDATE operations SET open_attempt_at = now() - interval '5 s' WHERE id = $1", refund.operation_id
        )
        looked_up = len(rig.provider.lookups)
        await until(lambda: len(rig.provider.lookups) > looked_up + 1)
    assert len(rig.provider.calls) == calls


async def test_an_outage_that_ends_a_callers_operation_only_delays_one_of_our_own(rig: Rig) -> None:
    down = ProviderUnavailable("It is down.", provider="scripted")
    outage = FAST.retry.give_up_after
    options = replace(FAST, retry_own=Backoff(first_s=0.02, most_s=0.05, give_up_after=1_000))
    async with rig.worker(options):
        rig.provider.before = [down] * outage
        assert (await rig.ask(create_payment())).state == "failed"
        rig.provider.before = [down] * (outage + 2)
        own = create_payment(api_key_id=OURSELVES)
        await rig.send(own)
        row = await rig.until_state(own.operation_id, "succeeded", "failed")
    assert (row["state"], row["failures"], row["attempts"]) == ("succeeded", outage + 2, outage + 3)
    assert rig.provider.effects == {f"create:{own.resource_id}": 1}


async def test_an_outage_that_ends_a_callers_operation_only_delays_bulk(rig: Rig) -> None:
    """And what was asked for its time: who asked for it was answered long ago."""
    down, outage = ProviderUnavailable("It is down.", provider="scripted"), FAST.retry.give_up_after
    options = replace(FAST, retry_unhurried=Backoff(first_s=0.02, most_s=0.05, give_up_after=1_000))
    later = datetime.now(UTC) + timedelta(milliseconds=200)
    async with rig.worker(options):
        for command in (create_payment(priority=1), create_payment(not_before=later)):
            rig.provider.before = [down] * (outage + 2)
            await rig.send(command)
            row = await rig.until_state(command.operation_id, "succeeded", "failed")
            assert (row["state"], row["failures"]) == ("succeeded", outage + 2)


async def test_unknown_is_never_failed_over(rig: Rig) -> None:
    second = ScriptedProvider()
    rig.connections.connections.append(ScriptedConnection(second, id="con_2"))
    rig.provider.after = [UNKNOWN]
    async with rig.worker():
        await rig.ask(create_payment())
    assert second.calls == []


async def test_what_was_never_reached_goes_to_the_next_connection(rig: Rig) -> None:
    second = ScriptedProvider()
    rig.connections.connections.append(ScriptedConnection(second, id="con_2"))
    rig.provider.before = [ProviderUnavailable("away", provider="scripted")]
    async with rig.worker():
        command = create_payment()
        reply = await rig.ask(command)
        row = await rig.operation(command.operation_id)
    assert reply.state == "succeeded"
    assert (len(second.calls), row["connection_id"]) == (1, "con_2")


class TestAProviderThatWasWrong:
    """It said that it did nothing, and a callback tells that it did."""

    async def called_back(self, rig: Rig, payment_id: str) -> None:
        """As the callback inbox applies one."""
        store, told = PaymentStore(), PaymentSnapshot("requires_action", provider_order_id=f"order_{payment_id}")
        async with rig.pool.acquire() as connection, connection.transaction():
            held = (await store.load(connection, [payment_id], lock=True))[payment_id]
            await store.save(connection, [observe_payment(held, told, datetime.now(UTC)).aggregate])

    @pytest.mark.parametrize("error", [ProviderThrottled, ProviderUnavailable])
    async def test_is_not_called_again(self, rig: Rig, error: type[ProviderUnavailable]) -> None:
        second = ScriptedProvider()
        rig.connections.connections.append(ScriptedConnection(second, id="con_2"))
        rig.provider.before = [error("later", provider="scripted")]
        command = create_payment()
        async with rig.worker(replace(FAST, retry=Backoff(first_s=1.0, most_s=1.0, jitter=0, give_up_after=4))):
            await rig.send(command)
            await rig.until_state(command.operation_id, "retrying")
            await self.called_back(rig, command.resource_id)
            reply = await rig.reply_to(command.operation_id)
        assert (reply.state, reply.status, reply.problem) == ("succeeded", 201, None)
        assert reply.result is not None
        assert reply.result["provider_order_id"] == f"order_{command.resource_id}"
        assert (len(rig.provider.calls), len(rig.provider.lookups), second.calls) == (1, 0, [])
        assert len(await rig.attempts(command.operation_id)) == 1

    async def test_does_not_fail_what_was_made_when_it_is_given_up(self, rig: Rig) -> None:
        command, original = create_payment(), rig.provider._call

        async def call(ordered_by: str, effect: str) -> None:
            await self.called_back(rig, command.resource_id)
            await original(ordered_by, effect)

        rig.provider._call = call  # type: ignore[method-assign]
        rig.provider.before = [ProviderThrottled("later", provider="scripted")]
        async with rig.worker(replace(FAST, retry=Backoff(first_s=0.1, give_up_after=1))):
            reply = await rig.ask(command)
        assert (reply.state, reply.problem) == ("succeeded", None)
        assert len(rig.provider.calls) == 1

    async def test_is_believed_where_nobody_can_be_asked(self, rig: Rig) -> None:
        rig.connections.connections[0].idempotency["payment.create"] = Idempotency.NONE
        rig.provider.before = [UNKNOWN]
        command = create_payment()
        async with rig.worker():
            await rig.send(command)
            await rig.until_state(command.operation_id, "unknown")
            await self.called_back(rig, command.resource_id)
            await rig.pool.execute("UPDATE operations SET due_at = now()")  # as the callback inbox does
            row = await rig.until_state(command.operation_id, "succeeded")
        assert row["open_attempt_at"] is None
        assert (len(rig.provider.calls), rig.provider.lookups) == (1, [])


async def test_a_handler_that_breaks_fails_its_operation_and_no_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onerouter_payments.payment.operations import PaymentCreate

    original = PaymentCreate.begin

    def begin(self: Any, op: Any, command: Any, resource: Any, connection: Any) -> Any:
        if command.amount_minor == 666:
            raise RuntimeError("a defect")
        return original(self, op, command, resource, connection)

    monkeypatch.setattr(PaymentCreate, "begin", begin)
    async with rig.worker():
        bad, good = create_payment(amount_minor=666), create_payment()
        await rig.send(bad)
        assert (await rig.ask(good)).state == "succeeded"
        row = await rig.until_state(bad.operation_id, "failed")
    assert row["problem"]["code"] == "INTERNAL_ERROR"
    assert len(rig.provider.calls) == 1
