"""The decision, rule by rule."""

from decimal import Decimal
from typing import Any

import pytest

from onerouter_common.contracts.routing import RoutingPolicy
from onerouter_common.errors import (
    CapabilityUnsupported,
    OneRouterError,
    Overloaded,
    ProviderDisabled,
    ServiceNotConfigured,
)
from onerouter_common.routing.decide import decide
from onerouter_common.routing.decision import Decision
from onerouter_common.routing.refusal import refusal_of
from onerouter_common.routing.route import Candidate, Facts, RoutingRequest

CAPABLE = frozenset({"payment.create", "refund.create"})


def candidate(connection_id: str, provider: str = "alpha", **changes: Any) -> Candidate:
    return Candidate(**{"connection_id": connection_id, "provider": provider, "capabilities": CAPABLE, **changes})


A, B, C = candidate("con_a"), candidate("con_b", "beta"), candidate("con_c", "gamma")


def request(
    provider: str | None = None, key: str | None = "pay_1", providers: tuple[str, ...] = (), **facts: Any
) -> RoutingRequest:
    return RoutingRequest("payment.create", Facts(**facts), provider, key, providers)


def policy(*rules: dict[str, Any], **more: Any) -> RoutingPolicy:
    return RoutingPolicy.model_validate({"version": 7, "rules": list(rules), **more})


def rule(name: str = "r", *, to: str = "con_b", failover: tuple[str, ...] = (), **when: Any) -> dict[str, Any]:
    return {"name": name, "when": when, "split": [{"connection": to, "weight": 1}], "failover": failover}


def ids(decision: Decision) -> list[str]:
    return [one.connection_id for one in decision.candidates]


def reasons(decision: Decision) -> dict[str, str]:
    return {one.connection_id: one.reason for one in decision.refused}


class TestWithoutAPolicy:
    def test_connections_are_taken_in_their_order_of_priority(self) -> None:
        decision = decide(None, [B, A], request())
        assert (ids(decision), decision.by, decision.rule, decision.policy_version) == (
            ["con_b", "con_a"],
            "priority",
            None,
            0,
        )

    def test_only_the_provider_asked_for_is_taken(self) -> None:
        decision = decide(None, [A, B], request("beta"))
        assert (ids(decision), reasons(decision)) == (["con_b"], {"con_a": "provider_not_asked_for"})

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"enabled": False}, "disabled"),
            ({"switched_off": True}, "switched_off"),
            ({"capabilities": None}, "not_installed"),
            ({"capabilities": frozenset({"refund.create"})}, "capability_missing"),
            ({"currencies": frozenset({"INR"})}, "currency_unsupported"),
        ],
    )
    def test_what_cannot_take_it_is_passed_over_with_the_reason(self, changes: dict[str, Any], reason: str) -> None:
        decision = decide(None, [candidate("con_a", **changes), B], request(currency="EUR"))
        assert (ids(decision), reasons(decision)) == (["con_b"], {"con_a": reason})


class TestConditions:
    @pytest.mark.parametrize(
        ("when", "facts"),
        [
            ({"currency": ["EUR", "USD"]}, {"currency": "USD"}),
            ({"country": ["DE"]}, {"country": "DE"}),
            ({"method": ["card"]}, {"method": "card"}),
            ({"channel": ["web", "app"]}, {"channel": "app"}),
            ({"amount": {"min": "100", "max": "200.50"}}, {"amount": Decimal("100.00")}),
            ({"amount": {"min": "100", "max": "200.50"}}, {"amount": Decimal("200.50")}),
            ({"amount": {"min": "100"}}, {"amount": Decimal("1e9")}),
            ({"amount": {"max": "100"}}, {"amount": Decimal("0.01")}),
            ({"metadata": {"tier": "gold"}}, {"metadata": {"tier": "gold", "other": "x"}}),
            ({"currency": ["EUR"], "method": ["card"]}, {"currency": "EUR", "method": "card"}),
            ({}, {}),
        ],
    )
    def test_all_that_are_given_match(self, when: dict[str, Any], facts: dict[str, Any]) -> None:
        assert ids(decide(policy(rule(**when)), [A, B], request(**facts))) == ["con_b"]

    @pytest.mark.parametrize(
        ("when", "facts"),
        [
            ({"currency": ["EUR"]}, {"currency": "USD"}),
            ({"currency": ["EUR"], "method": ["card"]}, {"currency": "EUR", "method": "upi"}),
            ({"amount": {"min": "100"}}, {"amount": Decimal("99.99")}),
            ({"amount": {"max": "100"}}, {"amount": Decimal("100.01")}),
            ({"metadata": {"tier": "gold"}}, {"metadata": {"tier": "silver"}}),
            ({"metadata": {"tier": "gold", "x": "y"}}, {"metadata": {"tier": "gold"}}),
        ],
    )
    def test_one_that_does_not_match_is_enough(self, when: dict[str, Any], facts: dict[str, Any]) -> None:
        assert decide(policy(rule(**when)), [A, B], request(**facts)).by == "priority"

    @pytest.mark.parametrize(
        "when",
        [
            {"currency": ["EUR"]},
            {"country": ["DE"]},
            {"method": ["card"]},
            {"channel": ["web"]},
            {"amount": {"min": "0"}},
            {"metadata": {"a": ""}},
        ],
    )
    def test_what_is_not_said_matches_nothing(self, when: dict[str, Any]) -> None:
        assert decide(policy(rule(**when)), [A, B], request()).by == "priority"

    def test_a_condition_of_a_later_version_matches_nothing(self) -> None:
        assert decide(policy(rule(moon=["full"])), [A, B], request()).by == "priority"


class TestRules:
    def test_the_first_that_matches_decides(self) -> None:
        made = policy(rule("eur", currency=["EUR"]), rule("first"), rule("second", to="con_c"))
        decision = decide(made, [A, B, C], request(currency="USD"))
        assert (decision.by, decision.rule, ids(decision), decision.policy_version) == ("rule", "first", ["con_b"], 7)
        assert reasons(decision) == {"con_a": "not_named", "con_c": "not_named"}

    def test_the_default_decides_where_none_does(self) -> None:
        made = policy(rule(currency=["EUR"]), default={"failover": ["con_c", "con_a"]})
        decision = decide(made, [A, B, C], request(currency="USD"))
        assert (decision.by, ids(decision)) == ("default", ["con_c", "con_a"])

    def test_failover_is_the_rest_of_the_split_and_then_the_list_each_once(self) -> None:
        split = [{"connection": "con_a", "weight": 1}, {"connection": "con_b", "weight": 9}]
        made = policy({"name": "r", "split": split, "failover": ["con_c", "con_a"]})
        assert ids(decide(made, [A, B, C], request(key=None))) == ["con_b", "con_a", "con_c"]

    def test_one_whose_connections_cannot_take_it_is_not_replaced_by_the_next(self) -> None:
        made = policy(rule("eu", to="con_b"), rule("all", to="con_a"))
        decision = decide(made, [A, candidate("con_b", enabled=False)], request())
        assert (ids(decision), decision.rule) == ([], "eu")

    def test_a_connection_that_is_gone_is_passed_over(self) -> None:
        decision = decide(policy(rule(to="con_gone", failover=("con_a",))), [A], request())
        assert (ids(decision), reasons(decision)) == (["con_a"], {"con_gone": "disconnected"})

    def test_one_without_the_provider_asked_for_is_passed_over(self) -> None:
        made = policy(rule("beta only", to="con_b"), rule("both", to="con_b", failover=("con_c",)))
        decision = decide(made, [A, B, C], request("gamma"))
        assert (decision.rule, ids(decision)) == ("both", ["con_c"])
        assert decide(made, [A, B, C], request("alpha")).by == "priority"


class TestOverrides:
    def test_a_named_provider_takes_the_connection_that_is_set_for_it(self) -> None:
        second = candidate("con_a2")
        made = policy(rule(to="con_a"), overrides={"alpha": {"connection": "con_a2"}})
        assert ids(decide(made, [A, second, B], request("alpha"))) == ["con_a2"]
        assert ids(decide(made, [A, second, B], request())) == ["con_a"]

    @pytest.mark.parametrize(
        ("override", "facts", "reason"),
        [
            ({"enabled": False}, {}, "policy_disabled"),
            ({"currencies": ["INR"]}, {"currency": "EUR"}, "currency_excluded"),
            ({"countries": ["IN"]}, {"country": "DE"}, "country_excluded"),
            ({"countries": ["IN"]}, {}, "country_excluded"),
            ({"methods": ["upi"]}, {"method": "card"}, "method_excluded"),
            ({"amount": {"max": "10"}}, {"amount": Decimal(11)}, "amount_excluded"),
        ],
    )
    def test_what_a_provider_is_not_given_goes_elsewhere(
        self, override: dict[str, Any], facts: dict[str, Any], reason: str
    ) -> None:
        decision = decide(policy(overrides={"alpha": override}), [A, B], request(**facts))
        assert (ids(decision), reasons(decision)) == (["con_b"], {"con_a": reason})


class TestPreferences:
    """A list of providers, the best first."""

    def test_only_those_named_are_taken_in_the_order_of_the_list(self) -> None:
        decision = decide(None, [A, B, C], request(providers=("gamma", "alpha")))
        assert (ids(decision), decision.by) == (["con_c", "con_a"], "priority")
        assert reasons(decision) == {"con_b": "provider_not_asked_for"}
        assert decision.refused[0].detail == "The request asks for gamma or alpha."
        assert decision.to_json("con_c")["reason"] == (
            "No rule decides, so the connections are taken in their order of priority. "
            "The request prefers gamma, then alpha."
        )

    def test_among_one_providers_connections_the_policy_decides(self) -> None:
        second = candidate("con_a2")
        made = policy({"name": "r", "failover": ["con_a2", "con_b", "con_gone", "con_a"]})
        decision = decide(made, [A, B, second], request(providers=("beta", "alpha", "beta")))
        assert (ids(decision), decision.rule) == (["con_b", "con_a2", "con_a"], "r")

    def test_a_rule_with_none_of_them_is_passed_over(self) -> None:
        made = policy(rule("beta only", to="con_b"), rule("some", to="con_b", failover=("con_c",)))
        decision = decide(made, [A, B, C], request(providers=("alpha", "gamma")))
        assert (decision.rule, ids(decision)) == ("some", ["con_c"])

    def test_a_list_of_one_is_a_name_and_a_name_outweighs_a_list(self) -> None:
        second = candidate("con_a2")
        made = policy(overrides={"alpha": {"connection": "con_a2"}})
        named = decide(made, [A, second, B], request("alpha"))
        assert decide(made, [A, second, B], request(providers=("alpha",))) == named
        assert decide(made, [A, second, B], request("alpha", providers=("beta",))) == named
        assert ids(decide(made, [A, second, B], request(providers=("beta", "alpha")))) == ["con_b", "con_a", "con_a2"]

    def test_one_that_is_not_connected_leaves_the_next(self) -> None:
        assert ids(decide(None, [A, B], request(providers=("gamma", "beta")))) == ["con_b"]


class TestStored:
    def test_the_decision_is_plain_json_with_every_connection_once(self) -> None:
        decision = decide(policy(rule("eu", to="con_b", failover=("con_gone",))), [A, B], request())
        stored = decision.to_json("con_b")
        assert (stored["by"], stored["rule"], stored["policy_version"]) == ("rule", "eu", 7)
        assert stored["candidates"] == [{"connection_id": "con_b", "provider": "beta"}]
        assert [one["connection_id"] for one in stored["refused"]] == ["con_gone", "con_a"]  # type: ignore[index, union-attr, call-overload]


class TestRefusal:
    @staticmethod
    def of(made: RoutingPolicy | None, candidates: list[Candidate], asked: RoutingRequest) -> OneRouterError:
        decision = decide(made, candidates, asked)
        assert not decision.candidates
        return refusal_of(decision, candidates, asked, category="payments", environment="test")

    def test_nothing_connected(self) -> None:
        error = self.of(None, [], request())
        assert (type(error), error.error_code) == (ServiceNotConfigured, "SERVICE_NOT_CONFIGURED")
        assert "any payments provider exists in the test" in error.detail

    def test_a_provider_that_is_not_connected(self) -> None:
        assert "'beta'" in self.of(None, [A], request("beta")).detail

    def test_none_of_a_list_is_connected(self) -> None:
        assert (
            "connection to 'beta' or 'gamma' exists" in self.of(None, [A], request(providers=("beta", "gamma"))).detail
        )

    def test_a_provider_that_is_switched_off(self) -> None:
        off = candidate("con_a", switched_off=True)
        error = self.of(None, [off, B], request("alpha"))
        assert (type(error), error.error_code, error.http_status) == (ProviderDisabled, "PROVIDER_DISABLED", 503)
        assert "alpha" in error.detail

    def test_a_capability_nobody_has_says_what_to_do_instead(self) -> None:
        lacking = candidate("con_a", capabilities=frozenset(), instead={"payment.create": "Pay in cash."})
        error = self.of(None, [candidate("con_x", enabled=False), lacking], request())
        assert isinstance(error, CapabilityUnsupported)
        assert error.detail == "alpha does not support payment.create. Pay in cash."

    def test_a_provider_that_is_missing_here_is_waited_for(self) -> None:
        assert isinstance(self.of(None, [candidate("con_a", capabilities=None)], request()), Overloaded)

    def test_a_policy_that_leaves_nothing_names_the_rule_and_the_reasons(self) -> None:
        made = policy(rule("eu", to="con_b"), overrides={"beta": {"currencies": ["EUR"]}})
        error = self.of(made, [A, B], request(currency="INR"))
        assert (type(error), error.error_code) == (ServiceNotConfigured, "NO_ROUTE")
        assert "'eu'" in error.detail
        assert "con_b: The policy gives beta only EUR." in error.detail
