"""/api/routing as its callers see it, and what workers are told."""

from typing import Any

import pytest
from tests.services.registry.api_key.conftest import Api, As
from tests.services.registry.routing.conftest import Shop, open_shop

from onerouter_common.contracts.routing import RoutingPolicy, Targets

PATH = "/api/routing/payments"


def rule(name: str, connection: str, **when: Any) -> dict[str, Any]:
    return {"name": name, "when": when, "split": [{"connection": connection, "weight": 1}]}


async def put(shop: Shop, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await shop.by_key("PUT", PATH, {"rules": list(rules), **more})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def explain(shop: Shop, **asked: Any) -> dict[str, Any]:
    answer = await shop.by_key("POST", "/api/routing/explain", asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestGet:
    async def test_shows_the_order_of_priority_where_there_is_no_policy(self, shop: Shop) -> None:
        found = (await shop.by_key("GET", PATH)).json()
        assert (found["version"], found["rules"], found["default"], found["overrides"]) == (0, [], None, {})
        assert [one["id"] for one in found["connections"]] == [shop.first, shop.second]
        assert (found["updated_at"], found["updated_by"]) == (None, None)

    async def test_shows_what_was_put(self, shop: Shop) -> None:
        sent = rule("large", shop.second, currency=["INR"], amount={"min": "1000.50"}, metadata={"tier": "gold"})
        made = await put(shop, sent, default={"failover": [shop.first]}, overrides={"razorpay": {"methods": ["upi"]}})
        found = (await shop.by_key("GET", PATH)).json()
        assert found == made
        assert found["rules"][0]["when"]["amount"] == {"min": "1000.50", "max": None}
        assert found["updated_by"] == f"api_key:{shop.by_key.id}"
        assert found["updated_at"].endswith("Z")

    async def test_warns_of_what_is_not_there_any_more(self, shop: Shop) -> None:
        await put(shop, rule("r", shop.second))
        await shop.api.registry.admin.connections.disconnect(shop.tenant.id, "test", shop.second)
        found = (await shop.by_key("GET", PATH)).json()
        assert found["warnings"] == [{"field": "rules.0.split.0.connection", "message": "is disconnected"}]
        assert [one["id"] for one in found["connections"]] == [shop.first]

    async def test_lists_every_category_that_matters(self, shop: Shop) -> None:
        found = (await shop.by_key("GET", "/api/routing")).json()
        assert [one["category"] for one in found["data"]] == ["payments", "sms", "email", "storage"]
        assert (found["has_more"], found["next_cursor"]) == (False, None)

    async def test_knows_no_other_category(self, shop: Shop) -> None:
        assert (await shop.by_key("GET", "/api/routing/nonsense")).status_code == 422


class TestPut:
    async def test_counts_versions_and_refuses_an_old_one(self, shop: Shop) -> None:
        assert (await put(shop, rule("a", shop.first), version=0))["version"] == 1
        assert (await put(shop, rule("b", shop.first), version=1))["version"] == 2
        late = await shop.by_key("PUT", PATH, {"rules": [rule("c", shop.first)], "version": 1})
        assert (late.status_code, late.json()["code"]) == (409, "VERSION_CONFLICT")
        assert (await put(shop, rule("c", shop.first)))["version"] == 3

    async def test_reaches_the_workers(self, shop: Shop) -> None:
        before = await shop.route()
        await put(shop, default={"failover": [shop.second]})
        after = await shop.route()
        assert (before.policy, after.policy) == (
            None,
            RoutingPolicy(version=1, default=Targets(failover=(shop.second,))),
        )
        assert before.version != after.version

    async def test_tells_every_cache(self, shop: Shop) -> None:
        await put(shop, rule("r", shop.first))
        rows = await shop.api.rows(
            "SELECT value FROM outbox WHERE tenant_id = $1 AND key = $2",
            shop.tenant.id,
            f"{shop.tenant.id}/test/payments",
        )
        assert len(rows) == 1

    async def test_is_audited(self, shop: Shop) -> None:
        await put(shop, rule("a", shop.first))
        await put(shop, rule("b", shop.second))
        entries = await shop.api.rows(
            "SELECT * FROM audit_entries WHERE tenant_id = $1 AND target_kind = 'routing' ORDER BY sequence",
            shop.tenant.id,
        )
        assert [(one["action"], one["actor_id"], one["target_id"]) for one in entries] == [
            ("routing.updated", shop.by_key.id, "payments")
        ] * 2
        assert '"name": "a"' in entries[1]["before"]
        assert '"name": "b"' in entries[1]["after"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"rules": [{"name": "r", "split": [{"connection": "con_x", "weight": 0}]}]}, "rules.0.split.0.weight"),
            (
                {"rules": [{"name": "r", "split": [{"connection": "con_x", "weight": 10**30}]}]},
                "rules.0.split.0.weight",
            ),
            ({"rules": [{"name": "r", "split": [{"connection": "x"}]}]}, "rules.0.split.0.connection"),
            ({"rules": [{"name": "r", "failover": ["con_nobody"]}]}, "rules.0.failover.0"),
            ({"rules": [{"name": "r", "failover": ["con_x"] * 21}]}, "rules.0.failover"),
            ({"rules": [{"name": "r"}] * 101}, "rules"),
            ({"rules": [{"name": "a\u0000b"}]}, "rules.0.name"),
            ({"rules": [{"name": "r", "when": {"metadata": {"k": "\u0000"}}}]}, "rules.0.when.metadata.k"),
            ({"rules": [{"name": "r", "when": {"amount": {"min": "1e5"}}}]}, "rules.0.when.amount.min"),
            ({"rules": [{"name": "r", "when": {"amount": {"min": "9" * 30}}}]}, "rules.0.when.amount.min"),
            ({"rules": [{"name": "r", "when": {"currency": ["eur"]}}]}, "rules.0.when.currency.0"),
            ({"rules": [{"name": "r", "when": {"weather": ["rain"]}}]}, "rules.0.when.weather"),
            ({"default": {"failover": []}}, "default.split"),
            ({"overrides": {"nobody": {}}}, "overrides.nobody"),
            ({"version": -1}, "version"),
            ({"nonsense": 1}, "nonsense"),
            ([], ""),
        ],
    )
    async def test_names_what_is_wrong(self, shop: Shop, body: Any, field: str) -> None:
        answer = await shop.by_key("PUT", PATH, body)
        assert answer.status_code == 422, answer.text
        assert field in [one["field"] for one in answer.json()["errors"]] or not field
        assert (await shop.by_key("GET", PATH)).json()["version"] == 0

    @pytest.mark.parametrize(
        "raw",
        [
            b'{"rules": [{"name": "\\ud800"}]}',
            b'{"\\ud800": 1}',
            b'{"overrides": {"\\ud800": {}}}',
            b'{"rules": [{"name": "r", "when": {"metadata": {"\\ud800": "x"}}}]}',
            b'{"version": ' + b"9" * 5000 + b"}",
            b"{",
            b"\xff",
        ],
    )
    async def test_refuses_what_cannot_be_stored(self, shop: Shop, raw: bytes) -> None:
        headers = {**shop.by_key.headers, "Content-Type": "application/json"}
        answer = await shop.api.http.put(PATH, content=raw, headers=headers)
        assert answer.status_code in (400, 422), answer.text

    async def test_refuses_more_than_workers_should_hold(self, shop: Shop) -> None:
        metadata = {f"key {number}": "x" * 512 for number in range(20)}
        rules = [
            {**rule(f"r{number}", shop.first, metadata={**metadata, "key 0": str(number)})} for number in range(20)
        ]
        answer = await shop.by_key("PUT", PATH, {"rules": rules})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "rules")

    async def test_refuses_a_connection_of_the_other_environment(self, shop: Shop) -> None:
        live = await shop.connect("live", "live")
        answer = await shop.by_key("PUT", PATH, {"rules": [rule("r", live)]})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "rules.0.split.0.connection")


class TestDelete:
    async def test_goes_back_to_the_order_of_priority_and_counts_on(self, shop: Shop) -> None:
        await put(shop, rule("r", shop.second))
        left = await shop.by_key("DELETE", PATH)
        assert (left.status_code, left.json()["version"], left.json()["rules"]) == (200, 2, [])
        assert (await shop.route()).policy is None
        assert (await shop.by_key("DELETE", PATH)).json()["version"] == 2
        late = await shop.by_key("PUT", PATH, {"rules": [], "version": 1})
        assert late.status_code == 409
        assert (await shop.by_key("DELETE", f"{PATH}?version=1")).status_code == 409

    async def test_of_nothing_changes_nothing(self, shop: Shop) -> None:
        assert (await shop.by_key("DELETE", PATH)).json()["version"] == 0


class TestExplain:
    async def test_names_the_rule_the_connection_and_the_others(self, shop: Shop) -> None:
        await put(shop, rule("large", shop.second, currency=["INR"], amount={"min": "1000"}))
        found = await explain(shop, currency="INR", amount="1000")
        assert (found["by"], found["rule"], found["policy_version"]) == ("rule", "large", 1)
        assert found["connection"] == {
            "connection_id": shop.second,
            "provider": "razorpay",
            "label": "second",
            "share": 1.0,
        }
        assert [(one["connection_id"], one["reason"]) for one in found["refused"]] == [(shop.first, "not_named")]
        assert found["error"] is None
        assert (await explain(shop, currency="INR", amount="999.99"))["connection"]["connection_id"] == shop.first

    async def test_shows_the_shares_of_a_split_and_the_side_of_a_payment(self, shop: Shop) -> None:
        split = [{"connection": shop.first, "weight": 1}, {"connection": shop.second, "weight": 3}]
        await put(shop, {"name": "r", "split": split})
        found = await explain(shop)
        assert [(one["connection_id"], one["share"]) for one in found["candidates"]] == [
            (shop.second, 0.75),
            (shop.first, 0.25),
        ]
        sides = {
            (await explain(shop, ordering_key=f"pay_{number}"))["connection"]["connection_id"] for number in range(40)
        }
        assert sides == {shop.first, shop.second}

    async def test_passes_over_what_is_disconnected_disabled_or_unable(self, shop: Shop) -> None:
        connections = shop.api.registry.admin.connections
        third = await shop.connect("third")
        await put(shop, {"name": "r", "failover": [shop.first, shop.second, third]})
        await connections.disconnect(shop.tenant.id, "test", shop.first)
        await connections.set_enabled(shop.tenant.id, "test", shop.second, False)
        found = await explain(shop)
        assert found["connection"]["connection_id"] == third
        assert {one["connection_id"]: one["reason"] for one in found["refused"]} == {
            shop.first: "disconnected",
            shop.second: "disabled",
        }
        unable = await explain(shop, capability="payment.cancel")
        assert (unable["connection"], unable["error"]["code"]) == (None, "CAPABILITY_UNSUPPORTED")

    async def test_says_what_a_caller_would_be_told(self, shop: Shop) -> None:
        await put(shop, overrides={"razorpay": {"countries": ["IN"]}})
        found = await explain(shop, country="DE")
        assert (found["connection"], found["error"]["code"], found["error"]["status"]) == (None, "NO_ROUTE", 422)
        assert {one["reason"] for one in found["refused"]} == {"country_excluded"}
        assert (await explain(shop, provider="nobody"))["error"]["code"] == "SERVICE_NOT_CONFIGURED"

    async def test_decides_as_the_workers_do(self, shop: Shop) -> None:
        from onerouter_common.routing.decide import decide
        from onerouter_common.routing.route import Facts, RoutingRequest
        from onerouter_providers.candidates import candidate_of

        split = [{"connection": shop.first, "weight": 1}, {"connection": shop.second, "weight": 1}]
        await put(shop, {"name": "r", "when": {"channel": ["web"]}, "split": split})
        route = await shop.route()
        manifest = shop.api.registry.admin.catalogue.get("payments", "razorpay")
        present = [
            candidate_of(manifest, connection_id=one.id, provider=one.provider, enabled=one.enabled)
            for one in route.connections
        ]
        for number in range(10):
            asked = RoutingRequest("payment.create", Facts(channel="web"), ordering_key=f"pay_{number}")
            taken = decide(route.policy, present, asked).candidates[0].connection_id
            found = await explain(shop, channel="web", ordering_key=f"pay_{number}")
            assert found["connection"]["connection_id"] == taken

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ({"amount": "1.234", "currency": "INR"}, "amount"),
            ({"amount": "0", "currency": "INR"}, "amount"),
            ({"amount": 5}, "amount"),
            ({"currency": "XXX"}, "currency"),
            ({"category": "nonsense"}, "category"),
            ({"metadata": {"k": "\u0000"}}, "metadata.k"),
            ({"capability": "nonsense"}, "capability"),
            ({"unknown": 1}, "unknown"),
        ],
    )
    async def test_names_what_is_wrong(self, shop: Shop, asked: dict[str, Any], field: str) -> None:
        answer = await shop.by_key("POST", "/api/routing/explain", asked)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


class TestSwitchesAndSuspension:
    """Last: the switch is everybody's."""

    async def test_a_switched_off_provider_takes_nothing_and_is_reached(self, shop: Shop) -> None:
        switches = shop.api.registry.admin.switches
        await switches.disable("payments", "razorpay", "an incident")
        try:
            route = await shop.route()
            assert [(one.available, one.unavailable_reason) for one in route.connections] == [
                (False, "an incident")
            ] * 2
            found = await explain(shop, provider="razorpay")
            assert (found["error"]["code"], found["error"]["status"]) == ("PROVIDER_DISABLED", 503)
        finally:
            await switches.enable("payments", "razorpay")
        assert all(one.available for one in (await shop.route()).connections)

    async def test_a_switched_off_category_is_all_its_providers(self, shop: Shop) -> None:
        switches = shop.api.registry.admin.switches
        await switches.disable("payments", "*", "maintenance")
        try:
            assert not any(one.available for one in (await shop.route()).connections)
            assert (await explain(shop))["error"]["code"] == "PROVIDER_DISABLED"
        finally:
            await switches.enable("payments", "*")

    async def test_workers_are_told_of_a_suspended_tenant(self, shop: Shop) -> None:
        before = await shop.route()
        await shop.api.registry.admin.tenants.suspend(shop.tenant.id, "does not pay")
        after = await shop.route()
        assert (before.suspended, after.suspended) == (False, True)
        assert before.version != after.version
        assert [one.id for one in after.connections] == [shop.first, shop.second]

    async def test_a_suspended_tenant_without_connections_is_suspended_too(self, api: Api) -> None:
        tenant = await api.registry.admin.tenants.create("Empty")
        await api.registry.admin.tenants.suspend(tenant.id, "does not pay")
        route = await Shop(api, tenant, As(api.http, {}, ""), "", "").route()
        assert (route.suspended, route.connections) == (True, ())

    async def test_a_disconnected_connection_is_still_told_of(self, shop: Shop) -> None:
        await shop.api.registry.admin.connections.disconnect(shop.tenant.id, "test", shop.first)
        told = [(one.id, one.disconnected, one.enabled) for one in (await shop.route()).connections]
        assert told == [(shop.second, False, True), (shop.first, True, False)]


class TestWhoMay:
    async def test_another_tenant_sees_and_changes_only_its_own(self, api: Api, shop: Shop) -> None:
        other = await open_shop(api)
        await put(shop, rule("r", shop.first))
        assert (await other.by_key("GET", PATH)).json()["version"] == 0
        stolen = await other.by_key("PUT", PATH, {"rules": [rule("r", shop.first)]})
        assert stolen.json()["errors"][0]["message"] == "is not a connection of this environment"
        assert (await other.by_key("DELETE", PATH)).status_code == 200
        assert (await shop.by_key("GET", PATH)).json()["version"] == 1

    async def test_the_other_environment_is_another_route(self, shop: Shop) -> None:
        await put(shop, rule("r", shop.first))
        live = await shop.api.by_key(shop.tenant, "live", scopes=["routing:read"])
        assert (await live("GET", PATH)).json()["version"] == 0
        assert (await live("GET", PATH, X_OneRouter_Environment="test")).json()["version"] == 1

    async def test_reading_is_not_writing(self, shop: Shop) -> None:
        reader = await shop.api.by_key(shop.tenant, scopes=["routing:read"])
        assert (await reader("GET", PATH)).status_code == 200
        assert (await reader("POST", "/api/routing/explain", {})).status_code == 200
        for method in ("PUT", "DELETE"):
            assert (await reader(method, PATH, {})).status_code == 403
        assert (await (await shop.api.by_key(shop.tenant, scopes=["payments:read"]))("GET", PATH)).status_code == 403

    async def test_a_viewer_reads_and_a_developer_writes_in_test(self, shop: Shop) -> None:
        viewer = await shop.api.by_person(shop.tenant, "viewer")
        developer = await shop.api.by_person(shop.tenant, "developer")
        assert (await viewer("GET", PATH)).status_code == 200
        assert (await viewer("PUT", PATH, {"rules": []})).status_code == 403
        assert (await developer("PUT", PATH, {"rules": []})).status_code == 200
        assert (await developer("PUT", PATH, {"rules": []}, X_OneRouter_Environment="live")).status_code == 403

    async def test_nobody_else_does(self, shop: Shop) -> None:
        nobody = As(shop.api.http, {}, "")
        assert (await nobody("GET", PATH)).status_code == 401
