"""Deliveries and recoveries: who may ask, what is forwarded, and what is said of what does not exist."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.services.gateway.serving import served

from onerouter_common.ids import DELIVERY, ENDPOINT, RECOVERY, new_id

ENDPOINT_ID, DELIVERY_ID, RECOVERY_ID = new_id(ENDPOINT), new_id(DELIVERY), new_id(RECOVERY)
OF_ENDPOINT = f"webhook-endpoints/{ENDPOINT_ID}"
WRITES = [
    f"deliveries/{DELIVERY_ID}/retry",
    f"{OF_ENDPOINT}/recover",
    f"{OF_ENDPOINT}/recoveries/{RECOVERY_ID}/cancel",
]
READS = [
    f"{OF_ENDPOINT}/deliveries",
    f"deliveries/{DELIVERY_ID}",
    f"{OF_ENDPOINT}/recoveries",
    f"{OF_ENDPOINT}/recoveries/{RECOVERY_ID}",
]


@pytest.fixture(scope="module")
async def door(world: Any) -> AsyncIterator[tuple[Any, list[Any]]]:
    """A gateway, and what its webhooks service was asked: method, path, query, tenant, body."""
    heard: list[tuple[str, str, str, str, bytes]] = []

    async def answer(request: Request) -> Response:
        tenant = request.headers["x-onerouter-tenant"]
        heard.append((request.method, request.url.path, request.url.query, tenant, await request.body()))
        return Response(b'{"object": "answered"}', media_type="application/json")

    app = Starlette(routes=[Route("/{rest:path}", answer, methods=["GET", "POST"])])
    async with served(app) as url, world.gateway(webhooks_url=url) as gateway:
        yield gateway, heard


async def test_each_is_forwarded_for_the_keys_tenant(door: tuple[Any, list[Any]], world: Any) -> None:
    gateway, heard = door
    heard.clear()
    tenant = world.tenant()
    for path in READS:
        answer = await gateway.http.get(f"/v1/{path}?limit=3&status=held", headers=tenant.auth)
        assert (answer.status_code, answer.json()) == (200, {"object": "answered"})
        assert heard.pop() == ("GET", f"/internal/{path}", "limit=3&status=held", tenant.id, b"")
    for path in WRITES:
        answer = await gateway.http.post(f"/v1/{path}", headers=tenant.auth, json={"since": "x"})
        assert answer.status_code == 200
        method, asked, query, owner, body = heard.pop()
        assert (method, asked, query, owner) == ("POST", f"/internal/{path}", "", tenant.id)
        assert (orjson.loads(body) if body else None) == ({"since": "x"} if path.endswith("recover") else None)


async def test_only_with_the_scope(door: tuple[Any, list[Any]], world: Any) -> None:
    gateway, heard = door
    heard.clear()
    reader = world.tenant(scopes=["webhooks:read"])
    stranger = world.tenant(scopes=["payments:write"])
    for path in WRITES:
        assert (await gateway.http.post(f"/v1/{path}", headers=reader.auth)).status_code == 403
    for path in READS:
        assert (await gateway.http.get(f"/v1/{path}", headers=reader.auth)).status_code == 200
        assert (await gateway.http.get(f"/v1/{path}", headers=stranger.auth)).status_code == 403
        assert (await gateway.http.get(f"/v1/{path}")).status_code == 401
    assert len(heard) == len(READS)


async def test_what_is_no_id_is_not_asked_for(door: tuple[Any, list[Any]], world: Any) -> None:
    gateway, heard = door
    heard.clear()
    tenant = world.tenant()
    for path in (
        "deliveries/nonsense",
        f"deliveries/{ENDPOINT_ID}",
        "webhook-endpoints/..%2F..%2Fdeliveries/deliveries",
        f"{OF_ENDPOINT}/recoveries/{DELIVERY_ID}",
    ):
        assert (await gateway.http.get(f"/v1/{path}", headers=tenant.auth)).status_code == 404
    assert heard == []
