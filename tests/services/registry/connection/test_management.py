"""Connections over HTTP, as a tenant's API key sees them."""

from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from tests.services.registry.conftest import KEY_SECRET, WEBHOOK_SECRET
from tests.services.registry.connection.conftest import BASE, Api, Desk

from onerouter_common.ids import CONNECTION, new_id
from onerouter_registry.tenant.model import Tenant

CREDENTIALS = {"key_id": "rzp_test_1DP5mmOlF5G5ag", "key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET}
RAZORPAY = "/payments/razorpay"


async def connect(api: Api, **body: Any) -> Any:
    return await api.call("POST", f"{RAZORPAY}/connect", expect=201, json={"credentials": CREDENTIALS, **body})


async def payments_of(api: Api, query: str = "") -> Any:
    overview = await api.call("GET", query)
    assert overview["environment"] == "test"
    return next(one for one in overview["data"] if one["service"] == "payments")


async def test_how_fast_it_may_be_used_is_the_tenants_or_else_the_providers(api: Api) -> None:
    assert (await connect(api, rate_per_s=2.5))["rate_per_s"] == 2.5
    assert (await api.call("PATCH", RAZORPAY, json={"rate_per_s": 40}))["rate_per_s"] == 40
    assert (await api.call("PATCH", RAZORPAY, json={"label": "other"}))["rate_per_s"] == 40
    assert (await api.call("PATCH", RAZORPAY, json={"rate_per_s": None}))["rate_per_s"] is None
    assert (await api.call("PATCH", RAZORPAY, expect=422, json={"max_in_flight": None}))["code"] == "VALIDATION_ERROR"


class TestConnect:
    async def test_shows_all_but_the_secrets(self, desk: Desk, api: Api) -> None:
        made = await connect(api, label="main", currency="inr", max_in_flight=7)
        assert made["status"] == "enabled"
        assert made["verification"] == "accepted"
        assert made["last_verified_at"].endswith("Z")
        assert made["priority"] == 1
        assert (made["label"], made["currency"], made["max_in_flight"]) == ("main", "INR", 7)
        assert made["credentials"] == {
            "key_id": "rzp_test_1DP5mmOlF5G5ag",
            "key_secret": "••••5b".replace("5b", KEY_SECRET[-4:]),
            "webhook_secret": "••••" + WEBHOOK_SECRET[-4:],
        }
        assert made["callback_url"].startswith(f"{BASE}/callbacks/razorpay/")
        assert "payment.create" in made["capabilities"]
        (entry,) = await desk.fetch("SELECT actor_kind, ip FROM audit_entries WHERE target_id = $1", made["id"])
        assert entry["actor_kind"] == "api_key"

    async def test_refused_credentials_are_422_and_stored_nowhere(self, desk: Desk, api: Api) -> None:
        desk.provider.accepts = "another"
        body = {"credentials": CREDENTIALS}
        problem = await api.call("POST", f"{RAZORPAY}/connect", expect=422, json=body)
        assert problem["code"] == "CREDENTIALS_REFUSED"
        assert "Authentication failed" in problem["detail"]
        assert (await payments_of(api))["connections"] == []

    async def test_a_provider_that_is_away_is_503_and_says_what_can_be_done(
        self, desk: Desk, api: Api, service: httpx.AsyncClient
    ) -> None:
        desk.provider.away = True
        answer = await service.post(
            f"/api/services{RAZORPAY}/connect",
            headers={"X-API-Key": api.key.get_secret_value()},
            json={"credentials": CREDENTIALS},
        )
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert "verify: false" in answer.json()["detail"]
        assert (await connect(api, verify=False))["verification"] == "unverified"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "credentials"),
            ({"credentials": "secret"}, "credentials"),
            ({"credentials": {"key_id": "x", "key_secret": KEY_SECRET}}, "credentials.key_id"),
            ({"credentials": {**CREDENTIALS, "colour": "blue"}}, "credentials.colour"),
            ({"credentials": {**CREDENTIALS, "a\0b": "blue"}}, "credentials"),
            ({"credentials": {**CREDENTIALS, "\ud800": "blue"}}, "credentials"),
            ({"credentials": {**CREDENTIALS, "webhook_secret": "a\0b"}}, None),
            ({"credentials": {**CREDENTIALS, "webhook_secret": "\ud800"}}, None),
            ({"credentials": {**CREDENTIALS, "key_secret": ["a"]}}, "credentials.key_secret"),
            ({"credentials": {**CREDENTIALS, "key_secret": "x" * 100_000}}, "credentials.key_secret"),
            ({"credentials": {f"key_{number}": "" for number in range(51)}}, "credentials"),
            ({"credentials": CREDENTIALS, "label": "a\0b"}, "label"),
            ({"credentials": CREDENTIALS, "label": "\udfff"}, "label"),
            ({"credentials": CREDENTIALS, "label": ""}, "label"),
            ({"credentials": CREDENTIALS, "currency": "RUPEES"}, "currency"),
            ({"credentials": CREDENTIALS, "currency": "XQQ"}, "currency"),
            ({"credentials": CREDENTIALS, "max_in_flight": 10**40}, "max_in_flight"),
            ({"credentials": CREDENTIALS, "max_in_flight": True}, "max_in_flight"),
            ({"credentials": CREDENTIALS, "rate_per_s": 0}, "rate_per_s"),
            ({"credentials": CREDENTIALS, "rate_per_s": 10_001}, "rate_per_s"),
            ({"credentials": CREDENTIALS, "rate_per_s": "5"}, "rate_per_s"),
            ({"credentials": CREDENTIALS, "priority": 0}, "priority"),
            ({"credentials": CREDENTIALS, "colour": "blue"}, "colour"),
        ],
    )
    async def test_what_is_wrong_is_named_and_never_quoted(self, desk: Desk, api: Api, body: Any, field: str) -> None:
        problem = await api.call("POST", f"{RAZORPAY}/connect", expect=422, json=body)
        if field is not None:
            assert any(str(error["field"]).startswith(field) for error in problem["errors"]), problem
        assert desk.provider.asked == 0

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("/payments/nobody/connect", "INVALID_PROVIDER"),
            ("/pigeons/razorpay/connect", "VALIDATION_ERROR"),
            ("/payments/%00/connect", "VALIDATION_ERROR"),
            ("/payments/RAZORPAY%F0%9F%90%A6/connect", "VALIDATION_ERROR"),
        ],
    )
    async def test_what_there_is_not_is_422(self, api: Api, path: str, code: str) -> None:
        problem = await api.call("POST", path, expect=422, json={"credentials": CREDENTIALS})
        assert problem["code"] == code


class TestOverview:
    async def test_has_every_service_and_what_can_be_connected(self, api: Api) -> None:
        overview = await api.call("GET", "")
        assert {one["service"] for one in overview["data"]} == {"payments", "sms", "email", "storage"}
        payments = await payments_of(api)
        assert payments["display_name"] == "Payments"
        assert "razorpay" in [one["provider"] for one in payments["not_connected"]]
        await connect(api)
        payments = await payments_of(api)
        assert "razorpay" not in [one["provider"] for one in payments["not_connected"]]
        assert [one["provider"] for one in payments["connections"]] == ["razorpay"]

    async def test_says_what_an_operator_has_switched_off(self, desk: Desk, api: Api) -> None:
        await connect(api)
        await desk.admin.switches.disable("payments", "razorpay", "an outage")
        try:
            (connection,) = (await payments_of(api))["connections"]
            problem = await api.call(
                "POST", f"{RAZORPAY}/connect", expect=422, json={"credentials": CREDENTIALS, "label": "two"}
            )
        finally:
            await desk.admin.switches.enable("payments", "razorpay")
        assert connection["unavailable_reason"] == "an outage"
        assert problem["code"] == "PROVIDER_DISABLED"

    async def test_of_another_tenant_shows_nothing(self, desk: Desk, api: Api, other_tenant: Tenant) -> None:
        made = await connect(api)
        created = await desk.admin.api_keys.create(other_tenant.id, "test", name="theirs")
        theirs = Api(api.client, created.key)
        assert (await payments_of(theirs))["connections"] == []
        for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/test"), ("POST", "/callback-token/rotate")):
            query = f"?connection_id={made['id']}"
            sent = {"json": {"enabled": False}} if method == "PATCH" else {}
            await theirs.call(method, f"{RAZORPAY}{path}{query}", expect=404, **sent)
        assert (await payments_of(api))["connections"] == [made]


class TestWhichOne:
    async def test_the_only_one_needs_no_name(self, api: Api) -> None:
        await connect(api, label="main")
        assert (await api.call("PATCH", RAZORPAY, json={"enabled": False}))["status"] == "disabled"

    async def test_of_several_must_be_named(self, api: Api) -> None:
        one, two = await connect(api, label="one"), await connect(api, label="two")
        problem = await api.call("PATCH", RAZORPAY, expect=409, json={"enabled": False})
        assert problem["code"] == "SEVERAL_CONNECTIONS"
        assert "'one', 'two'" in problem["detail"]
        by_label = await api.call("PATCH", f"{RAZORPAY}?label=two", json={"priority": 1})
        assert (by_label["id"], by_label["priority"]) == (two["id"], 1)
        by_id = await api.call("PATCH", f"{RAZORPAY}?connection_id={one['id']}", json={"label": "third"})
        assert by_id["label"] == "third"
        assert [c["label"] for c in (await payments_of(api))["connections"]] == ["two", "third"]

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("?label=none", 404),
            ("?connection_id=con_01k9zq3v9yf7w8r2m4t6x8z0bc", 404),
            ("?connection_id=con_short", 404),
            ("?connection_id=%00", 422),
            ("?label=%00", 422),
            ("?label=%ED%A0%80", 404),
        ],
    )
    async def test_that_there_is_not_is_not_found(self, api: Api, query: str, status: int) -> None:
        await connect(api)
        await api.call("PATCH", f"{RAZORPAY}{query}", expect=status, json={"enabled": False})


class TestPatch:
    @pytest.mark.parametrize(
        "body",
        [
            {"enabled": None},
            {"label": None},
            {"credentials": None},
            {"label": "a\0b"},
            {"enabled": "maybe"},
            {"credentials": {"key_secret": ""}},
            {"colour": 1},
        ],
    )
    async def test_what_is_wrong_changes_nothing(self, api: Api, body: Any) -> None:
        made = await connect(api)
        await api.call("PATCH", RAZORPAY, expect=422, json=body)
        assert (await payments_of(api))["connections"] == [made]

    async def test_an_empty_one_changes_nothing(self, api: Api) -> None:
        made = await connect(api)
        assert await api.call("PATCH", RAZORPAY, json={}) == made

    async def test_replaces_credentials_after_asking(self, desk: Desk, api: Api) -> None:
        await connect(api, currency="INR")
        desk.provider.accepts = "another_Key_Secret_77"
        body = {"currency": None, "credentials": {"key_secret": "another_Key_Secret_77"}}
        changed = await api.call("PATCH", RAZORPAY, json=body)
        assert changed["currency"] is None
        assert changed["credentials"]["key_secret"] == "••••t_77"
        assert changed["verification"] == "accepted"


class TestTest:
    async def test_says_what_the_provider_says_now(self, desk: Desk, api: Api) -> None:
        await connect(api)
        assert (await api.call("POST", f"{RAZORPAY}/test"))["accepted"] is True
        desk.provider.accepts = "another"
        refused = await api.call("POST", f"{RAZORPAY}/test")
        assert refused["accepted"] is False
        assert (refused["verification"], refused["status"]) == ("refused", "enabled")
        desk.provider.away = True
        assert (await api.call("POST", f"{RAZORPAY}/test", expect=503))["code"] == "PROVIDER_ERROR"

    async def test_credentials_of_another_connection_are_unreadable_and_nothing_is_sent(
        self, desk: Desk, api: Api
    ) -> None:
        """Whoever can write to the database cannot have one account used for another."""
        made = [await connect(api, label=label) for label in ("one", "two")]
        await desk.fetch(
            "UPDATE connections a SET credentials = b.credentials FROM connections b WHERE a.id = $1 AND b.id = $2",
            *(one["id"] for one in made),
        )
        asked = desk.provider.asked
        problem = await api.call("POST", f"{RAZORPAY}/test?label=one", expect=422)
        assert (problem["code"], problem["effect"]) == ("CREDENTIALS_UNREADABLE", "none")
        assert made[0]["id"] in problem["detail"]
        assert desk.provider.asked == asked
        shown = next(one for one in (await payments_of(api))["connections"] if one["id"] == made[0]["id"])
        assert (shown["verification"], shown["verified_error"]) == ("refused", problem["detail"])
        assert (await api.call("POST", f"{RAZORPAY}/test?label=two"))["accepted"] is True

    async def test_nothing_is_sent_to_a_provider_that_is_switched_off(self, desk: Desk, api: Api) -> None:
        await connect(api, verify=False)
        secret = {"credentials": {"key_secret": KEY_SECRET}}
        await desk.admin.switches.disable("payments", "razorpay", "it leaks")
        try:
            for method, path, sent in (("POST", f"{RAZORPAY}/test", {}), ("PATCH", RAZORPAY, {"json": secret})):
                problem = await api.call(method, path, expect=422, **sent)
                assert problem["code"] == "PROVIDER_DISABLED"
            await api.call("PATCH", RAZORPAY, json={**secret, "verify": False})
            await api.call("PATCH", RAZORPAY, json={"label": "renamed"})
        finally:
            await desk.admin.switches.enable("payments", "razorpay")
        assert desk.provider.asked == 0
        assert (await api.call("POST", f"{RAZORPAY}/test"))["accepted"] is True


class TestDelete:
    async def test_disconnects_and_keeps_it_out_of_sight(self, api: Api) -> None:
        made = await connect(api)
        gone = await api.call("DELETE", RAZORPAY)
        assert gone["status"] == "disconnected"
        assert gone["credentials_kept_until"]
        assert gone["credentials_destroyed_at"] is None
        assert (await payments_of(api))["connections"] == []
        await api.call("DELETE", RAZORPAY, expect=404)
        (shown,) = (await payments_of(api, "?include=disconnected"))["connections"]
        assert shown["id"] == made["id"]
        forgotten = await api.call("DELETE", f"{RAZORPAY}?connection_id={made['id']}&forget=true")
        assert forgotten["credentials_destroyed_at"]
        assert forgotten["credentials"] == {}
        assert forgotten["callback_url"] is None

    async def test_a_page_holds_the_connected_first(self, api: Api) -> None:
        for label in ("a", "b", "c", "d"):
            await connect(api, label=label, verify=False)
        for label in ("a", "c"):
            await api.call("DELETE", f"{RAZORPAY}?label={label}")
        labels: list[str] = []
        cursor = ""
        for _ in range(4):
            page = await api.call("GET", f"{RAZORPAY}?include=disconnected&limit=1{cursor}")
            labels += [one["label"] for one in page["data"]]
            cursor = f"&cursor={page['next_cursor']}"
        assert labels == ["b", "d", "a", "c"]
        assert page["has_more"] is False
        assert page["next_cursor"] is None
        assert [one["label"] for one in (await api.call("GET", RAZORPAY))["data"]] == ["b", "d"]
        for wrong in ("con_x", "%00", new_id(CONNECTION)):
            await api.call("GET", f"{RAZORPAY}?cursor={wrong}", expect=422)


class TestRotate:
    async def test_shows_the_new_address_and_how_long_the_old_one_works(self, api: Api) -> None:
        made = await connect(api)
        rotated = await api.call("POST", f"{RAZORPAY}/callback-token/rotate")
        assert rotated["callback_url"] != made["callback_url"]
        assert rotated["earlier_callback_urls_until"]
        now = await api.call("POST", f"{RAZORPAY}/callback-token/rotate", json={"overlap_s": 0})
        assert now["earlier_callback_urls_until"] is None
        for wrong in (-1, 10**9, "a week", True):
            await api.call("POST", f"{RAZORPAY}/callback-token/rotate", expect=422, json={"overlap_s": wrong})


async def test_a_key_that_only_reads_changes_nothing(desk: Desk, api: Api, tenant: Tenant) -> None:
    made = await connect(api)
    created = await desk.admin.api_keys.create(tenant.id, "test", name="reader", scopes=["services:read"])
    reader = Api(api.client, created.key)
    assert (await payments_of(reader))["connections"] == [made]
    for method, path in (
        ("POST", "/connect"),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/callback-token/rotate"),
    ):
        await reader.call(method, f"{RAZORPAY}{path}", expect=403, json={})
    nobody = Api(api.client, SecretStr("unf_test_x"))
    await nobody.call("GET", "", expect=401)
