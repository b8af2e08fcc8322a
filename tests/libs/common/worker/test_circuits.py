"""What a worker does about a connection whose calls keep failing: others take over, few probe, nothing happens twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
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

from onerouter_common.errors import (
    OneRouterError,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_common.ids import new_id
from onerouter_common.retry import Backoff
from onerouter_common.worker.circuit.circuits import Circuits
from onerouter_common.worker.circuit.redis_shared import RedisCircuits
from onerouter_common.worker.circuit.rule import Gate, Rule
from onerouter_common.worker.handler import Idempotency
from onerouter_local.ports import free_port
from onerouter_providers.capability import PaymentRequest

UNKNOWN = ProviderOutcomeUnknown("no answer", provider="scripted")
AWAY = ProviderUnavailable("away", provider="scripted")
RULE = Rule(consecutive=2, open_s=0.4, open_most_s=0.4, probes=2, round_s=0.3)
LONG = replace(RULE, open_s=600.0, open_most_s=600.0)
SOON = replace(FAST, retry=Backoff(first_s=0.05, most_s=0.2, give_up_after=1_000))


@pytest.fixture
def second(rig: Rig) -> ScriptedProvider:
    """A connection of another provider, behind the first in order of priority."""
    provider = ScriptedProvider()
    rig.connections.connections.append(ScriptedConnection(provider, id="con_2", provider="other"))
    return provider


def circuits(rule: Rule = RULE, **more: Any) -> Circuits:
    return Circuits(rule, category="payments", **more)


async def open_first(rig: Rig, error: OneRouterError = AWAY) -> None:
    """Payments until the first connection's circuit is open; all of them succeed at the second."""
    rig.provider.before = [error] * RULE.consecutive
    for _ in range(RULE.consecutive):
        assert (await rig.ask(create_payment())).state == "succeeded"
    assert len(rig.provider.calls) == RULE.consecutive


class TestAnOpenCircuit:
    async def test_is_passed_over_for_the_next_connection_and_the_decision_says_so(
        self, rig: Rig, second: ScriptedProvider
    ) -> None:
        async with rig.worker(circuits=circuits(LONG)):
            await open_first(rig)
            command = create_payment()
            assert (await rig.ask(command)).state == "succeeded"
            row = await rig.operation(command.operation_id)
        assert len(rig.provider.calls) == RULE.consecutive
        assert (row["connection_id"], row["attempts"], row["failures"]) == ("con_2", 1, 0)
        assert row["routing"]["candidates"] == [{"connection_id": "con_2", "provider": "other"}]
        [refused] = row["routing"]["refused"]
        assert (refused["connection_id"], refused["provider"], refused["reason"]) == (
            "con_1",
            "scripted",
            "circuit_open",
        )
        assert "2 calls in a row failed" in refused["detail"]

    async def test_closes_again_when_probes_are_answered(self, rig: Rig, second: ScriptedProvider) -> None:
        clock = [1_000.0]
        known = circuits(seconds=lambda: clock[0])
        async with rig.worker(circuits=known):
            await open_first(rig)
            clock[0] += RULE.open_s
            assert known.gate("con_1") is Gate.DUE
            rig.provider.gate = asyncio.Event()
            commands = [create_payment() for _ in range(6)]
            passed = len(second.calls) + len(commands) - RULE.probes  # before the first is sent: it may be quick
            for command in commands:
                await rig.send(command)
            await until(lambda: len(second.calls) == passed)
            assert len(rig.provider.calls) == RULE.consecutive + RULE.probes
            rig.provider.gate.set()
            for command in commands:
                await rig.until_state(command.operation_id, "succeeded")
            await until_closed(known)
            last = create_payment()
            await rig.ask(last)
            assert (await rig.operation(last.operation_id))["connection_id"] == "con_1"
        assert all(count == 1 for count in [*rig.provider.effects.values(), *second.effects.values()])

    async def test_stays_open_when_a_probe_fails(self, rig: Rig, second: ScriptedProvider) -> None:
        clock = [1_000.0]  # moved by us alone: however long a reply takes, it stays open for what was decided
        known = circuits(replace(LONG, open_most_s=6_000.0), seconds=lambda: clock[0])
        async with rig.worker(circuits=known):
            await open_first(rig)
            rig.provider.before = [AWAY]
            assert known.gate("con_1") is Gate.OPEN
            clock[0] += LONG.open_s
            assert known.gate("con_1") is Gate.DUE
            probe = create_payment()
            assert (await rig.ask(probe)).state == "succeeded"
            tried = [one["connection_id"] for one in await rig.attempts(probe.operation_id)]
            assert (tried, known.gate("con_1")) == (["con_1", "con_2"], Gate.OPEN)
            assert known.wait_s("con_1") == 2 * LONG.open_s

    @pytest.mark.parametrize(
        "error",
        [
            ProviderDeclined("no", provider="scripted", reason="card_declined"),
            ProviderRefusedUs("bad", provider="scripted"),
        ],
    )
    async def test_is_not_what_refusals_make(self, rig: Rig, second: ScriptedProvider, error: OneRouterError) -> None:
        known = circuits(LONG)
        rig.provider.before = [error] * 5
        async with rig.worker(circuits=known):
            for _ in range(5):
                assert (await rig.ask(create_payment())).state == "failed"
        assert (known.any_open, second.calls) == (False, [])


class TestWhatCanGoNowhereElse:
    async def test_waits_and_goes_when_it_may(self, rig: Rig) -> None:
        clock = [1_000.0]  # moved by us alone: it stays open until it was looked at
        rig.provider.before = [AWAY, AWAY]
        async with rig.worker(SOON, circuits=circuits(seconds=lambda: clock[0])):
            first = create_payment()
            await rig.send(first)
            async with asyncio.timeout(60):
                while (await rig.until_state(first.operation_id, "retrying"))["failures"] <= 2:
                    await asyncio.sleep(0.01)  # it looks, and is not let through
            clock[0] += RULE.open_s
            assert (await rig.reply_to(first.operation_id)).state == "succeeded"
            row = await rig.operation(first.operation_id)
            attempts = await rig.attempts(first.operation_id)
        assert [one["outcome"] for one in attempts] == ["unreachable", "unreachable", "succeeded"]
        assert (row["routing"]["connection_id"], row["routing"]["refused"]) == ("con_1", [])

    async def test_fails_as_for_an_unreachable_provider_without_having_called_it(self, rig: Rig) -> None:
        rig.provider.before = [AWAY, AWAY]
        async with rig.worker(circuits=circuits(LONG)):
            await rig.ask(create_payment())
            command = create_payment()
            reply = await rig.ask(command)
            row = await rig.operation(command.operation_id)
        assert (reply.state, reply.status, row["attempts"]) == ("failed", 503, 0)
        assert reply.problem is not None
        assert (reply.problem.effect, reply.problem.retryable) == ("none", True)
        assert (reply.problem.retry_after_s or 0) > 60
        assert [one["reason"] for one in row["routing"]["refused"]] == ["circuit_open"]
        assert row["routing"]["connection_id"] is None
        assert len(rig.provider.calls) == 2

    async def test_a_refund_stays_with_its_payment(self, rig: Rig, second: ScriptedProvider) -> None:
        clock = [1_000.0]
        async with rig.worker(SOON, circuits=circuits(seconds=lambda: clock[0])):
            payment = create_payment()
            await rig.ask(payment)
            rig.provider.calls.clear()
            await open_first(rig)
            refund = create_refund(payment, 100)
            await rig.send(refund)
            waiting = await rig.until_state(refund.operation_id, "retrying")
            clock[0] += RULE.open_s
            reply = await rig.reply_to(refund.operation_id)
            row = await rig.operation(refund.operation_id)
        assert (waiting["routing"]["by"], waiting["routing"]["refused"][0]["reason"]) == ("resource", "circuit_open")
        assert (reply.state, row["connection_id"]) == ("succeeded", "con_1")
        assert (row["routing"]["by"], row["routing"]["refused"]) == ("resource", [])
        assert not any(call.startswith("refund") for call in second.calls)


class TestFailover:
    """Only what is proven to have had no effect goes to another connection, whatever its circuit says."""

    @pytest.mark.parametrize("idempotency", list(Idempotency))
    @pytest.mark.parametrize("error", [AWAY, ProviderThrottled("later", provider="scripted")])
    async def test_of_what_was_never_accepted(
        self, rig: Rig, second: ScriptedProvider, idempotency: Idempotency, error: OneRouterError
    ) -> None:
        rig.connections.connections[0].idempotency["payment.create"] = idempotency
        rig.provider.before = [error]
        async with rig.worker(circuits=circuits(replace(LONG, consecutive=1, throttled_s=0.0))):
            command = create_payment()
            assert (await rig.ask(command)).state == "succeeded"
            tried = [one["connection_id"] for one in await rig.attempts(command.operation_id)]
        assert tried == ["con_1", "con_2"]
        assert (dict(rig.provider.effects), sum(second.effects.values())) == ({}, 1)

    @pytest.mark.parametrize("happened", [False, True])
    @pytest.mark.parametrize("idempotency", list(Idempotency))
    async def test_of_what_is_in_doubt_only_when_its_absence_is_proven(
        self, rig: Rig, second: ScriptedProvider, idempotency: Idempotency, happened: bool
    ) -> None:
        """`native`: the key is repeated where it is known. `lookup`: asked for, then made. `none`: a person decides."""
        first = rig.connections.connections[0]
        first.idempotency["payment.create"] = idempotency
        (rig.provider.after if happened else rig.provider.before).append(UNKNOWN)
        async with rig.worker(circuits=circuits(replace(LONG, consecutive=1), ask_every_s=0.05)):
            command = create_payment()
            await rig.send(command)
            await rig.until_state(command.operation_id, "unknown", "succeeded")
            if idempotency is Idempotency.LOOKUP and not happened:
                await rig.pool.execute(  # long ago: the call cannot be under way any more
                    "UPDATE operations SET open_attempt_at = now() - interval '60 s', due_at = now() WHERE id = $1",
                    command.operation_id,
                )
            elif idempotency is Idempotency.NONE:  # as a callback of its payment does; what is not found proves nothing
                await rig.pool.execute(
                    "UPDATE operations SET due_at = now(), open_attempt_at = now() - interval '60 s'"
                )
                await until(lambda: bool(rig.provider.lookups))
            state = "unknown" if idempotency is Idempotency.NONE and not happened else "succeeded"
            await rig.until_state(command.operation_id, state)
        assert (await rig.operation(command.operation_id))["state"] == state  # also by what was under way
        moved = idempotency is Idempotency.LOOKUP and not happened
        assert len(second.calls) == moved
        if idempotency is not Idempotency.NATIVE:  # whose second call is no second effect
            assert len(rig.provider.calls) == 1
            assert sum(rig.provider.effects.values()) + sum(second.effects.values()) == (moved or happened)


async def test_questions_about_unknown_outcomes_go_at_a_low_rate(
    rig: Rig, second: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_every_s, commands = 0.25, [create_payment() for _ in range(12)]
    clock = [1_000.0]  # moved by us alone: what was let through may be sent late
    asked: list[str] = []

    async def unanswered(wanted: PaymentRequest) -> None:
        asked.append(wanted.payment_id)
        raise UNKNOWN

    monkeypatch.setattr(rig.provider, "find_payment", unanswered)
    rig.provider.gate, rig.provider.after = asyncio.Event(), [UNKNOWN] * len(commands)
    async with rig.worker(circuits=circuits(LONG, ask_every_s=ask_every_s, seconds=lambda: clock[0])):
        for command in commands:
            await rig.send(command)
        await until(lambda: len(rig.provider.calls) == len(commands))
        rig.provider.gate.set()
        for command in commands:
            await rig.until_state(command.operation_id, "unknown")
        async with asyncio.timeout(60):
            while len(asked) < 4:
                await rig.pool.execute("UPDATE operations SET due_at = now() WHERE state = 'unknown'")
                await asyncio.sleep(0.05)
                assert len(asked) <= 1 + (clock[0] - 1_000.0) / ask_every_s
                clock[0] += 0.0625  # of all these numbers sums are exact
        states = await rig.pool.fetch("SELECT state, connection_id FROM operations")
    assert {(row["state"], row["connection_id"]) for row in states} <= {("unknown", "con_1"), ("executing", "con_1")}
    assert (len(rig.provider.calls), len(second.calls)) == (len(commands), 0)


@pytest.fixture
async def shares(redis_url: str) -> AsyncIterator[list[RedisCircuits]]:
    """Of two workers."""
    category = new_id("cat")
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(RedisCircuits(redis_url, category=category, timeout_s=5)) for _ in range(2)
        ]


async def test_another_worker_knows(rig: Rig, second: ScriptedProvider, shares: list[RedisCircuits]) -> None:
    one, other = (circuits(LONG, shared=shared, refresh_s=0.05) for shared in shares)
    async with rig.worker(circuits=one):
        await open_first(rig)
    async with rig.worker(circuits=other):
        async with asyncio.timeout(60):
            while other.gate("con_1") is not Gate.OPEN:
                await asyncio.sleep(0.01)
        command = create_payment()
        await rig.ask(command)
        row = await rig.operation(command.operation_id)
    assert (row["connection_id"], len(rig.provider.calls)) == ("con_2", RULE.consecutive)


async def test_without_redis_the_worker_goes_by_what_it_sees(rig: Rig, second: ScriptedProvider) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    async with RedisCircuits(nowhere, category="payments", timeout_s=0.15) as shared:
        clock = [1_000.0]
        known = circuits(shared=shared, seconds=lambda: clock[0])
        async with rig.worker(circuits=known):
            await open_first(rig)
            assert known.gate("con_1") is Gate.OPEN
            clock[0] += RULE.open_s
            assert known.gate("con_1") is Gate.DUE
            for _ in range(RULE.probes):
                assert (await rig.ask(create_payment())).state == "succeeded"
            await until_closed(known)
    assert len(rig.provider.calls) == RULE.consecutive + RULE.probes


async def until_closed(known: Circuits) -> None:
    async with asyncio.timeout(60):
        while known.any_open:
            await asyncio.sleep(0.01)
