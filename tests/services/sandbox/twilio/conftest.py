"""An account at Twilio's simulator, spoken to as Twilio's customers do."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Sandbox

# Everything here is plain HTTP; reading the certificate store for each client would take most of the time.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SERVICE = "MG" + "7" * 32
NUMBER = "+14155550100"
TO = "+14155550111"


@dataclass
class Phone:
    sandbox: "Sandbox"
    sid: str
    http: httpx.AsyncClient

    async def register(self, **changes: Any) -> None:
        account = {
            "account_sid": self.sid,
            "auth_token": TOKEN,
            "numbers": [NUMBER],
            "messaging_services": {SERVICE: [NUMBER]},
            "sent_after_s": 0,
            "delivered_after_s": 0.02,
        }
        await self.ask("/accounts", **{**account, **changes})

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        return await self.sandbox.ask(f"/twilio{path}", **body)

    async def post(self, path: str = "/Messages.json", **form: str) -> httpx.Response:
        return await self.http.post(path, data=form)

    async def send(self, **form: str) -> dict[str, Any]:
        answer = await self.post(**{"To": TO, "From": NUMBER, "Body": "Hello.", **form})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def refused(self, **form: str) -> tuple[int, int]:
        """Status and code."""
        answer = await self.post(**{name: value for name, value in form.items() if value})
        return answer.status_code, int(answer.json()["code"])

    async def get(self, path: str, **params: Any) -> dict[str, Any]:
        answer = await self.http.get(path, params=params or None)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def advance(self, seconds: float) -> None:
        await self.ask(f"/accounts/{self.sid}/clock/advance", seconds=seconds)

    async def effects(self) -> list[dict[str, Any]]:
        return list((await self.sandbox.show("/ledger", account=self.sid))["data"])

    async def delivered(self, sid: str) -> list[dict[str, Any]]:
        """The callbacks about a message, once all of them were."""
        async with asyncio.timeout(30):
            while True:
                owed = (await self.sandbox.show("/callbacks", account=self.sid, group=sid))["data"]
                if all(each["state"] == "delivered" for each in owed):
                    return list(owed)
                await asyncio.sleep(0.01)

    async def events(self, sid: str) -> list[str]:
        owed = await self.sandbox.show("/callbacks", account=self.sid, group=sid)
        return [each["event"] for each in owed["data"]]


@pytest.fixture
async def phone(sandbox: "Sandbox") -> AsyncIterator[Phone]:
    sid = f"AC{uuid4().hex}"
    base = f"{sandbox.url}/twilio/2010-04-01/Accounts/{sid}"
    async with httpx.AsyncClient(base_url=base, auth=(sid, TOKEN), timeout=60, trust_env=False, verify=NO_TLS) as http:
        made = Phone(sandbox, sid, http)
        await made.register()
        yield made
