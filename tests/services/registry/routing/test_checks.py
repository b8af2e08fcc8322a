"""What is wrong with a policy, and under which name it is told."""

from datetime import UTC, datetime
from typing import Any

import pytest

from onerouter_common.contracts.routing import RoutingPolicy
from onerouter_registry.connection.model import Connection, SealedCredentials
from onerouter_registry.routing.checks import problems_with

AT = datetime(2026, 1, 31, tzinfo=UTC)


def connection(connection_id: str, provider: str, category: Any = "payments", **changes: Any) -> Connection:
    values: dict[str, Any] = {
        "id": connection_id,
        "tenant_id": "ten_1",
        "environment": "test",
        "category": category,
        "provider": provider,
        "label": connection_id,
        "position": 0,
        "enabled": True,
        "currency": None,
        "max_in_flight": 1,
        "credentials": SealedCredentials({}, {}, {}, {}),
        "version": 1,
        "created_at": AT,
        "updated_at": AT,
    }
    return Connection(**{**values, **changes})


CONNECTIONS = {
    one.id: one
    for one in (
        connection("con_a", "alpha"),
        connection("con_b", "beta"),
        connection("con_sms", "texts", "sms"),
        connection("con_gone", "alpha", disconnected_at=AT),
    )
}


def found(*rules: dict[str, Any], **more: Any) -> dict[str, str]:
    policy = RoutingPolicy.model_validate({"rules": list(rules), **more})
    problems = problems_with(policy, "payments", CONNECTIONS, frozenset({"alpha", "beta"}))
    return {problem.field: problem.message for problem in problems}


def rule(name: str = "r", *, to: str = "con_a", **when: Any) -> dict[str, Any]:
    return {"name": name, "when": when, "split": [{"connection": to, "weight": 1}]}


def test_a_sound_policy_has_no_problem() -> None:
    assert not found(
        rule("eur", to="con_b", currency=["EUR"], amount={"min": "1", "max": "1"}, country=["DE"], method=["card"]),
        rule("more eur", to="con_b", currency=["EUR", "USD"]),
        {**rule("all"), "failover": ["con_b"]},
        default={"split": [{"connection": "con_a", "weight": 2}], "failover": ["con_b"]},
        overrides={"alpha": {"currencies": ["INR"], "connection": "con_a"}},
    )


@pytest.mark.parametrize(
    ("connection_id", "message"),
    [
        ("con_nobody", "is not a connection of this environment"),
        ("con_gone", "is disconnected"),
        ("con_sms", "is a connection for sms, not for payments"),
    ],
)
def test_a_connection_that_cannot_be_meant_is_named(connection_id: str, message: str) -> None:
    split = [{"connection": "con_a", "weight": 1}, {"connection": connection_id, "weight": 1}]
    assert found({"name": "r", "split": split}) == {"rules.0.split.1.connection": message}
    assert found({"name": "r", "failover": [connection_id]}) == {"rules.0.failover.0": message}
    assert found(default={"failover": ["con_a", connection_id]}) == {"default.failover.1": message}
    assert found(overrides={"alpha": {"connection": connection_id}}) == {"overrides.alpha.connection": message}


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"rules": [{"name": "r"}]}, "rules.0.split"),
        ({"default": {}}, "default.split"),
        ({"rules": [rule(), rule(to="con_b")]}, "rules.1.name"),
        ({"rules": [{**rule(), "failover": ["con_b", "con_a"]}]}, "rules.0.failover.1"),
        ({"default": {"split": [{"connection": "con_a", "weight": 1}] * 2}}, "default.split.1.connection"),
        ({"rules": [rule(currency=["EUR", "XXX"])]}, "rules.0.when.currency.1"),
        ({"rules": [rule(currency=["EUR", "EUR"])]}, "rules.0.when.currency.1"),
        ({"rules": [rule(country=["UK"])]}, "rules.0.when.country.0"),
        ({"rules": [rule(method=["cash"])]}, "rules.0.when.method.0"),
        ({"rules": [rule(channel=["web", "web"])]}, "rules.0.when.channel.1"),
        ({"rules": [rule(amount={})]}, "rules.0.when.amount"),
        ({"rules": [rule(amount={"min": "2", "max": "1"})]}, "rules.0.when.amount.max"),
        ({"overrides": {"gamma": {"enabled": False}}}, "overrides.gamma"),
        ({"overrides": {"alpha": {"countries": []}}}, "overrides.alpha.countries"),
        ({"overrides": {"alpha": {"methods": ["cash"]}}}, "overrides.alpha.methods.0"),
        ({"overrides": {"alpha": {"currencies": ["XXX"]}}}, "overrides.alpha.currencies.0"),
        ({"overrides": {"alpha": {"amount": {"min": "2", "max": "1"}}}}, "overrides.alpha.amount.max"),
        ({"overrides": {"alpha": {"connection": "con_b"}}}, "overrides.alpha.connection"),
    ],
)
def test_nonsense_is_named(policy: dict[str, Any], field: str) -> None:
    assert field in found(*policy.pop("rules", []), **policy)


class TestARuleThatIsNeverReached:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ({}, {}),
            ({}, {"currency": ["EUR"]}),
            ({"currency": ["EUR", "USD"]}, {"currency": ["EUR"], "method": ["card"]}),
            ({"amount": {"min": "10"}}, {"amount": {"min": "10", "max": "20"}}),
            ({"metadata": {"a": "1"}}, {"metadata": {"a": "1", "b": "2"}}),
        ],
    )
    def test_is_named(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        assert "rules.1.when" in found(rule("one", **before), rule("two", **after))

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ({"currency": ["EUR"]}, {}),
            ({"currency": ["EUR"]}, {"currency": ["EUR", "USD"]}),
            ({"amount": {"min": "10"}}, {"amount": {"max": "20"}}),
            ({"amount": {"min": "10", "max": "15"}}, {"amount": {"min": "10", "max": "20"}}),
            ({"metadata": {"a": "1"}}, {"metadata": {"a": "2"}}),
        ],
    )
    def test_is_not_one_that_others_still_reach(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        assert not found(rule("one", **before), rule("two", **after))

    def test_is_not_one_for_a_provider_that_is_asked_for_by_name(self) -> None:
        assert not found(rule("one", to="con_a"), rule("two", to="con_b", currency=["EUR"]))


def test_many_problems_are_told_and_no_more_than_a_hundred() -> None:
    assert len(found(*(rule(f"r{at}", to=f"con_{at}", currency=["XXX"]) for at in range(100)))) == 100
