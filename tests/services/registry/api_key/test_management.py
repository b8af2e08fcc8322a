"""API keys on the management API: the whole life of one, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from tests.services.registry.api_key.conftest import Api, As

from onerouter_common.api_keys import hash_key, parse_key
from onerouter_common.clock import isoformat
from onerouter_common.contracts.registry import RegistryChange
from onerouter_common.once.key import HEADER, REPLAYED, Key
from onerouter_registry.api_key.service import MOST_ACTIVE
from onerouter_registry.tenant.model import Tenant

NEW = {"name": "backend", "scopes": ["payments:write", "payments:read"]}


@pytest.fixture
async def admin(api: Api, tenant: Tenant) -> As:
    return await api.by_person(tenant, "admin")


async def audited(api: Api, key_id: str) -> list[dict[str, Any]]:
    rows = await api.rows(
        "SELECT action, actor_kind, actor_id, environment, before, after FROM audit_entries WHERE target_id = $1 "
        "ORDER BY sequence",
        key_id,
    )
    return [dict(row) for row in rows]


async def told(api: Api, key_id: str) -> list[RegistryChange]:
    """What the caches are owed; no log is there to take it."""
    rows = await api.rows("SELECT value FROM outbox WHERE key = $1 ORDER BY id", key_id)
    return [RegistryChange.model_validate_json(row["value"]) for row in rows]


class TestCreate:
    async def test_shows_the_key_this_once(self, api: Api, admin: As) -> None:
        expires_at = isoformat(datetime.now(UTC) + timedelta(days=30))
        settings = {
            "expires_at": expires_at,
            "ip_allow_list": ["203.0.113.7", "2001:DB8::/32"],
            "rate_limit_per_s": 5,
            "rate_burst": 10,
            "quotas": {"sms": 1000},
        }
        answer = await admin("POST", "/api/api-keys", NEW | settings)
        assert answer.status_code == 201, answer.text
        assert answer.headers["cache-control"] == "no-store"
        made = answer.json()
        key = made.pop("key")
        assert parse_key(key) is not None
        assert made.pop("note") is None
        assert made == {
            "id": made["id"],
            "name": "backend",
            "environment": "test",
            "display": f"{key[:13]}…",
            "status": "active",
            "scopes": ["payments:read", "payments:write"],
            "rate_limit_per_s": 5,
            "rate_burst": 10,
            "quotas": {"sms": 1000},
            "ip_allow_list": ["203.0.113.7/32", "2001:db8::/32"],
            "created_at": made["created_at"],
            "created_by": {"kind": "user", "id": admin.id},
            "expires_at": expires_at,
            "last_used_at": None,
            "revoked_at": None,
            "replaced_by": None,
        }
        again = await admin("GET", f"/api/api-keys/{made['id']}")
        assert again.json() == made
        (row,) = await api.rows("SELECT k::text AS text FROM api_keys k WHERE id = $1", made["id"])
        assert key not in row["text"]
        assert hash_key(key, api.registry.settings.api_key_pepper) in row["text"]

    async def test_a_repeat_makes_no_second_one_and_says_why_it_shows_none(self, api: Api, admin: As) -> None:
        async def ask(body: dict[str, Any], fingerprint: str = "f") -> httpx.Response:
            once = {HEADER: str(Key("0a" * 32, fingerprint * 64))}
            return await admin("POST", "/api/api-keys", body, **once)

        made = await ask(NEW)
        again = await ask(NEW)
        assert (made.status_code, again.status_code) == (201, 201)
        assert (made.headers.get(REPLAYED), again.headers.get(REPLAYED)) == (None, "true")
        told = again.json()
        assert "rotate" in told["note"]
        assert told == {**made.json(), "key": None, "note": told["note"]}
        other = await ask({**NEW, "name": "other"}, "0")
        assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
        listed = (await admin("GET", "/api/api-keys")).json()["data"]
        assert [one["id"] for one in listed if one["created_by"]["id"] == admin.id] == [made.json()["id"]]
        (kept,) = await api.rows("SELECT answer FROM idempotency_keys WHERE answer LIKE '%' || $1 || '%'", told["id"])
        assert made.json()["key"] not in kept["answer"]

    async def test_the_key_works_and_is_bound_as_it_says(self, api: Api, admin: As, tenant: Tenant) -> None:
        made = (await admin("POST", "/api/api-keys", {"name": "x", "scopes": ["api_keys:read"]})).json()
        by_it = As(api.http, {"Authorization": f"Bearer {made['key']}"}, made["id"])
        assert (await by_it("GET", f"/api/api-keys/{made['id']}")).status_code == 200
        assert (await by_it("DELETE", f"/api/api-keys/{made['id']}")).status_code == 403
        elsewhere = (
            await admin("POST", "/api/api-keys", {"name": "x", "scopes": ["*"], "ip_allow_list": ["203.0.113.0/24"]})
        ).json()
        refused = await As(api.http, {"X-API-Key": elsewhere["key"]}, "")("GET", "/api/api-keys")
        assert (refused.status_code, refused.json()["code"]) == (403, "ADDRESS_NOT_ALLOWED")

    async def test_is_audited_and_told(self, api: Api, admin: As) -> None:
        made = (await admin("POST", "/api/api-keys", NEW)).json()
        (entry,) = await audited(api, made["id"])
        assert (entry["action"], entry["actor_kind"], entry["actor_id"]) == ("api_key.created", "user", admin.id)
        assert '"payments:read"' in entry["after"]
        assert made["key"] not in str(entry)
        assert hash_key(made["key"], api.registry.settings.api_key_pepper) not in str(entry)
        assert [change.change for change in await told(api, made["id"])] == ["created"]

    async def test_the_body_may_name_the_environment(self, admin: As) -> None:
        made = (await admin("POST", "/api/api-keys", NEW | {"environment": "live"})).json()
        assert made["environment"] == "live"
        assert made["key"].startswith("unf_live_")
        assert (await admin("GET", f"/api/api-keys/{made['id']}")).status_code == 404
        seen = await admin("GET", f"/api/api-keys/{made['id']}", X_OneRouter_Environment="live")
        assert seen.status_code == 200

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "   "}, "name"),
            ({"name": "a\x00b"}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"name": None}, "name"),
            ({"name": ["x"]}, "name"),
            ({"scopes": []}, "scopes"),
            ({"scopes": ["payments:delete"]}, "scopes"),
            ({"scopes": ["\x00"]}, "scopes"),
            ({"scopes": "*"}, "scopes"),
            ({"scopes": ["x" * 61]}, "scopes.0"),
            ({"environment": "staging"}, "environment"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
            ({"expires_at": "2090-01-01T00:00:00Z"}, "expires_at"),
            ({"expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
            ({"expires_at": "2027-01-01T00:00:00"}, "expires_at"),
            ({"expires_at": 10**30}, "expires_at"),
            ({"expires_at": "soon"}, "expires_at"),
            ({"ip_allow_list": ["203.0.113.7/24"]}, "ip_allow_list"),
            ({"ip_allow_list": ["\x00"]}, "ip_allow_list"),
            ({"ip_allow_list": ["10.0.0.0/8"] * 51}, "ip_allow_list"),
            ({"rate_limit_per_s": 0}, "rate_limit_per_s"),
            ({"rate_limit_per_s": 10**40}, "rate_limit_per_s"),
            ({"rate_limit_per_s": True}, "rate_limit_per_s"),
            ({"rate_burst": 100_001}, "rate_burst"),
            ({"rate_burst": 1.5}, "rate_burst"),
            ({"quotas": {"fax": 1}}, "quotas.fax.[key]"),
            ({"quotas": {"sms": 0}}, "quotas.sms"),
            ({"quotas": {"sms": 2**63}}, "quotas.sms"),
            ({"quotas": []}, "quotas"),
            ({"tenant_id": "ten_x"}, "tenant_id"),
        ],
    )
    async def test_refuses_and_names_the_field(self, admin: As, wrong: dict[str, Any], field: str) -> None:
        answer = await admin("POST", "/api/api-keys", NEW | wrong)
        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == [field]

    async def test_lone_surrogates_are_bad_input(self, admin: As) -> None:
        for body in (b'{"name": "\\ud800", "scopes": ["*"]}', b'{"name": "x", "scopes": ["\\ud800"]}'):
            answer = await admin.http.post(
                "/api/api-keys", content=body, headers=admin.headers | {"Content-Type": "application/json"}
            )
            assert answer.status_code == 422, answer.text

    async def test_there_are_not_endlessly_many(self, api: Api, tenant: Tenant, admin: As) -> None:
        await api.rows(
            "INSERT INTO api_keys (id, tenant_id, environment, name, hash, display_prefix, scopes, rate_limit_per_s, "
            "rate_burst, created_at, family) SELECT 'key_' || $1 || n, $1, 'test', 'x', $1 || n, 'p', '{*}', 1, 1, now(), "
            "'key_' || $1 || n FROM generate_series(1, $2) n",
            tenant.id,
            MOST_ACTIVE,
        )
        assert (await admin("POST", "/api/api-keys", NEW)).status_code == 409
        await api.rows("UPDATE api_keys SET revoked_at = now() WHERE id = 'key_' || $1 || '1'", tenant.id)
        assert (await admin("POST", "/api/api-keys", NEW)).status_code == 201


class TestList:
    async def test_pages_newest_first(self, api: Api, tenant: Tenant, admin: As) -> None:
        made = [(await api.key(tenant, name=f"k{n}")).api_key.id for n in range(5)]
        seen: list[str] = []
        path = "/api/api-keys?limit=2"
        while True:
            page = (await admin("GET", path)).json()
            seen += [key["id"] for key in page["data"]]
            assert page["has_more"] == (page["next_cursor"] is not None)
            if not page["has_more"]:
                break
            assert len(page["data"]) == 2
            path = f"/api/api-keys?limit=2&cursor={page['next_cursor']}"
        assert seen == sorted(made, reverse=True)

    async def test_filters_by_status_as_it_is_shown(self, api: Api, tenant: Tenant, admin: As) -> None:
        keys = api.registry.admin.api_keys
        made = {name: (await api.key(tenant, name=name)).api_key.id for name in ("active", "expired", "revoked")}
        await keys.rotate(tenant.id, "test", made["expired"], overlap_s=0)
        await keys.revoke(tenant.id, "test", made["revoked"])
        for status, key_id in made.items():
            page = (await admin("GET", f"/api/api-keys?status={status}")).json()
            assert key_id in [key["id"] for key in page["data"]]
            assert {key["status"] for key in page["data"]} == {status}

    async def test_shows_only_the_environment_of_the_request(self, api: Api, tenant: Tenant, admin: As) -> None:
        live = (await api.key(tenant, "live")).api_key.id
        assert (await admin("GET", "/api/api-keys")).json()["data"] == []
        page = (await admin("GET", "/api/api-keys", X_OneRouter_Environment="live")).json()
        assert [key["id"] for key in page["data"]] == [live]

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=key_%00", "status=lost", "cursor=" + "k" * 65]
    )
    async def test_refuses_what_is_no_page(self, admin: As, query: str) -> None:
        answer = await admin("GET", f"/api/api-keys?{query}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


class TestUpdate:
    async def test_changes_what_is_sent_and_nothing_else(self, api: Api, tenant: Tenant, admin: As) -> None:
        made = await api.key(tenant, quotas={"sms": 5}, ip_allow_list=["10.0.0.0/8"])
        key_id = made.api_key.id
        before = (await admin("GET", f"/api/api-keys/{key_id}")).json()
        patch = {"scopes": ["sms:write"], "rate_limit_per_s": 7, "quotas": {}}
        answer = await admin("PATCH", f"/api/api-keys/{key_id}", patch)
        assert answer.status_code == 200, answer.text
        assert answer.json() == before | patch
        created, updated = await audited(api, key_id)
        assert created["action"] == "api_key.created"
        assert updated["action"] == "api_key.updated"
        for side, scope in (("before", "*"), ("after", "sms:write")):
            assert f'"{scope}"' in updated[side]
            assert "ip_allow_list" not in updated[side]
        assert [change.change for change in await told(api, key_id)] == ["created", "updated"]
        assert (await told(api, key_id))[1].key_hash == made.api_key.hash

    async def test_the_same_again_is_no_change(self, api: Api, tenant: Tenant, admin: As) -> None:
        key_id = (await api.key(tenant, name="same")).api_key.id
        for patch in ({}, {"name": "same"}, {"scopes": ["*", "*"]}):
            assert (await admin("PATCH", f"/api/api-keys/{key_id}", patch)).status_code == 200
        assert len(await audited(api, key_id)) == 1
        assert len(await told(api, key_id)) == 1

    async def test_null_means_never_for_the_expiry_and_nothing_else(self, api: Api, tenant: Tenant, admin: As) -> None:
        made = await api.key(tenant, expires_at=datetime.now(UTC) + timedelta(days=1))
        answer = await admin("PATCH", f"/api/api-keys/{made.api_key.id}", {"expires_at": None})
        assert answer.json()["expires_at"] is None
        for name in ("name", "scopes", "ip_allow_list", "rate_limit_per_s", "rate_burst", "quotas"):
            answer = await admin("PATCH", f"/api/api-keys/{made.api_key.id}", {name: None})
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["field"] == name

    async def test_an_ended_key_stays_as_it_is(self, api: Api, tenant: Tenant, admin: As) -> None:
        revoked = (await api.key(tenant)).api_key.id
        await api.registry.admin.api_keys.revoke(tenant.id, "test", revoked)
        expired = (await api.key(tenant)).api_key.id
        await api.rows("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1", expired)
        for key_id in (revoked, expired):
            for method, path, body in (("PATCH", "", {"expires_at": None}), ("POST", "/rotate", None)):
                answer = await admin(method, f"/api/api-keys/{key_id}{path}", body)
                assert answer.status_code == 409, answer.text


class TestRotate:
    async def test_both_work_until_the_overlap_ends(self, api: Api, tenant: Tenant, admin: As) -> None:
        old = await api.key(tenant, name="x", scopes=["api_keys:read"], rate_burst=9, quotas={"sms": 3})
        asked_at = datetime.now(UTC)
        answer = await admin("POST", f"/api/api-keys/{old.api_key.id}/rotate", {"overlap_s": 3600})
        assert answer.status_code == 201, answer.text
        assert answer.headers["cache-control"] == "no-store"
        new = answer.json()
        assert new["id"] != old.api_key.id
        for setting in ("name", "scopes", "rate_burst", "quotas", "expires_at", "environment"):
            assert new[setting] == new["previous"][setting] or setting == "expires_at"
        assert new["expires_at"] is None
        assert new["previous"]["replaced_by"] == new["id"]
        ends_at = datetime.fromisoformat(new["previous"]["expires_at"])
        assert timedelta(seconds=3590) < ends_at - asked_at < timedelta(seconds=3610)
        for key in (old.key.get_secret_value(), new["key"]):
            assert (await As(api.http, {"X-API-Key": key}, "")("GET", "/api/api-keys")).status_code == 200
        assert [change.change for change in await told(api, old.api_key.id)] == ["created", "updated"]
        assert [entry["action"] for entry in await audited(api, old.api_key.id)] == [
            "api_key.created",
            "api_key.rotated",
        ]
        assert [entry["action"] for entry in await audited(api, new["id"])] == ["api_key.created"]

    async def test_without_an_overlap_the_old_one_ends_now(self, api: Api, tenant: Tenant, admin: As) -> None:
        old = await api.key(tenant)
        answer = await admin("POST", f"/api/api-keys/{old.api_key.id}/rotate", {"overlap_s": 0})
        assert answer.json()["previous"]["status"] == "expired"
        refused = await As(api.http, {"X-API-Key": old.key.get_secret_value()}, "")("GET", "/api/api-keys")
        assert refused.status_code == 401

    async def test_no_body_means_a_day(self, api: Api, tenant: Tenant, admin: As) -> None:
        old = await api.key(tenant)
        previous = (await admin("POST", f"/api/api-keys/{old.api_key.id}/rotate")).json()["previous"]
        ends_at = datetime.fromisoformat(previous["expires_at"])
        assert timedelta(hours=23) < ends_at - datetime.now(UTC) <= timedelta(hours=24)

    async def test_an_earlier_expiry_stays(self, api: Api, tenant: Tenant, admin: As) -> None:
        soon = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
        old = await api.key(tenant, expires_at=soon)
        new = (await admin("POST", f"/api/api-keys/{old.api_key.id}/rotate", {"overlap_s": 604_800})).json()
        assert new["previous"]["expires_at"] == new["expires_at"] == isoformat(soon)

    async def test_a_second_time_names_the_first(self, api: Api, tenant: Tenant, admin: As) -> None:
        old = await api.key(tenant)
        new = (await admin("POST", f"/api/api-keys/{old.api_key.id}/rotate")).json()
        again = await admin("POST", f"/api/api-keys/{old.api_key.id}/rotate")
        assert again.status_code == 409
        assert new["id"] in again.json()["detail"]

    async def test_both_belong_to_one_family(self, api: Api, tenant: Tenant, admin: As) -> None:
        old = await api.key(tenant)
        family = old.api_key.family
        assert family == old.api_key.id
        last = old.api_key.id
        for _ in range(2):
            last = (await admin("POST", f"/api/api-keys/{last}/rotate")).json()["id"]
        assert (await api.registry.admin.api_keys.get(tenant.id, "test", last)).family == family

    async def test_limits_of_the_new_one_are_those_of_the_old_one_too(
        self, api: Api, tenant: Tenant, admin: As
    ) -> None:
        """Else what is counted together would have two limits."""
        ended, old = await api.key(tenant), await api.key(tenant, quotas={"sms": 5})
        new = (await admin("POST", f"/api/api-keys/{old.api_key.id}/rotate")).json()
        await admin("POST", f"/api/api-keys/{ended.api_key.id}/rotate", {"overlap_s": 0})
        limits = {"rate_limit_per_s": 3, "rate_burst": 4, "quotas": {"sms": 2}}
        assert (await admin("PATCH", f"/api/api-keys/{new['id']}", limits | {"name": "mine"})).status_code == 200
        shown = (await admin("GET", f"/api/api-keys/{old.api_key.id}")).json()
        assert {name: shown[name] for name in limits} == limits
        assert shown["name"] == old.api_key.name
        assert (await told(api, old.api_key.id))[-1].key_hash == old.api_key.hash
        entry = (await audited(api, old.api_key.id))[-1]
        assert (entry["action"], entry["actor_id"], orjson.loads(entry["after"])) == (
            "api_key.updated",
            admin.id,
            limits,
        )
        assert [entry["action"] for entry in await audited(api, ended.api_key.id)][-1] == "api_key.rotated"

    @pytest.mark.parametrize("limit", [{"rate_limit_per_s": 99}, {"rate_burst": 99}, {"quotas": {"sms": 1}}])
    async def test_the_old_ones_limits_are_not_changed_by_themselves(
        self, api: Api, tenant: Tenant, admin: As, limit: dict[str, Any]
    ) -> None:
        old = await api.key(tenant)
        new = (await admin("POST", f"/api/api-keys/{old.api_key.id}/rotate")).json()
        answer = await admin("PATCH", f"/api/api-keys/{old.api_key.id}", limit)
        assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
        assert new["id"] in answer.json()["detail"]
        assert (await admin("PATCH", f"/api/api-keys/{old.api_key.id}", {"name": "old"})).status_code == 200

    async def test_keys_do_not_grow_beyond_their_number_by_it(self, api: Api) -> None:
        tenant = await api.registry.admin.tenants.create("Many")
        admin = await api.by_person(tenant, "admin")
        key_id = (await api.key(tenant)).api_key.id
        await api.rows(
            "INSERT INTO api_keys (id, tenant_id, environment, name, hash, display_prefix, scopes, rate_limit_per_s, "
            "rate_burst, created_at, family) SELECT 'key_' || $1 || n, $1, 'test', 'k', $1 || n, 'p', '{*}', 1, 1, now(), "
            "'key_' || $1 || n FROM generate_series(2, $2) n",
            tenant.id,
            MOST_ACTIVE,
        )
        assert (await admin("POST", f"/api/api-keys/{key_id}/rotate")).status_code == 409
        assert (await admin("POST", f"/api/api-keys/{key_id}/rotate", {"overlap_s": 0})).status_code == 201

    @pytest.mark.parametrize("overlap", [-1, 604_801, 1.5, "1", None, 10**40])
    async def test_refuses_an_overlap_that_is_none(self, api: Api, tenant: Tenant, admin: As, overlap: Any) -> None:
        key_id = (await api.key(tenant)).api_key.id
        answer = await admin("POST", f"/api/api-keys/{key_id}/rotate", {"overlap_s": overlap})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "overlap_s"


class TestRevoke:
    async def test_twice_gives_the_same_answer(self, api: Api, tenant: Tenant, admin: As) -> None:
        made = await api.key(tenant)
        first = await admin("DELETE", f"/api/api-keys/{made.api_key.id}")
        again = await admin("DELETE", f"/api/api-keys/{made.api_key.id}")
        assert first.status_code == again.status_code == 200
        assert first.json() == again.json()
        assert first.json()["status"] == "revoked"
        actions = [entry["action"] for entry in await audited(api, made.api_key.id)]
        assert actions == ["api_key.created", "api_key.revoked"]
        assert [change.change for change in await told(api, made.api_key.id)] == ["created", "deleted"]
        refused = await As(api.http, {"X-API-Key": made.key.get_secret_value()}, "")("GET", "/api/api-keys")
        assert refused.status_code == 401


class TestWhoMay:
    ROUTES = (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate"))

    @pytest.mark.parametrize(
        "key_id", ["key_x", "key_%00", "%F0%9F%94%91", "..%2F..", "key_01k9zq3v9yf7w8r2m4t6x8z0bc", "x" * 64]
    )
    async def test_what_is_no_key_is_not_found(self, admin: As, key_id: str) -> None:
        for method, path in self.ROUTES:
            answer = await admin(method, f"/api/api-keys/{key_id}{path}", {} if method != "GET" else None)
            assert answer.status_code == 404, answer.text

    async def test_another_tenants_key_is_not_found_and_stays(self, api: Api, admin: As, other_tenant: Tenant) -> None:
        theirs = await api.key(other_tenant)
        for method, path in self.ROUTES:
            answer = await admin(method, f"/api/api-keys/{theirs.api_key.id}{path}", {} if method != "GET" else None)
            assert answer.status_code == 404
        assert await api.registry.admin.api_keys.get(other_tenant.id, "test", theirs.api_key.id) == theirs.api_key

    async def test_the_other_environments_key_is_not_found(self, api: Api, admin: As, tenant: Tenant) -> None:
        live = await api.key(tenant, "live")
        by_test_key = await api.by_key(tenant)
        for caller in (admin, by_test_key):
            for method, path in self.ROUTES:
                answer = await caller(method, f"/api/api-keys/{live.api_key.id}{path}", {} if method != "GET" else None)
                assert answer.status_code == 404

    async def test_nobody_without_a_key_or_a_session(self, api: Api) -> None:
        for method, path in (("GET", ""), ("POST", ""), ("GET", "/scopes"), ("DELETE", "/key_x")):
            assert (await api.http.request(method, f"/api/api-keys{path}", json={})).status_code == 401

    async def test_a_viewer_reads(self, api: Api, tenant: Tenant) -> None:
        viewer = await api.by_person(tenant, "viewer")
        key_id = (await api.key(tenant)).api_key.id
        assert (await viewer("GET", f"/api/api-keys/{key_id}")).status_code == 200
        for method, path, body in (
            ("POST", "", NEW),
            ("PATCH", f"/{key_id}", {}),
            ("POST", f"/{key_id}/rotate", {}),
            ("DELETE", f"/{key_id}", None),
        ):
            assert (await viewer(method, f"/api/api-keys{path}", body)).status_code == 403

    async def test_a_developer_writes_in_test_only_and_gives_no_audit_log(self, api: Api, tenant: Tenant) -> None:
        developer = await api.by_person(tenant, "developer")
        assert (await developer("POST", "/api/api-keys", NEW)).status_code == 201
        for body, headers in (
            (NEW | {"environment": "live"}, {}),
            (NEW, {"X_OneRouter_Environment": "live"}),
            (NEW | {"scopes": ["audit:read"]}, {}),
            (NEW | {"scopes": ["*"]}, {}),
        ):
            refused = await developer("POST", "/api/api-keys", body, **headers)
            assert refused.status_code == 403, refused.text
        everything = (await api.key(tenant)).api_key.id
        assert (await developer("POST", f"/api/api-keys/{everything}/rotate")).status_code == 403
        assert (await developer("PATCH", f"/api/api-keys/{everything}", {"scopes": ["sms:read"]})).status_code == 200

    async def test_a_key_gives_no_more_than_it_has(self, api: Api, tenant: Tenant) -> None:
        bounded = await api.by_key(
            tenant,
            scopes=["api_keys:write", "api_keys:read", "sms:write"],
            rate_limit_per_s=10,
            rate_burst=20,
            expires_at=datetime.now(UTC) + timedelta(days=1),
            ip_allow_list=["127.0.0.0/8"],
        )
        within = {
            "name": "x",
            "scopes": ["sms:write"],
            "rate_limit_per_s": 10,
            "rate_burst": 20,
            "expires_at": isoformat(datetime.now(UTC) + timedelta(hours=1)),
            "ip_allow_list": ["127.0.0.1"],
        }
        made = await bounded("POST", "/api/api-keys", within)
        assert made.status_code == 201, made.text
        beyond: tuple[dict[str, Any], ...] = (
            {"scopes": ["email:write"]},
            {"scopes": ["*"]},
            {"rate_limit_per_s": 11},
            {"rate_burst": 21},
            {"expires_at": None},
            {"ip_allow_list": []},
            {"ip_allow_list": ["10.0.0.0/8"]},
            {"environment": "live"},
        )
        for more in beyond:
            refused = await bounded("POST", "/api/api-keys", within | more)
            assert refused.status_code == 403, more
            if "environment" not in more:
                for key_id in (bounded.id, made.json()["id"]):
                    assert (await bounded("PATCH", f"/api/api-keys/{key_id}", more)).status_code == 403, more
        mighty = (await api.key(tenant)).api_key.id
        assert (await bounded("POST", f"/api/api-keys/{mighty}/rotate")).status_code == 403
        assert (await bounded("PATCH", f"/api/api-keys/{mighty}", {"name": "mine"})).status_code == 403

    async def test_a_key_with_a_quota_makes_none(self, api: Api, tenant: Tenant) -> None:
        limited = await api.by_key(tenant, quotas={"sms": 10})
        assert (await limited("POST", "/api/api-keys", NEW | {"quotas": {"sms": 1}})).status_code == 403
        assert (await limited("POST", f"/api/api-keys/{limited.id}/rotate")).status_code == 403
        assert (await limited("PATCH", f"/api/api-keys/{limited.id}", {"quotas": {}})).status_code == 403
        lower = await limited("PATCH", f"/api/api-keys/{limited.id}", {"quotas": {"sms": 5, "email": 1}})
        assert lower.status_code == 200

    async def test_a_key_rotates_itself(self, api: Api, tenant: Tenant) -> None:
        caller = await api.by_key(tenant)
        assert (await caller("POST", f"/api/api-keys/{caller.id}/rotate")).status_code == 201


class TestScopes:
    async def test_are_a_tree_that_says_what_the_caller_may_give(self, api: Api, tenant: Tenant, admin: As) -> None:
        tree = (await admin("GET", "/api/api-keys/scopes")).json()
        assert tree["everything"]["grantable"]
        payments = next(area for area in tree["data"] if area["id"] == "payments")
        assert [scope["name"] for scope in payments["scopes"]] == ["payments:read", "payments:write"]
        assert payments["scopes"][1]["implies"] == ["refunds:write"]
        assert all(scope["grantable"] for area in tree["data"] for scope in area["scopes"])

        caller = await api.by_key(tenant, scopes=["api_keys:read", "payments:write"])
        tree = (await caller("GET", "/api/api-keys/scopes")).json()
        grantable = {scope["name"] for area in tree["data"] for scope in area["scopes"] if scope["grantable"]}
        assert grantable == {"api_keys:read", "payments:write", "refunds:write"}

        viewer = await api.by_person(tenant, "viewer")
        tree = (await viewer("GET", "/api/api-keys/scopes")).json()
        assert not any(scope["grantable"] for area in tree["data"] for scope in area["scopes"])
