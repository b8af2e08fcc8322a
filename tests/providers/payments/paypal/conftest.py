"""PayPal's simulator on a real port, an app of its own for each test, and the clients under test."""

import asyncio
import itertools
import os
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from onerouter_providers.capability import PaymentSnapshot
from onerouter_providers.http import open_pool
from onerouter_providers.loader import Providers
from onerouter_providers.payments.paypal.client import PayPalPayments
from onerouter_providers.testing.payments_suite import Act, FaultKind
from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings

_SECRET: Final = "ELs3cretOfTheLab0123456789abcdef"
_OPERATION: Final[Mapping[Act, str]] = {
    "create": "orders.create",
    "complete": "orders.[ca][au]*",
    "capture": "authorizations.capture",
    "refund": "captures.refund",
    "find": "orders.get",
}
_EFFECT: Final[Mapping[Act, str]] = {
    "create": "order.created",
    "complete": "payment.captured",
    "capture": "payment.captured",
    "refund": "refund.created",
}
_FAULT: Final[Mapping[FaultKind, Mapping[str, Any]]] = {
    "timeout_before": {"kind": "timeout_before_effect", "hold_s": 5},
    "timeout_after": {"kind": "timeout_after_effect", "hold_s": 5},
    "cut": {"kind": "refuse_connection"},
    "throttle": {"kind": "throttle_429", "retry_after_s": 3},
    "error_json": {"kind": "error_5xx", "status": 502},
    "error_html": {"kind": "error_5xx", "status": 503, "body": "html"},
}
_DECLINES: Final = {"insufficient_funds": "5120", "card_declined": "5100", "expired_card": "5400"}
_accounts = itertools.count(1)


@dataclass(frozen=True)
class PayPalLab:
    """A `PaymentsLab` over the sandbox."""

    url: str
    pool: httpx.AsyncBaseTransport
    control: httpx.AsyncClient
    client_id: str
    secrets: tuple[str, ...] = (_SECRET,)

    @property
    def wrong_credentials(self) -> Mapping[str, str]:
        return {"client_secret": "wr0ngSecretOfNobody99999"}

    def client(
        self,
        *,
        timeout_s: float = 5.0,
        base_url: str | None = None,
        credentials: Mapping[str, str] | None = None,
        pool: httpx.AsyncBaseTransport | None = None,
    ) -> PayPalPayments:
        package = Providers.load().find("payments", "paypal")
        assert package is not None
        given = {"client_id": self.client_id, "client_secret": _SECRET, **(credentials or {})}
        client: PayPalPayments = package.open(
            {name: SecretStr(value) for name, value in given.items()},
            http=pool or self.pool,
            environment="test",
            base_url=base_url or f"{self.url}/paypal",
            timeout_s=timeout_s,
        )
        return client

    async def pay(self, payment: PaymentSnapshot, *, decline: str | None = None) -> None:
        how = {"decline": _DECLINES.get(decline, decline)} if decline else {}
        await self.ask(f"/paypal/orders/{payment.provider_order_id}/approve", **how)

    async def fault(self, kind: FaultKind, act: Act) -> None:
        await self.ask("/faults", operation=_OPERATION[act], key_id=self.client_id, times=1, **_FAULT[kind])

    async def effects(self, act: Act, reference: str) -> int:
        if act in (
            "complete",
            "capture",
        ):  # the books name the order's payment, of which there may be no second capture
            captured = (await self.ledger(kind=_EFFECT[act]))["data"]
            orders = {one["reference"] for one in captured if one["object_id"] == reference}
            return sum(one["reference"] in orders for one in captured)
        return len((await self.ledger(kind=_EFFECT[act], reference=reference))["data"])

    async def ledger(self, **filters: str) -> dict[str, Any]:
        answer = await self.control.get("/ledger", params={"account": self.client_id, "limit": 1_000, **filters})
        return dict(answer.raise_for_status().json())

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        return dict((await self.control.post(path, json=body)).raise_for_status().json())


@pytest.fixture(scope="session")
async def sandbox_url() -> AsyncIterator[str]:
    """One sandbox for all tests of this folder."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            create_app(Settings()), access_log=False, log_level="warning", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        await serving


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[httpx.AsyncBaseTransport]:
    """As in a worker: one pool for all accounts."""
    async with open_pool() as opened:
        yield opened


@pytest.fixture(scope="session")
async def control(sandbox_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{sandbox_url}/control", trust_env=False) as opened:
        yield opened


@pytest.fixture
async def lab(sandbox_url: str, pool: httpx.AsyncBaseTransport, control: httpx.AsyncClient) -> PayPalLab:
    """An app that nobody used before."""
    made = PayPalLab(sandbox_url, pool, control, f"AXLabOfPayPal{next(_accounts):06d}")
    await made.ask("/paypal/accounts", client_id=made.client_id, client_secret=_SECRET)
    return made


@pytest.fixture(scope="session")
def specs() -> Path:
    """The reference folder with the provider's own files; it is not part of the repository."""
    repository = Path(__file__).resolve().parents[4]
    folder = Path(os.environ.get("ONEROUTER_SPECS_DIR", repository.parent / "shared" / "specs"))
    if not (folder / "paypal-checkout_orders_v2.json").is_file():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return folder
