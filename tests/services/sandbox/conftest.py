"""A sandbox on a real port, an account of its own for each test, and a receiver for its callbacks."""

import asyncio
import json
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from aiohttp import web
from tests.pausing import Pause

from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings

KEY_SECRET = "sandbox_key_secret_01"
# Everything here is plain HTTP; reading the certificate store for each client would take most of the time.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
WEBHOOK_SECRET = "sandbox_webhook_secret_01"


@dataclass
class Sandbox:
    """A running sandbox: `api` speaks as the account under test, `control` as the operator."""

    url: str
    key_id: str
    api: httpx.AsyncClient
    control: httpx.AsyncClient

    async def register(self, **changes: Any) -> dict[str, Any]:
        account = {"key_id": self.key_id, "key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET, **changes}
        return await self.ask("/razorpay/accounts", **account)

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.control.post(path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def show(self, path: str, **params: Any) -> dict[str, Any]:
        answer = await self.control.get(path, params=params)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def order(self, **changes: Any) -> dict[str, Any]:
        answer = await self.api.post("/orders", json={"amount": 129_900, "currency": "INR", **changes})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def pay(self, order_id: str, **how: Any) -> dict[str, Any]:
        return await self.ask(f"/razorpay/orders/{order_id}/pay", **how)

    async def paid(self, **changes: Any) -> str:
        """The id of a captured payment."""
        order = await self.order(**changes)
        return str((await self.pay(order["id"]))["payment_id"])

    async def fault(self, kind: str, operation: str = "*", **more: Any) -> str:
        return str((await self.ask("/faults", kind=kind, operation=operation, **more))["id"])

    async def effects(self, **filters: Any) -> list[dict[str, Any]]:
        return list((await self.show("/ledger", account=self.key_id, **filters))["data"])

    async def summary(self) -> dict[str, Any]:
        return await self.show("/ledger/summary", account=self.key_id)

    async def callbacks(self, **filters: Any) -> dict[str, Any]:
        return await self.show("/callbacks", account=self.key_id, **filters)


@dataclass
class Delivery:
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        return str(json.loads(self.body)["event"])

    @property
    def payload(self) -> dict[str, Any]:
        return dict(json.loads(self.body)["payload"])


@dataclass
class Receiver:
    """Stands where the webhooks service stands; answers the statuses it is told, then 200, with JSON that it is told."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    says: str = ""
    deliveries: list[Delivery] = field(default_factory=list)
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self._arrived:
            self.deliveries.append(Delivery(dict(request.headers), body))
            self._arrived.notify_all()
        status = self.answers.pop(0) if self.answers else 200
        return web.Response(status=status, text=self.says, content_type="application/json")

    async def wait(self, count: int) -> list[Delivery]:
        async with asyncio.timeout(30), self._arrived:
            await self._arrived.wait_for(lambda: len(self.deliveries) >= count)
        return self.deliveries

    @property
    def events(self) -> list[str]:
        return [delivery.event for delivery in self.deliveries]


@asynccontextmanager
async def serve_sandbox(**settings: Any) -> AsyncIterator[str]:
    """Its address."""
    quick = {"callback_retry_first_s": 0.02, "callback_retry_most_s": 0.1, "data_flush_s": 0.02}
    app = create_app(Settings(**{**quick, **settings}))
    # Named as TCP, or asyncio does not set TCP_NODELAY on what it accepts and every answer waits 40 ms.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        config = uvicorn.Config(app, access_log=False, log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        url = f"http://127.0.0.1:{port}"
        try:
            await until_ready(f"{url}/readyz", serving)
            yield url
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def speak_to(url: str, key_id: str) -> AsyncIterator[Sandbox]:
    async with (
        httpx.AsyncClient(base_url=f"{url}/razorpay/v1", auth=(key_id, KEY_SECRET), timeout=60, verify=NO_TLS) as api,
        httpx.AsyncClient(base_url=f"{url}/control", timeout=60, verify=NO_TLS) as control,
    ):
        yield Sandbox(url, key_id, api, control)


@asynccontextmanager
async def run_sandbox(**settings: Any) -> AsyncIterator[Sandbox]:
    async with serve_sandbox(**settings) as url, speak_to(url, "rzp_test_SandboxTest01") as sandbox:
        yield sandbox


async def until_ready(url: str, serving: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(60), httpx.AsyncClient(verify=NO_TLS) as http:
        while not serving.done():
            try:
                if (await http.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.01)
        serving.result()


@pytest.fixture(scope="session")
async def sandbox_url() -> AsyncIterator[str]:
    async with serve_sandbox() as url:
        yield url


@pytest.fixture
async def sandbox(sandbox_url: str) -> AsyncIterator[Sandbox]:
    """The session's sandbox with a fresh account, which has no endpoint for callbacks; no faults, no latency."""
    async with speak_to(sandbox_url, f"rzp_test_{uuid4().hex}") as sandbox:
        await sandbox.register()
        yield sandbox
        await sandbox.control.delete("/faults")
        await sandbox.ask("/latency", ms=0)
        await sandbox.control.delete(f"/razorpay/accounts/{sandbox.key_id}")


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pause]:
    one = Pause(monkeypatch)
    yield one
    one.end()


@pytest.fixture
def running() -> Callable[..., Any]:
    """`async with running(**settings) as sandbox`, for tests that need settings or a restart."""
    return run_sandbox


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    received = Receiver()
    app = web.Application()
    app.router.add_post("/callbacks/razorpay/token", received.handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    received.url = f"http://127.0.0.1:{port}/callbacks/razorpay/token"
    yield received
    await runner.cleanup()


@pytest.fixture
def specs() -> Path:
    """The reference folder with the providers' own samples; it is not part of the repository."""
    here = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("ONEROUTER_SPECS_DIR", here.parent / "shared" / "specs"))
    if not (folder / "webhook-samples").is_dir():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return folder
