"""Where the worker sends an operation, what it keeps of the decision, and what it does for whom it may not work."""

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
)

from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.routing import RoutingPolicy
from onerouter_common.errors import CredentialsUnreadable, ProviderOutcomeUnknown, ProviderUnavailable
from onerouter_common.retry import Backoff
from onerouter_common.worker.handler import ConnectionUnusable

UNKNOWN = ProviderOutcomeUnknown("no answer", provider="scripted")
AWAY = ProviderUnavailable("away", provider="scripted")


@pytest.fixture
def second(rig: Rig) -> ScriptedProvider:
    """A connection of another provider, behind the first in order of priority."""
    provider = ScriptedProvider()
    rig.connections.connections.append(ScriptedConnection(provider, id="con_2", provider="other"))
    return provider


def policy(*rules: dict[str, Any], **more: Any) -> RoutingPolicy:
    return RoutingPolicy.model_validate({"version": 4, "rules": list(rules), **more})


def payment(**said: Any) -> Command:
    return create_payment(payload={"amount_minor": 49_900, "currency": "INR", **said})


class TestAPolicy:
    async def test_its_rule_decides_and_the_decision_is_kept(self, rig: Rig, second: ScriptedProvider) -> None:
        rig.connections.policy = policy(
            {
                "name": "shop",
                "when": {
                    "currency": ["INR"],
                    "country": ["IN"],
                    "method": ["upi"],
                    "channel": ["web"],
                    "amount": {"min": "499", "max": "499"},
                    "metadata": {"tier": "gold"},
                },
                "failover": ["con_2"],
            }
        )
        async with rig.worker():
            matching = payment(country="IN", method="upi", channel="web", metadata={"tier": "gold"})
            other = payment(country="DE", method="upi", channel="web", metadata={"tier": "gold"})
            assert (await rig.ask(matching)).state == "succeeded"
            assert (await rig.ask(other)).state == "succeeded"
            kept = (await rig.operation(matching.operation_id))["routing"]
            passed = (await rig.operation(other.operation_id))["routing"]
        assert (len(second.calls), len(rig.provider.calls)) == (1, 1)
        assert (kept["by"], kept["rule"], kept["policy_version"], kept["connection_id"]) == ("rule", "shop", 4, "con_2")
        assert kept["candidates"] == [{"connection_id": "con_2", "provider": "other"}]
        assert [one["reason"] for one in kept["refused"]] == ["not_named"]
        assert (passed["by"], passed["connection_id"]) == ("priority", "con_1")

    async def test_failover_follows_it_and_says_where_it_ended(self, rig: Rig, second: ScriptedProvider) -> None:
        rig.connections.policy = policy(default={"failover": ["con_2", "con_1"]})
        second.before = [AWAY]
        async with rig.worker():
            command = payment()
            await rig.ask(command)
            row = await rig.operation(command.operation_id)
        assert (row["connection_id"], row["routing"]["connection_id"]) == ("con_1", "con_1")
        assert [one["connection_id"] for one in row["routing"]["candidates"]] == ["con_2", "con_1"]

    async def test_a_split_gives_a_retry_the_same_order(self, rig: Rig, second: ScriptedProvider) -> None:
        halves = [{"connection": "con_1", "weight": 1}, {"connection": "con_2", "weight": 1}]
        rig.connections.policy = policy({"name": "half", "split": halves})
        rig.provider.before, second.before = [AWAY] * 20, [AWAY] * 20
        async with rig.worker():
            commands = [payment() for _ in range(6)]
            for command in commands:
                await rig.send(command)
            for command in commands:
                await rig.until_state(command.operation_id, "failed")
            tried = [[one["connection_id"] for one in await rig.attempts(c.operation_id)] for c in commands]
        for connections in tried:
            assert connections == [connections[0], connections[1]] * 2
            assert connections[0] != connections[1]

    async def test_one_that_leaves_nothing_refuses_and_says_why(self, rig: Rig, second: ScriptedProvider) -> None:
        rig.connections.policy = policy({"name": "gone", "failover": ["con_gone"]})
        async with rig.worker():
            command = payment()
            reply = await rig.ask(command)
            row = await rig.operation(command.operation_id)
        assert (reply.state, reply.status) == ("failed", 422)
        assert reply.problem is not None
        assert (reply.problem.code, reply.problem.effect) == ("SERVICE_NOT_CONFIGURED", "none")
        assert "'gone'" in reply.problem.detail
        assert row["routing"]["connection_id"] is None
        assert {one["connection_id"]: one["reason"] for one in row["routing"]["refused"]} == {
            "con_gone": "disconnected",
            "con_1": "not_named",
            "con_2": "not_named",
        }

    async def test_a_later_try_that_finds_nothing_says_so_too(self, rig: Rig) -> None:
        rig.provider.before = [AWAY]
        async with rig.worker(replace(FAST, retry=Backoff(first_s=0.5, most_s=0.5, give_up_after=4))):
            command = payment()
            await rig.send(command)
            await rig.until_state(command.operation_id, "retrying")
            rig.connections.disabled.add("con_1")
            reply = await rig.reply_to(command.operation_id)
            row = await rig.operation(command.operation_id)
        assert (reply.state, len(rig.provider.calls)) == ("failed", 1)
        assert [one["reason"] for one in row["routing"]["refused"]] == ["disabled"]


class TestWhatStays:
    async def test_a_refund_goes_where_its_payment_went(self, rig: Rig, second: ScriptedProvider) -> None:
        rig.connections.policy = policy(default={"failover": ["con_2"]})
        async with rig.worker():
            command = payment()
            await rig.ask(command)
            rig.connections.policy = policy(default={"failover": ["con_1"]}, overrides={"other": {"enabled": False}})
            rig.connections.disabled.add("con_2")
            rig.connections.switched_off.add("con_2")
            refund = create_refund(command, 100)
            reply = await rig.ask(refund)
            row = await rig.operation(refund.operation_id)
        assert (reply.state, row["connection_id"]) == ("succeeded", "con_2")
        assert (row["routing"]["by"], row["routing"]["connection_id"]) == ("resource", "con_2")
        assert rig.provider.calls == []

    async def test_what_is_in_doubt_is_asked_where_it_was_made_and_keeps_its_decision(
        self, rig: Rig, second: ScriptedProvider
    ) -> None:
        rig.connections.policy = policy({"name": "first", "failover": ["con_2", "con_1"]})
        second.after = [UNKNOWN]
        async with rig.worker(replace(FAST, ask=Backoff(first_s=0.5, most_s=0.5))):
            command = payment()
            await rig.send(command)
            await rig.until_state(command.operation_id, "unknown")
            rig.connections.policy = policy({"name": "changed", "failover": ["con_1"]})
            reply = await rig.reply_to(command.operation_id)
            row = await rig.operation(command.operation_id)
        assert (reply.state, row["connection_id"], row["routing"]["rule"]) == ("succeeded", "con_2", "first")
        assert (rig.provider.calls, len(second.calls), len(second.lookups)) == ([], 1, 1)


class TestASuspendedTenant:
    async def test_begins_nothing(self, rig: Rig) -> None:
        async with rig.worker():
            first = payment()
            await rig.ask(first)
            rig.connections.suspended = True
            for command in (payment(), create_refund(first, 100)):
                reply = await rig.ask(command)
                assert reply.problem is not None
                assert (reply.state, reply.status, reply.problem.code) == ("failed", 403, "TENANT_SUSPENDED")
                assert reply.problem.effect == "none"
        assert len(rig.provider.calls) == 1

    async def test_does_not_try_again_what_did_nothing(self, rig: Rig) -> None:
        rig.provider.before = [AWAY]
        async with rig.worker(replace(FAST, retry=Backoff(first_s=0.5, most_s=0.5, give_up_after=4))):
            command = payment()
            await rig.send(command)
            await rig.until_state(command.operation_id, "retrying")
            rig.connections.suspended = True
            reply = await rig.reply_to(command.operation_id)
        assert reply.problem is not None
        assert (reply.problem.code, len(rig.provider.calls)) == ("TENANT_SUSPENDED", 1)

    async def test_is_told_what_became_of_what_is_in_doubt(self, rig: Rig) -> None:
        rig.provider.after = [UNKNOWN]
        async with rig.worker(replace(FAST, ask=Backoff(first_s=0.5, most_s=0.5))):
            command = payment()
            await rig.send(command)
            await rig.until_state(command.operation_id, "unknown")
            rig.connections.suspended = True
            reply = await rig.reply_to(command.operation_id)
        assert (reply.state, len(rig.provider.lookups)) == ("succeeded", 1)


class TestASwitchedOffProvider:
    async def test_takes_nothing_new(self, rig: Rig, second: ScriptedProvider) -> None:
        rig.connections.switched_off.add("con_1")
        async with rig.worker():
            command = payment()
            assert (await rig.ask(command)).state == "succeeded"
            row = await rig.operation(command.operation_id)
        assert (row["connection_id"], row["routing"]["refused"][0]["reason"]) == ("con_2", "switched_off")

    async def test_is_not_called_again_when_it_is_proven_to_have_done_nothing(
        self, rig: Rig, second: ScriptedProvider
    ) -> None:
        rig.provider.before = [UNKNOWN]
        rig.connections.connections[0].timeout_s = 0.0  # what is waited for is the deadline's own margin
        async with rig.worker():
            command = payment()
            await rig.send(command)
            await rig.until_state(command.operation_id, "unknown")
            rig.connections.switched_off.add("con_1")
            reply = await rig.reply_to(command.operation_id)
            tried = [(one["connection_id"], one["kind"]) for one in await rig.attempts(command.operation_id)]
        assert reply.state == "succeeded"
        assert (tried[0], tried[-1]) == (("con_1", "call"), ("con_2", "call"))
        assert set(tried[1:-1]) == {("con_1", "lookup")}
        assert (len(rig.provider.calls), len(second.calls)) == (1, 1)

    async def test_says_so_to_who_asks_for_it(self, rig: Rig, second: ScriptedProvider) -> None:
        rig.connections.switched_off.add("con_1")
        async with rig.worker():
            reply = await rig.ask(payment(provider="scripted"))
        assert reply.problem is not None
        assert (reply.state, reply.status, reply.problem.code) == ("failed", 503, "PROVIDER_DISABLED")
        assert (reply.problem.effect, reply.problem.retryable) == ("none", True)
        assert rig.provider.calls == second.calls == []


class TestAConnectionThatCannotBeOpened:
    @pytest.mark.parametrize("error", [ConnectionUnusable("not here"), CredentialsUnreadable.of("con_1")])
    async def test_is_passed_over(
        self, rig: Rig, second: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        self._break(rig, monkeypatch, {"con_1": error})
        async with rig.worker():
            command = payment()
            assert (await rig.ask(command)).state == "succeeded"
        assert (len(second.calls), rig.provider.calls) == (1, [])

    async def test_fails_what_only_it_could_take_when_its_tenant_must_mend_it(
        self, rig: Rig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._break(rig, monkeypatch, {"con_1": CredentialsUnreadable.of("con_1")})
        async with rig.worker():
            reply = await rig.ask(payment())
        assert reply.problem is not None
        assert (reply.state, reply.problem.code) == ("failed", "CREDENTIALS_UNREADABLE")

    async def test_is_waited_for_when_an_operator_must_mend_it(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        broken = {"con_1": ConnectionUnusable("not here")}
        self._break(rig, monkeypatch, broken)
        async with rig.worker():
            command = payment()
            await rig.send(command)
            await rig.until_state(command.operation_id, "accepted")
            broken.clear()
            assert (await rig.reply_to(command.operation_id)).state == "succeeded"

    @staticmethod
    def _break(rig: Rig, monkeypatch: pytest.MonkeyPatch, broken: dict[str, Any]) -> None:
        get = rig.connections.get

        async def maybe(tenant_id: str, environment: str, category: str, connection_id: str) -> Any:
            if connection_id in broken:
                raise broken[connection_id]
            return await get(tenant_id, environment, category, connection_id)

        monkeypatch.setattr(rig.connections, "get", maybe)
