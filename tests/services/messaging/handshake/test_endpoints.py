"""Confirming that a provider may call us, as the webhooks service asks for it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from tests.services.messaging.examples import FakeConnection

from onerouter_common.errors import ProviderRefusedUs
from onerouter_common.ids import new_id
from onerouter_common.web import problems
from onerouter_common.web.internal import InternalAuth
from onerouter_messaging.handshake import endpoints
from onerouter_messaging.handshake.service import Handshakes

AUTH = InternalAuth(SecretStr("internal-token-of-tests-0123456789"))
TOPIC = "arn:aws:sns:us-east-1:123456789012:emails"
CONNECTION, MUTE = new_id("con"), new_id("con")


class FakeSes:
    def __init__(self) -> None:
        self.confirmed: list[tuple[str, str]] = []

    async def confirm_subscription(self, subject: str, token: str) -> None:
        if token == "old":
            raise ProviderRefusedUs("The token is not valid.", provider="ses", reason="invalid_request")
        self.confirmed.append((subject, token))


class OneTenant:
    def __init__(self, ses: FakeSes) -> None:
        self._clients: dict[str, Any] = {CONNECTION: ses, MUTE: object()}

    async def get(self, tenant_id: str, environment: str, category: str, connection_id: str) -> Any:
        client = self._clients.get(connection_id)
        return FakeConnection(client=client) if client and (tenant_id, category) == ("ten_1", "email") else None


@pytest.fixture
def ses() -> FakeSes:
    return FakeSes()


@pytest.fixture
async def client(ses: FakeSes) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(endpoints.router(AUTH))

    @app.middleware("http")
    async def state(request: Any, call_next: Any) -> Any:
        request.state.handshakes = Handshakes(OneTenant(ses))
        return await call_next(request)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://messaging") as opened:
        yield opened


async def confirm(
    client: httpx.AsyncClient, connection_id: str, body: dict[str, str], tenant: str = "ten_1"
) -> httpx.Response:
    return await client.post(
        f"/internal/connections/{connection_id}/confirm-callbacks",
        json=body,
        headers=AUTH.tenant_headers(tenant, "test"),
    )


async def test_the_connections_own_credentials_say_yes(client: httpx.AsyncClient, ses: FakeSes) -> None:
    answer = await confirm(client, CONNECTION, {"subject": TOPIC, "token": "t1"})
    assert (answer.status_code, ses.confirmed) == (200, [(TOPIC, "t1")])


async def test_who_cannot_say_yes_is_told_why(client: httpx.AsyncClient, ses: FakeSes) -> None:
    body = {"subject": TOPIC, "token": "t1"}
    assert (await confirm(client, MUTE, body)).status_code == 422
    assert (await confirm(client, CONNECTION, body, tenant="ten_2")).status_code == 404
    assert (await confirm(client, new_id("con"), body)).status_code == 404
    assert (await confirm(client, CONNECTION, {**body, "token": "old"})).status_code == 502
    assert (await confirm(client, CONNECTION, {**body, "subject": "a b\n"})).status_code == 422
    assert not ses.confirmed
