"""The session's sandbox, with a Stripe account of its own for each test."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.services.sandbox.conftest import NO_TLS

WEBHOOK_SECRET = "whsec_SandboxTest01"


@dataclass
class Shop:
    """`api` speaks as the account under test, `control` as the operator."""

    url: str
    account_id: str
    secret_key: str
    api: httpx.AsyncClient
    control: httpx.AsyncClient

    async def register(self, **changes: Any) -> dict[str, Any]:
        account = {
            "account_id": self.account_id,
            "secret_key": self.secret_key,
            "webhook_secret": WEBHOOK_SECRET,
            **changes,
        }
        return await self.ask("/stripe/accounts", **account)

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.control.post(path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def post(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.api.post(path, data=dict(form or {}), headers=sent)

    async def made(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> dict[str, Any]:
        answer = await self.post(path, form, **headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def got(self, path: str, **params: str) -> dict[str, Any]:
        answer = await self.api.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def intent(self, **changes: str) -> dict[str, Any]:
        return await self.made("/payment_intents", {"amount": "1299", "currency": "usd", **changes})

    async def session(self, **changes: str) -> dict[str, Any]:
        price = "line_items[0][price_data]"
        item = {
            "line_items[0][quantity]": "1",
            f"{price}[currency]": "usd",
            f"{price}[unit_amount]": "1299",
            f"{price}[product_data][name]": "Tea & <Co>",
        }
        form = {"mode": "payment", "success_url": "https://shop.example/done", **item, **changes}
        return await self.made("/checkout/sessions", form)

    async def pay(self, payment_id: str, **how: Any) -> dict[str, Any]:
        return await self.ask(f"/stripe/payments/{payment_id}/pay", **how)

    async def paid(self, **changes: str) -> str:
        """The id of an intent that succeeded."""
        intent = await self.intent(**changes)
        await self.pay(intent["id"])
        return str(intent["id"])

    async def effects(self, **filters: Any) -> list[dict[str, Any]]:
        answer = await self.control.get("/ledger", params={"account": self.account_id, **filters})
        return list(answer.json()["data"])


@asynccontextmanager
async def speak_to(url: str) -> AsyncIterator[Shop]:
    name = uuid4().hex
    secret_key = f"sk_test_{name}"
    async with (
        httpx.AsyncClient(
            base_url=f"{url}/stripe/v1", headers={"Authorization": f"Bearer {secret_key}"}, timeout=60, verify=NO_TLS
        ) as api,
        httpx.AsyncClient(base_url=f"{url}/control", timeout=60, verify=NO_TLS) as control,
    ):
        yield Shop(url, f"acct_{name}", secret_key, api, control)


@pytest.fixture
async def shop(sandbox_url: str) -> AsyncIterator[Shop]:
    """An account without an endpoint for callbacks; no faults."""
    async with speak_to(sandbox_url) as shop:
        await shop.register()
        yield shop
        await shop.control.delete("/faults")
        await shop.control.delete(f"/stripe/accounts/{shop.account_id}")
