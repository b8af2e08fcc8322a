"""What operators see of tenants and do with them, over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.services.registry.acting import Person, browsing, sign_in
from tests.services.registry.conftest import CREDENTIALS, Registry

from onerouter_common.ids import TENANT, new_id
from onerouter_registry.audit.model import Filter
from onerouter_registry.tenant.model import Tenant

ROUTES = [
    ("GET", "/api/admin/plans"),
    ("GET", "/api/admin/tenants"),
    ("POST", "/api/admin/tenants"),
    ("GET", "/api/admin/tenants/{id}"),
    ("PATCH", "/api/admin/tenants/{id}"),
    ("DELETE", "/api/admin/tenants/{id}"),
    ("POST", "/api/admin/tenants/{id}/suspend"),
    ("POST", "/api/admin/tenants/{id}/resume"),
    ("POST", "/api/admin/tenants/{id}/undelete"),
    ("GET", "/api/admin/audit"),
    ("GET", "/api/admin/providers"),
    ("POST", "/api/admin/providers/payments/razorpay/disable"),
    ("POST", "/api/admin/providers/payments/razorpay/enable"),
    ("POST", "/api/admin/categories/payments/disable"),
    ("POST", "/api/admin/categories/payments/enable"),
]


async def get(ops: httpx.AsyncClient, tenant_id: str) -> dict[str, Any]:
    answer = await ops.get(f"/api/admin/tenants/{tenant_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestWhoMay:
    @pytest.mark.parametrize(("method", "path"), ROUTES)
    async def test_nobody_else_and_they_learn_nothing(
        self, registry: Registry, transport: httpx.ASGITransport, tenant: Tenant, method: str, path: str
    ) -> None:
        owner = await sign_in(registry, tenant.id, "owner")
        key = (await registry.admin.api_keys.create(tenant.id, "live", name="all")).key.get_secret_value()
        seen = []
        async with browsing(transport, owner) as client:
            for tenant_id in (tenant.id, new_id(TENANT)):
                seen.append(await client.request(method, path.format(id=tenant_id), json={}))
        async with browsing(transport) as client:
            by_key = await client.request(method, path.format(id=tenant.id), headers={"X-API-Key": key}, json={})
            by_nobody = await client.request(method, path.format(id=tenant.id), json={})
        assert [answer.status_code for answer in seen] == [403, 403]
        assert seen[0].json()["detail"] == seen[1].json()["detail"] == "This is for operators of this installation."
        assert by_key.status_code == 403
        assert by_nobody.status_code == 401
        assert (await registry.admin.tenants.get(tenant.id)) == tenant

    async def test_a_change_needs_the_csrf_token(
        self, registry: Registry, transport: httpx.ASGITransport, person: Person, tenant: Tenant
    ) -> None:
        async with browsing(transport) as client:
            answer = await client.post(
                f"/api/admin/tenants/{tenant.id}/suspend",
                json={"reason": "x"},
                headers={"Cookie": person.headers["Cookie"]},
            )
        assert answer.status_code == 403
        assert answer.json()["code"] == "CSRF_REFUSED"
        assert (await registry.admin.tenants.get(tenant.id)).status == "active"

    async def test_an_operator_of_a_suspended_tenant_still_operates(
        self, registry: Registry, transport: httpx.ASGITransport, tenant: Tenant
    ) -> None:
        operator = await sign_in(registry, tenant.id, "owner", is_operator=True)
        async with browsing(transport, operator) as client:
            suspended = await client.post(f"/api/admin/tenants/{tenant.id}/suspend", json={"reason": "a mistake"})
            resumed = await client.post(f"/api/admin/tenants/{tenant.id}/resume")
        assert (suspended.status_code, resumed.status_code) == (200, 200)
        assert resumed.json()["status"] == "active"


class TestTenants:
    async def test_made_found_and_shown_with_what_they_have(
        self, registry: Registry, ops: httpx.AsyncClient, person: Person
    ) -> None:
        made = await ops.post("/api/admin/tenants", json={"name": "Acme & Sons", "plan": "growth"})
        assert made.status_code == 201, made.text
        tenant_id = made.json()["id"]
        owner = await sign_in(registry, tenant_id, "owner")
        await sign_in(registry, tenant_id, "viewer")
        keys = [await registry.admin.api_keys.create(tenant_id, "live", name=name) for name in "ab"]
        await registry.admin.api_keys.revoke(tenant_id, "live", keys[0].api_key.id)
        await registry.admin.connections.connect(tenant_id, "test", "razorpay", CREDENTIALS)
        shown = await get(ops, tenant_id)
        assert shown | {"created_at": None} == {
            "id": tenant_id,
            "name": "Acme & Sons",
            "status": "active",
            "status_reason": None,
            "status_changed_at": None,
            "delete_after": None,
            "deletion_by": None,
            "plan": "growth",
            "requests_per_minute": 500,
            "requests_per_minute_override": None,
            "default_region": None,
            "created_at": None,
            "updated_at": None,
            "api_keys": 1,
            "connections": 1,
            "members": 2,
            "owners": [owner.email],
        }
        assert shown["created_at"].endswith("Z")
        for search in (tenant_id, "acme &", owner.email.upper()):
            found = (await ops.get("/api/admin/tenants", params={"search": search})).json()
            assert [one["id"] for one in found["data"]] == [tenant_id], search
        entries = (await ops.get("/api/admin/audit", params={"tenant_id": tenant_id, "action": "tenant."})).json()
        assert entries["data"][0]["actor"] | {"ip": None, "user_agent": None} == {
            "kind": "operator",
            "id": person.id,
            "name": person.email,
            "ip": None,
            "user_agent": None,
        }

    async def test_an_owner_is_invited_by_address(self, registry: Registry, ops: httpx.AsyncClient) -> None:
        sent = {"name": "Invited Inc", "owner_email": "Ada@Example.com"}
        made = await ops.post("/api/admin/tenants", json=sent)
        assert made.status_code == 201, made.text
        invitation = made.json()["invitation"]
        assert (invitation["email"], invitation["role"], invitation["status"]) == ("ada@example.com", "owner", "open")
        entries = (await registry.admin.audit_trail.of_chain(made.json()["id"], Filter(), limit=10)).entries
        assert [entry.action for entry in entries] == ["invitation.created", "tenant.created"]
        refused = await ops.post("/api/admin/tenants", json={"name": "Not made", "owner_email": "nonsense"})
        assert refused.json()["errors"][0]["field"] == "owner_email"
        assert (await ops.get("/api/admin/tenants", params={"search": "not made"})).json()["data"] == []

    async def test_are_listed_newest_first_by_page(self, registry: Registry, ops: httpx.AsyncClient) -> None:
        made = [(await registry.admin.tenants.create(f"Paged {number}")).id for number in range(5)]
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page = await ops.get(
                "/api/admin/tenants",
                params={"search": "paged ", "limit": 2, **({} if cursor is None else {"cursor": cursor})},
            )
            body = page.json()
            seen += [one["id"] for one in body["data"]]
            cursor = body["next_cursor"]
            if not body["has_more"]:
                break
        assert seen == made[::-1]
        assert cursor is None

    async def test_a_status_is_a_filter(self, registry: Registry, ops: httpx.AsyncClient) -> None:
        made = [await registry.admin.tenants.create(f"Filtered {number}") for number in range(2)]
        await registry.admin.tenants.suspend(made[0].id, "x")
        found = await ops.get("/api/admin/tenants", params={"search": "filtered", "status": "suspended"})
        assert [one["id"] for one in found.json()["data"]] == [made[0].id]

    async def test_plan_and_limit(self, ops: httpx.AsyncClient, tenant: Tenant) -> None:
        path = f"/api/admin/tenants/{tenant.id}"
        plans = (await ops.get("/api/admin/plans")).json()["data"]
        assert plans == [
            {"id": "starter", "requests_per_minute": 100},
            {"id": "growth", "requests_per_minute": 500},
            {"id": "scale", "requests_per_minute": 2000},
            {"id": "unlimited", "requests_per_minute": None},
        ]
        changed = (await ops.patch(path, json={"plan": "starter"})).json()
        assert (changed["plan"], changed["requests_per_minute"]) == ("starter", 100)
        changed = (await ops.patch(path, json={"requests_per_minute": 150})).json()
        assert (changed["plan"], changed["requests_per_minute"]) == ("starter", 150)
        changed = (await ops.patch(path, json={"requests_per_minute": None, "name": "Other"})).json()
        assert (changed["name"], changed["requests_per_minute"]) == ("Other", 100)

    async def test_a_life(self, ops: httpx.AsyncClient, tenant: Tenant) -> None:
        path = f"/api/admin/tenants/{tenant.id}"
        suspended = (await ops.post(f"{path}/suspend", json={"reason": "Invoice 7"})).json()
        assert (suspended["status"], suspended["status_reason"]) == ("suspended", "Invoice 7")
        deleting = (await ops.delete(path, params={"grace_days": 2})).json()
        assert (deleting["status"], deleting["deletion_by"]) == ("deleting", "operator")
        due = datetime.fromisoformat(deleting["delete_after"]) - datetime.now(UTC)
        assert timedelta(days=1, hours=23) < due <= timedelta(days=2)
        refused = await ops.post(f"{path}/resume")
        assert refused.status_code == 409
        assert (await ops.post(f"{path}/undelete")).json()["status"] == "suspended"
        assert (await ops.post(f"{path}/resume")).json()["status"] == "active"

    async def test_an_unknown_one_is_not_found(self, ops: httpx.AsyncClient) -> None:
        for unknown in (new_id(TENANT), "nonsense", "a%00b", "%F0%9F%98%80"):
            for method, path in ROUTES[3:9]:
                body = {"reason": "x"} if path.endswith("suspend") else {"name": "x"} if method == "PATCH" else None
                answer = await ops.request(method, path.format(id=unknown), json=body)
                assert answer.status_code == 404, (method, path, unknown, answer.text)

    @pytest.mark.parametrize(
        ("method", "path", "sent", "field"),
        [
            ("PATCH", "", {"plan": "gold"}, "plan"),
            ("PATCH", "", {"plan": None}, "plan"),
            ("PATCH", "", {"requests_per_minute": 0}, "requests_per_minute"),
            ("PATCH", "", {"requests_per_minute": 2**70}, "requests_per_minute"),
            ("PATCH", "", {"requests_per_minute": "5"}, "requests_per_minute"),
            ("PATCH", "", {"name": "a\x00b"}, "name"),
            ("PATCH", "", {"name": "a\ud800b"}, "name"),
            ("PATCH", "", {"status": "active"}, "status"),
            ("POST", "/suspend", {"reason": " "}, "reason"),
            ("POST", "/suspend", {"reason": "a\x00"}, "reason"),
            ("POST", "/suspend", {}, "reason"),
            ("DELETE", "?grace_days=366", None, "grace_days"),
            ("DELETE", "?grace_days=-1", None, "grace_days"),
        ],
    )
    async def test_names_what_is_wrong(
        self, ops: httpx.AsyncClient, tenant: Tenant, method: str, path: str, sent: Any, field: str
    ) -> None:
        from json import dumps

        body = None if sent is None else dumps(sent)
        answer = await ops.request(
            method,
            f"/api/admin/tenants/{tenant.id}{path}",
            content=body,
            headers={"Content-Type": "application/json"} if body else {},
        )
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == field

    @pytest.mark.parametrize(
        "query",
        ["search=%00", "cursor=%00", "cursor=zzz", "limit=0", "limit=101", "limit=99999999999999999999", "status=x"],
    )
    async def test_a_bad_question_is_not_asked(self, ops: httpx.AsyncClient, query: str) -> None:
        answer = await ops.get(f"/api/admin/tenants?{query}")
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == query.partition("=")[0]
