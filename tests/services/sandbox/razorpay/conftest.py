"""An account that does more than orders: calls that must succeed, and its own clock."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Sandbox

DAY = 86_400


@dataclass
class Shop:
    sandbox: "Sandbox"

    async def call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.sandbox.api.request(method, path, json=body or None)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def made(self, path: str, **body: Any) -> dict[str, Any]:
        return await self.call("POST", path, **body)

    async def got(self, path: str) -> dict[str, Any]:
        return await self.call("GET", path)

    async def refused(self, method: str, path: str, **body: Any) -> str:
        """The description of a 400."""
        answer = await self.sandbox.api.request(method, path, json=body or None)
        assert answer.status_code == 400, answer.text
        return str(answer.json()["error"]["description"])

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        """Of the control API."""
        return await self.sandbox.ask(f"/razorpay{path}", **body)

    async def advance(self, seconds: float) -> None:
        await self.ask(f"/accounts/{self.sandbox.key_id}/clock/advance", seconds=seconds)

    async def advance_to(self, moment: float) -> None:
        """Just past it."""
        await self.advance(moment - await self.now() + 1)

    async def now(self) -> int:
        return int((await self.sandbox.show(f"/razorpay/accounts/{self.sandbox.key_id}/clock"))["now"])

    async def events(self, group: str) -> list[str]:
        """Of one thing, in the order in which they were owed."""
        return [each["event"] for each in (await self.sandbox.callbacks(group=group))["data"]]

    async def effects(self, kind: str) -> list[str | None]:
        """The references of all effects of a kind."""
        return [each["reference"] for each in await self.sandbox.effects(kind=kind)]


@pytest.fixture
async def shop(sandbox: "Sandbox") -> AsyncIterator[Shop]:
    """Its callbacks go nowhere, but are owed."""
    await sandbox.register(webhook_url="http://127.0.0.1:9/")
    yield Shop(sandbox)
