"""Callbacks that the provider is asked about: webhooks asks the payments service, which asks PayPal's simulator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from onerouter_common.registry_client import CallbackTarget
from onerouter_common.web import problems
from onerouter_common.web.internal import InternalAuth
from onerouter_payments.verification import endpoints
from onerouter_payments.verification.service import CallbackQuestions
from onerouter_providers.http import open_pool
from onerouter_providers.loader import Providers

from ..conftest import Running, StartService, bodies_of, eventually, rows_of
from .test_certified import CLIENT, WEBHOOK_ID, Sandbox, sandbox, send  # noqa: F401 - `sandbox` is a fixture

TOKEN = "t" * 32


@dataclass
class Workers:
    """The payments service's part: its routes over one connection, whose client is PayPal's."""

    url: str
    client: Any
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def get(self, *place: str) -> Any:
        self.asked.append(place)
        return SimpleNamespace(client=self.client, provider="paypal")


@pytest.fixture
async def workers(sandbox: Sandbox) -> AsyncIterator[Workers]:  # noqa: F811
    package = Providers.load().find("payments", "paypal")
    assert package is not None
    async with open_pool() as pool:
        given = {name: SecretStr(value) for name, value in CLIENT.items()}
        client = package.open(given, http=pool, environment="test", base_url=f"{sandbox.url}/paypal")
        made = Workers("", client)

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
            yield {"callback_questions": CallbackQuestions(made)}

        app = FastAPI(lifespan=lifespan)
        problems.install(app)
        app.include_router(endpoints.router(InternalAuth(SecretStr(TOKEN))))
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on"))
        task = asyncio.create_task(server.serve())
        await eventually(lambda: server.started)
        made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield made
        server.should_exit = True
        await task


@pytest.fixture
async def service(start_service: StartService, workers: Workers) -> AsyncIterator[Running]:
    """A service that asks about PayPal's callbacks. It could not check them itself: it trusts no simulator's root."""
    changes = {"verify_by_asking": "paypal", "payments_url": workers.url, "internal_tokens": TOKEN}
    async with start_service(**changes) as running:
        known = running.connection
        changed = known.target.model_dump() | {"provider": "paypal", "credentials_public": {"webhook_id": WEBHOOK_ID}}
        target = CallbackTarget.model_validate(changed | {"secrets": {}})

        async def answer(_provider: str, _token: str) -> CallbackTarget:
            return target

        known.callback_target = answer
        yield running


async def test_what_paypal_has_sent_is_stored(service: Running, sandbox: Sandbox, workers: Workers) -> None:  # noqa: F811
    headers, body = await sandbox.callback()
    assert (await send(service, headers, body)).status_code == 200
    (row,) = await rows_of(service)
    assert row["kind"] == "CHECKOUT.ORDER.APPROVED"
    assert await bodies_of(service) == [body]
    target = service.connection.target
    assert workers.asked == [(target.tenant_id, target.environment, "payments", target.connection_id)]


async def test_whatever_was_changed_is_refused_and_not_stored(service: Running, sandbox: Sandbox) -> None:  # noqa: F811
    headers, body = await sandbox.callback()
    for changed, told in (
        (body.replace(b'","', b'", "', 1), {}),  # the same JSON in other bytes
        (body, {"PAYPAL-TRANSMISSION-ID": "another"}),
        (body, {"PAYPAL-TRANSMISSION-SIG": "AAAA"}),
        (body, {"PAYPAL-TRANSMISSION-TIME": "2020-01-01T00:00:00Z"}),
        (body, {"PAYPAL-AUTH-ALGO": "SHA1withRSA"}),
        (b'{"id": "WH-1"}, "webhook_event": ' + body, {}),
        (body + b"\0", {}),
    ):
        assert (await send(service, {**headers, **told}, changed)).status_code == 401, told
    assert (await send(service, {}, body)).status_code == 401
    assert await rows_of(service) == []


async def test_while_nobody_can_say_it_is_to_be_sent_again(service: Running, sandbox: Sandbox) -> None:  # noqa: F811
    headers, body = await sandbox.callback()
    fault = {"kind": "error_5xx", "operation": "webhooks.verify", "key_id": CLIENT["client_id"], "times": 1}
    assert (await sandbox.http.post("/control/faults", json=fault)).is_success
    answer = await send(service, headers, body)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert await rows_of(service) == []
    assert (await send(service, headers, body)).status_code == 200
    assert len(await rows_of(service)) == 1


async def test_a_client_that_cannot_be_asked_is_said_so(workers: Workers) -> None:
    path = f"{workers.url}/internal/connections/con_1/verify-callback"
    tenant = {"X-OneRouter-Tenant": "ten_1", "X-OneRouter-Environment": "test"}
    async with httpx.AsyncClient() as http:
        assert (await http.post(path, content=b"{}", headers=tenant)).status_code == 401
        workers.client = object()
        headers = {**tenant, "Authorization": f"Bearer {TOKEN}"}
        answer = await http.post(path, content=b"{}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "CAPABILITY_UNSUPPORTED")
        assert (await http.post(path, content=b" " * (3 * 2**20), headers=headers)).status_code == 413


async def test_who_cannot_be_asked_is_no_setting(start_service: StartService) -> None:
    with pytest.raises(ValueError, match="only paypal can be asked"):
        async with start_service(verify_by_asking="razorpay"):
            pass
