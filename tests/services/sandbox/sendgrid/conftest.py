"""The session's sandbox, with a SendGrid account of its own for each test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.services.sandbox.conftest import NO_TLS


def mail(*to: str, **changes: Any) -> dict[str, Any]:
    """The body of a request to send to these, who see each other."""
    people = [{"email": email} for email in to or ("ada@example.net",)]
    return {
        "personalizations": [{"to": people, "custom_args": {"onerouter_id": "eml_01"}}],
        "from": {"email": "hello@example.com"},
        "subject": "Hi",
        "content": [{"type": "text/plain", "value": "T"}],
        **changes,
    }


@dataclass
class Shop:
    """`api` speaks as the account under test, `control` as the operator."""

    account_id: str
    url: str
    api: httpx.AsyncClient
    control: httpx.AsyncClient

    @property
    def api_key(self) -> str:
        return f"SG.{self.account_id:_<22}.{'k' * 43}"

    async def register(self, **changes: Any) -> dict[str, Any]:
        return await self.ask(
            "/sendgrid/accounts", **{"account_id": self.account_id, "api_key": self.api_key, **changes}
        )

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.control.post(path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def send(self, body: dict[str, Any]) -> httpx.Response:
        return await self.api.post("/mail/send", json=body)

    async def sent(self, *to: str, **changes: Any) -> str:
        answer = await self.send(mail(*to, **changes))
        assert (answer.status_code, answer.content) == (202, b""), answer.text
        return str(answer.headers["x-message-id"])

    async def batch(self) -> str:
        return str((await self.api.post("/mail/batch")).json()["batch_id"])

    async def logged(self, query: str = "", limit: int = 100) -> list[dict[str, Any]]:
        answer = await self.api.post("/logs", json={"query": query, "limit": limit})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["messages"])

    async def effects(self) -> list[str | None]:
        params = {"account": self.account_id, "kind": "email.sent"}
        return [each["reference"] for each in (await self.control.get("/ledger", params=params)).json()["data"]]

    async def advance(self, seconds: float) -> None:
        await self.ask(f"/sendgrid/accounts/{self.account_id}/clock/advance", seconds=seconds)


@asynccontextmanager
async def speak_to(url: str, account_id: str) -> AsyncIterator[Shop]:
    async with (
        httpx.AsyncClient(base_url=f"{url}/sendgrid/v3", timeout=60, verify=NO_TLS) as api,
        httpx.AsyncClient(base_url=f"{url}/control", timeout=60, verify=NO_TLS) as control,
    ):
        shop = Shop(account_id, url, api, control)
        api.headers["Authorization"] = f"Bearer {shop.api_key}"
        yield shop


@pytest.fixture
async def shop(sandbox_url: str) -> AsyncIterator[Shop]:
    async with speak_to(sandbox_url, f"sg{uuid4().hex[:12]}") as made:
        await made.register()
        yield made
        await made.control.delete("/faults")
        await made.control.delete(f"/sendgrid/accounts/{made.account_id}")
