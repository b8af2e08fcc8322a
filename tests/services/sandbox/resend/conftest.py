"""The session's sandbox, with a Resend team of its own for each test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from tests.services.sandbox.conftest import NO_TLS

SECRET: Final = "whsec_b25lcm91dGVyLXRlc3Qtd2ViaG9vay1rZXktMzJieXQ="
EMAIL: Final = {
    "from": "Acme <hello@example.com>",
    "to": "ada@example.net",
    "subject": "Hi",
    "text": "T",
    "tags": [{"name": "onerouter_id", "value": "eml_01"}],
}


@dataclass
class Team:
    """`api` speaks as the team under test, `control` as the operator."""

    account_id: str
    url: str
    api: httpx.AsyncClient
    control: httpx.AsyncClient

    @property
    def api_key(self) -> str:
        return f"re_{self.account_id}_secret"

    async def register(self, **changes: Any) -> dict[str, Any]:
        account = {"account_id": self.account_id, "api_key": self.api_key, "webhook_secret": SECRET, **changes}
        return await self.ask("/resend/accounts", **account)

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.control.post(path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def send(self, key: str | None = None, **changes: Any) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.api.post("/emails", json={**EMAIL, **changes}, headers=headers)

    async def sent(self, key: str | None = None, **changes: Any) -> str:
        answer = await self.send(key, **changes)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def got(self, path: str, **params: Any) -> dict[str, Any]:
        answer = await self.api.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def effects(self) -> list[str | None]:
        params = {"account": self.account_id, "kind": "email.sent"}
        return [each["reference"] for each in (await self.control.get("/ledger", params=params)).json()["data"]]

    async def advance(self, seconds: float) -> None:
        await self.ask(f"/resend/accounts/{self.account_id}/clock/advance", seconds=seconds)


@asynccontextmanager
async def speak_to(url: str, account_id: str) -> AsyncIterator[Team]:
    async with (
        httpx.AsyncClient(base_url=f"{url}/resend", timeout=60, verify=NO_TLS) as api,
        httpx.AsyncClient(base_url=f"{url}/control", timeout=60, verify=NO_TLS) as control,
    ):
        team = Team(account_id, url, api, control)
        api.headers["Authorization"] = f"Bearer {team.api_key}"
        yield team


@pytest.fixture
async def team(sandbox_url: str) -> AsyncIterator[Team]:
    async with speak_to(sandbox_url, f"team_{uuid4().hex}") as made:
        await made.register()
        yield made
        await made.control.delete("/faults")
        await made.control.delete(f"/resend/accounts/{made.account_id}")
