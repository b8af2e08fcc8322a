"""Callbacks signed by certificate: PayPal's simulator signs, the service fetches, verifies, stores and hands on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from aiohttp import web
from pydantic import ValidationError

from onerouter_common.registry_client import CallbackTarget
from onerouter_sandbox.app import create_app as create_sandbox
from onerouter_sandbox.settings import Settings as SandboxSettings

from ..conftest import (
    KnownConnection,
    Running,
    StartService,
    bodies_of,
    eventually,
    is_published,
    make_settings,
    rows_of,
)

CLIENT = {"client_id": "AXcertifiedCallbacks01", "client_secret": "ELsecretOfTheCertified01"}
WEBHOOK_ID = "1JE4291016473214C"


@dataclass
class Sandbox:
    url: str
    http: httpx.AsyncClient
    sent: "asyncio.Queue[tuple[dict[str, str], bytes]]"
    """What the simulator sent, to be handed to the service as it is."""

    async def callback(self) -> tuple[dict[str, str], bytes]:
        """Of an order that was just approved."""
        auth = (CLIENT["client_id"], CLIENT["client_secret"])
        got = await self.http.post("/paypal/v1/oauth2/token", auth=auth, data={"grant_type": "client_credentials"})
        headers = {"Authorization": f"Bearer {got.json()['access_token']}"}
        amount = {"currency_code": "USD", "value": "12.99"}
        body = {"intent": "CAPTURE", "purchase_units": [{"amount": amount}], "payment_source": {"paypal": {}}}
        order = (await self.http.post("/paypal/v2/checkout/orders", json=body, headers=headers)).json()
        approved = await self.http.post(f"/control/paypal/orders/{order['id']}/approve")
        assert approved.status_code == 200
        async with asyncio.timeout(10):
            return await self.sent.get()


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    sent: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
    async with contextlib.AsyncExitStack() as stack:
        hook = await stack.enter_async_context(_receiving(sent))
        account = {**CLIENT, "webhook_url": hook, "webhook_id": WEBHOOK_ID}
        settings = SandboxSettings(accounts={"paypal": (account,)}, roots_file=tmp_path / "roots.pem")
        server = uvicorn.Server(uvicorn.Config(create_sandbox(settings), port=0, log_config=None, lifespan="on"))
        task = asyncio.create_task(server.serve())
        await eventually(lambda: server.started)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield Sandbox(url, await stack.enter_async_context(httpx.AsyncClient(base_url=url)), sent)
        server.should_exit = True
        await task


@pytest.fixture
async def service(start_service: StartService, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Running]:
    """A service whose one connection is of PayPal, which is the simulator."""
    changes = {
        "provider_base_urls": {"paypal": f"{sandbox.url}/paypal"},
        "certificate_roots": {"paypal": tmp_path / "roots.pem"},
    }
    async with start_service(**changes) as running:
        known = running.connection
        changed = known.target.model_dump() | {"provider": "paypal", "credentials_public": {"webhook_id": WEBHOOK_ID}}
        target = CallbackTarget.model_validate(changed | {"secrets": {}})
        known.callback_target = lambda _provider, _token: _answer(target)
        yield running


async def send(service: Running, headers: dict[str, str], body: bytes) -> httpx.Response:
    return await service.http.post(f"/callbacks/paypal/{service.connection.token}", content=body, headers=headers)


async def test_a_genuine_one_is_stored_once_and_handed_on(service: Running, sandbox: Sandbox) -> None:
    headers, body = await sandbox.callback()
    for _ in range(3):
        assert (await send(service, headers, body)).status_code == 200
    await eventually(lambda: is_published(service))
    (row,) = await rows_of(service)
    assert (row["kind"], row["seen"]) == ("CHECKOUT.ORDER.APPROVED", 3)
    assert await bodies_of(service) == [body]


async def test_whatever_was_changed_is_refused_and_not_stored(service: Running, sandbox: Sandbox) -> None:
    headers, body = await sandbox.callback()
    strange = "https://api.paypal.com.attacker.example/certs/x"
    for changed, told in (
        (body + b" ", {}),
        (body, {"PAYPAL-TRANSMISSION-ID": "another"}),
        (body, {"PAYPAL-TRANSMISSION-SIG": "AAAA"}),
        (body, {"PAYPAL-AUTH-ALGO": "SHA1withRSA"}),
        (body, {"PAYPAL-CERT-URL": strange}),
        (body, {"PAYPAL-CERT-URL": f"{sandbox.url}/control/ledger"}),
        (body, {"PAYPAL-CERT-URL": f"{headers['PAYPAL-CERT-URL']}x"}),
        (body, {"PAYPAL-CERT-URL": "https://api.paypal.com/v1/notifications/certs/CERT-1"}),
    ):
        answer = await send(service, {**headers, **told}, changed)
        assert answer.status_code == 401, told
    assert (await send(service, {}, body)).status_code == 401
    assert await rows_of(service) == []


async def test_while_the_certificate_cannot_be_had_it_is_to_be_sent_again(
    service: Running, sandbox: Sandbox, tmp_path: Path
) -> None:
    headers, body = await sandbox.callback()
    (tmp_path / "roots.pem").rename(tmp_path / "away.pem")
    answer = await send(service, headers, body)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    (tmp_path / "away.pem").rename(tmp_path / "roots.pem")
    assert (await send(service, headers, body)).status_code == 200
    assert len(await rows_of(service)) == 1


def test_in_production_only_the_browsers_roots_vouch(tmp_path: Path) -> None:
    class Database:
        dsn = "postgresql://u:p@db/x"

    roots = {"paypal": tmp_path / "roots.pem"}
    urls = {"paypal": "https://sandbox.example/paypal"}

    def settings(**changes: Any) -> Any:
        return make_settings(Database(), "x:1", KnownConnection(), allow_private_targets=(), **changes)  # type: ignore[arg-type]

    with pytest.raises(ValidationError, match="certificate_roots is for mode local only"):
        settings(mode="production", certificate_roots=roots, provider_base_urls=urls)
    with pytest.raises(ValidationError, match="which provider_base_urls does not"):
        settings(certificate_roots=roots)
    assert settings(certificate_roots=roots, provider_base_urls=urls).certificate_overrides()["paypal"].base_url
    assert settings(provider_base_urls=urls).certificate_overrides() == {}


async def _answer(target: CallbackTarget) -> CallbackTarget:
    return target


@asynccontextmanager
async def _receiving(sent: "asyncio.Queue[tuple[dict[str, str], bytes]]") -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.Response:
        kept = {name: value for name, value in request.headers.items() if name.upper().startswith("PAYPAL-")}
        sent.put_nowait((kept, await request.read()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/"  # type: ignore[union-attr]
    await runner.cleanup()
