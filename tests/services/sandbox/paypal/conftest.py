"""The session's sandbox, with a PayPal app of its own for each test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import httpx
import pytest

SECRET = "ELsandbox_client_secret_01"


@dataclass
class Shop:
    """`api` speaks as the app under test (with a token), `control` as the operator."""

    url: str
    client_id: str
    api: httpx.AsyncClient
    control: httpx.AsyncClient

    async def register(self, **changes: Any) -> dict[str, Any]:
        account = {"client_id": self.client_id, "client_secret": SECRET, **changes}
        return await self.ask("/paypal/accounts", **account)

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.control.post(path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def asked(self, path: str, body: Any = None, *, status: int = 201, key: str | None = None) -> dict[str, Any]:
        """What an expected answer says; nothing for one without a body."""
        answer = await self.post(path, body, key=key)
        assert answer.status_code == status, answer.text
        return dict(answer.json()) if answer.content else {}

    async def advance(self, days: float) -> None:
        """Move this app's time forward; what became due has happened then."""
        await self.ask(f"/paypal/accounts/{self.client_id}/clock/advance", seconds=days * 86_400)

    async def sign_in(self) -> None:
        answer = await self.api.post(
            "/v1/oauth2/token", auth=(self.client_id, SECRET), data={"grant_type": "client_credentials"}
        )
        assert answer.status_code == 200, answer.text
        self.api.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    async def post(
        self, path: str, body: Any = None, *, key: str | None = None, minimal: bool = False
    ) -> httpx.Response:
        headers = {} if minimal else {"Prefer": "return=representation"}
        if key is not None:
            headers["PayPal-Request-Id"] = key
        return await self.api.post(path, json={} if body is None else body, headers=headers)

    async def got(self, path: str) -> dict[str, Any]:
        answer = await self.api.get(path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def order(self, **changes: Any) -> dict[str, Any]:
        answer = await self.post("/v2/checkout/orders", order_body(**changes))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def approve(self, order_id: str, **how: Any) -> dict[str, Any]:
        return await self.ask(f"/paypal/orders/{order_id}/approve", **how)

    async def captured(self, **changes: Any) -> dict[str, Any]:
        """The capture of a paid order."""
        order = await self.order(**changes)
        await self.approve(order["id"])
        done = (await self.post(f"/v2/checkout/orders/{order['id']}/capture")).json()
        return dict(done["purchase_units"][0]["payments"]["captures"][0])

    async def decide(self, url: str, action: str) -> httpx.Response:
        """Press a button of a page."""
        path, _, query = url.partition("?")
        return await self.control.post(path, data={**dict(parse_qsl(query)), "action": action})

    async def effects(self, **filters: str) -> list[dict[str, Any]]:
        params = {"account": self.client_id, **filters}
        return list((await self.control.get("/ledger", params=params)).json()["data"])


def order_body(
    value: str = "12.99", currency: str = "USD", intent: str = "CAPTURE", source: bool = True, **unit: Any
) -> dict[str, Any]:
    amount = {"currency_code": currency, "value": value}
    body: dict[str, Any] = {"intent": intent, "purchase_units": [{"amount": amount, **unit}]}
    if source:
        context = {"return_url": "https://shop.example/done?x=1", "cancel_url": "https://shop.example/back"}
        body["payment_source"] = {"paypal": {"experience_context": {**context, "user_action": "PAY_NOW"}}}
    return body


def link_of(thing: dict[str, Any], rel: str) -> str:
    return str(next(one["href"] for one in thing["links"] if one["rel"] == rel))


def issue_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["details"][0]["issue"])


@asynccontextmanager
async def shop_at(url: str, client_id: str) -> AsyncIterator[Shop]:
    async with (
        httpx.AsyncClient(base_url=f"{url}/paypal", timeout=60, trust_env=False) as api,
        httpx.AsyncClient(base_url=f"{url}/control", timeout=60, trust_env=False) as control,
    ):
        shop = Shop(url, client_id, api, control)
        await shop.register()
        await shop.sign_in()
        yield shop


@pytest.fixture
async def shop(sandbox_url: str) -> AsyncIterator[Shop]:
    async with shop_at(sandbox_url, f"AX{uuid4().hex}") as made:
        yield made
        await made.control.delete("/faults")
