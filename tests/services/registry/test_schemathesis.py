"""The management API keeps to its own description, whatever it is sent.

schemathesis makes requests from the OpenAPI document, good ones and bad ones; each answer must have a status, a content type
and a body that the document names, and none may be an error of ours. The same ones in every run.
"""

import asyncio
import secrets
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pytest
import requests
import uvicorn
from aiohttp import web
from aiohttp.test_utils import TestServer
from fastapi import FastAPI
from pydantic import AnyHttpUrl
from schemathesis.core.failures import FailureGroup
from tests.exploring import Explorer, operations_of
from tests.services.registry.acting import as_owner, sign_in
from tests.services.registry.conftest import CREDENTIALS, Registry, opened
from tests.services.registry.connection.conftest import Provider

from onerouter_common.ids import IDENTITY, OPERATION, TENANT, new_id
from onerouter_common.reads.paging import cursor_of
from onerouter_local.ports import LOOPBACK, free_port
from onerouter_local.testing import Cluster
from onerouter_providers.loader import Providers
from onerouter_registry.actor import COMMAND_LINE
from onerouter_registry.admin import open_admin
from onerouter_registry.app import build_management_routes, create_app
from onerouter_registry.oidc.model import Issuer
from onerouter_registry.openapi import describe, operation_id_of
from onerouter_registry.tenant.model import Tenant

pytestmark = pytest.mark.long

NOWHERE: Final = "https://127.0.0.1:1"
"""An issuer that is away."""
AWAY: Final = frozenset({"link_oidc_identity"})
"""Ask someone outside, who is away here: 503 is their honest answer."""
HIDDEN: Final = frozenset(
    {
        "enter_second_factor",
        "reset_password",
        "confirm_email",
        "confirm_totp",
        "remove_totp",
        "renew_recovery_codes",
        "accept_invitation",
        "link_oidc_identity",
        "unlink_identity",  # who has no password keeps their last one
    }
)
"""Never done here: they need what only a mail, an authenticator or an issuer knows."""
FIELDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "connect_service": {"credentials": {name: value.get_secret_value() for name, value in CREDENTIALS.items()}},
    "create_api_key": {"name": "backend"},
    "create_invitation": {"role": "viewer"},
    "update_member": {"role": "developer"},
    "sign_up": {"name": "Ada"},
    "resolve_operation": {"outcome": "succeeded"},
    "explain_routing": {"category": "payments", "capability": "payment.create"},
}
"""Of good bodies, what the document's examples do not say."""


@dataclass(frozen=True)
class Visitor:
    """Someone who calls, and the tenant they are at home in."""

    headers: dict[str, str]
    tenant: Tenant
    session_id: str


@pytest.fixture(scope="module")
async def registry(postgres: Cluster) -> AsyncIterator[Registry]:
    """With a provider that answers: it is no provider's fault what happens here."""
    made = await postgres.create("registry")
    outside = web.Application()
    outside.router.add_get("/{path:.*}", Provider().answer)
    async with (
        opened(made) as plain,
        TestServer(outside) as server,
        TestServer(worker_service(1)) as payments,
        TestServer(worker_service(0)) as messaging,
        TestServer(worker_service(0)) as storage,
    ):
        told = plain.settings.model_copy(
            update={
                "oidc_issuers": (Issuer(id="acme", name="Acme", issuer=NOWHERE, client_id="x", sign_up=True),),
                "sign_up": "open",
                "payments_url": AnyHttpUrl(str(payments.make_url("/"))),
                "messaging_url": AnyHttpUrl(str(messaging.make_url("/"))),
                "storage_url": AnyHttpUrl(str(storage.make_url("/"))),
                "provider_base_urls": {one.manifest.id: str(server.make_url("/")) for one in Providers.load()},
                "log_level": "CRITICAL",
            }
        )
        async with open_admin(told) as admin:
            yield Registry(told, admin, made)
    await postgres.drop(made)


def worker_service(count: int) -> web.Application:
    """Has one operation, under every id, or none; what a real one answers is in `operator/test_operations_api.py`."""
    names = ("id", "tenant_id", "environment", "operation", "status", "resource_id", "belongs_to", "provider")
    values = (new_id(OPERATION), new_id(TENANT), "test", "payment.create", "unknown", "pay_1", "pay_1", "razorpay")
    absent = ("connection_id", "effect_guarantee", "amount_minor", "currency", "error", "in_doubt_since", "finished_at")
    at = "2026-03-01T09:30:00.000Z"
    one = {
        **dict(zip(names, values, strict=True)),
        **dict.fromkeys(absent),
        "attempts": 1,
        "created_at": at,
        "updated_at": at,
    }

    cursor = cursor_of(datetime(2026, 3, 1, 9, 30, tzinfo=UTC), str(one["id"]))

    async def answer_one(_: web.Request) -> web.Response:
        return web.json_response(one) if count else web.json_response({"detail": "There is none."}, status=404)

    async def answer_all(_: web.Request) -> web.Response:
        return web.json_response(
            {"data": [one] * count, "has_more": False, "next_cursor": None, "cursors": [cursor] * count}
        )

    app = web.Application()
    app.router.add_get("/internal/admin/operations", answer_all)
    app.router.add_get("/internal/admin/operations/{id}", answer_one)
    app.router.add_post("/internal/admin/operations/{id}/resolve", answer_one)
    return app


@pytest.fixture(scope="module")
def base_url(registry: Registry) -> Iterator[str]:
    """The service on a socket, in a thread of its own."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(create_app(registry.settings), host=LOOPBACK, port=port, log_level="critical")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + 20
        while not server.started and time.monotonic() < until:
            time.sleep(0.05)
        assert server.started
        yield f"http://{LOOPBACK}:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


def described() -> dict[str, Any]:
    app = FastAPI(generate_unique_id_function=operation_id_of)
    build_management_routes(app)
    return describe(app)


def good_body(document: Mapping[str, Any], operation: Mapping[str, Any], tenant: Tenant) -> dict[str, Any] | None:
    """From the examples of its fields; None where the operation takes none."""
    if "requestBody" not in operation:
        return None
    named = operation["requestBody"]["content"]["application/json"]["schema"].get("$ref", "").rpartition("/")[2]
    properties = document["components"]["schemas"].get(named, {}).get("properties", {})
    good = {name: about["examples"][0] for name, about in properties.items() if about.get("examples")}
    fixed = {"tenant_id": tenant.id} if "tenant_id" in good else {}
    return {**good, **FIELDS.get(operation["operationId"], {}), **fixed}


async def a_visitor(registry: Registry, *, with_key: bool) -> Visitor:
    """The owner of a new tenant, who is an operator, too; or an API key of it."""
    tenant = await registry.admin.tenants.create("Acme")
    person = await sign_in(registry, tenant.id, "owner", is_operator=True)
    (session,) = await as_owner(registry, "SELECT id FROM sessions WHERE user_id = $1", person.id)
    if not with_key:
        return Visitor(person.headers, tenant, session["id"])
    key = await registry.admin.api_keys.create(tenant.id, "test", name="backend")
    return Visitor({"X-API-Key": key.key.get_secret_value()}, tenant, session["id"])


async def things(registry: Registry, visitor: Visitor, path: str) -> dict[str, str]:
    """What stands in the places of a path: something new for each operation, as the one before may have removed it."""
    admin, tenant = registry.admin, visitor.tenant
    known = {"tenant_id": tenant.id, "service": "payments", "category": "payments", "provider": "razorpay"}
    known |= {"issuer_id": "acme", "session_id": visitor.session_id, "operation_id": new_id(OPERATION)}
    await as_owner(registry, "DELETE FROM provider_switches")
    if "{key_id}" in path:
        known["key_id"] = (await admin.api_keys.create(tenant.id, "test", name="one")).api_key.id
    if "{user_id}" in path:
        known["user_id"] = (await sign_in(registry, tenant.id, "viewer")).id
    if "{identity_id}" in path:
        known["identity_id"] = new_id(IDENTITY)
        await as_owner(
            registry,
            "INSERT INTO identities (issuer, subject, id, user_id, created_at) "
            "SELECT 'https://accounts.example.com', $1, $1, user_id, now() FROM sessions WHERE id = $2",
            known["identity_id"],
            visitor.session_id,
        )
    if "{provider}" in path:
        for one in await admin.connections.list(tenant.id, "test"):
            await admin.connections.disconnect(tenant.id, "test", one.id)
    if "{provider}" in path and not path.endswith("/connect"):
        await admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
    if "{invitation_id}" in path:
        invited = f"{secrets.token_hex(6)}@example.com"
        made = await admin.people.invitations.invite(tenant.id, invited, "viewer", acting_as=None, by=COMMAND_LINE)
        known["invitation_id"] = made.invitation.id
    return known


async def explore_all(registry: Registry, base_url: str, *, with_key: bool, examples: int) -> dict[str, set[int]]:
    """The statuses of each operation, by its id. Fails when all are tried, with all that was found."""
    document = described()
    failures: list[str] = []
    statuses: dict[str, set[int]] = {}
    visitor = await a_visitor(registry, with_key=with_key)
    with requests.Session() as session:
        explorer = Explorer(base_url, session, examples=examples, away=AWAY)
        for operation in operations_of(document):
            # Some operations end the session or the key, others suspend the tenant: then somebody new goes on.
            home = await asyncio.to_thread(session.get, f"{base_url}/api/tenant", headers=visitor.headers, timeout=10)
            if home.status_code != 200 or home.json()["status"] != "active":
                visitor = await a_visitor(registry, with_key=with_key)
            known = await things(registry, visitor, operation.path)
            raw = document["paths"][operation.path][operation.method]
            good = good_body(document, raw, visitor.tenant)
            try:
                seen = await asyncio.to_thread(explorer.explore, operation, visitor.headers, known, good)
                statuses[raw["operationId"]] = seen
            except (Exception, FailureGroup) as error:
                failures.append(f"{operation.label}: {error}"[:2_000])
            session.cookies.clear()
    assert not failures, "\n\n".join(failures)
    return statuses


class TestManagementApi:
    async def test_answers_the_owner_as_it_says(self, registry: Registry, base_url: str) -> None:
        statuses = await explore_all(registry, base_url, with_key=False, examples=10)
        never_done = {name for name, seen in statuses.items() if not any(status < 400 for status in seen)}
        assert never_done <= HIDDEN, {name: statuses[name] for name in never_done - HIDDEN}

    async def test_answers_a_key_as_it_says(self, registry: Registry, base_url: str) -> None:
        statuses = await explore_all(registry, base_url, with_key=True, examples=5)
        for name in ("get_tenant", "list_api_keys", "get_api_key", "list_connections", "list_routing"):
            assert 200 in statuses[name]
        for name in ("update_member", "change_password", "list_tenants", "suspend_tenant", "create_invitation"):
            assert statuses[name] <= {400, 403, 422}, name
