"""What the labs of both SMS providers have in common."""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any, Final, Literal

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from onerouter_providers.loader import GROUP, ProviderPackage, Providers
from onerouter_providers.manifest import CapabilityFacts
from onerouter_providers.testing.payments_suite import FaultKind

FAULTS: Final[Mapping[FaultKind, Mapping[str, Any]]] = {
    "timeout_before": {"kind": "timeout_before_effect", "hold_s": 5},
    "timeout_after": {"kind": "timeout_after_effect", "hold_s": 5},
    "cut": {"kind": "refuse_connection"},
    "throttle": {"kind": "throttle_429", "retry_after_s": 3},
    "error_json": {"kind": "error_5xx", "status": 502},
    "error_html": {"kind": "error_5xx", "status": 503, "body": "html"},
}
_recipients = itertools.count(14155500000)


def package(provider: str) -> ProviderPackage:
    """As its entry point would load it."""
    name, module = f"sms.{provider}", f"onerouter_providers.sms.{provider}"
    found = Providers.load([EntryPoint(name, module, GROUP)]).find("sms", provider)
    assert found is not None
    return found


def new_recipient() -> str:
    """A number that nobody else uses."""
    return f"+{next(_recipients)}"


@dataclass
class Came:
    """One callback as it arrived."""

    address: str
    headers: dict[str, str]
    body: bytes


class Inbox:
    """What was called back, by the path it was called at."""

    def __init__(self) -> None:
        self.url = ""
        self.came: dict[str, list[Came]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        came = Came(str(request.url), dict(request.headers), await request.body())
        self.came.setdefault(request.url.path.strip("/"), []).append(came)
        await Response(status_code=200)(scope, receive, send)


@dataclass(frozen=True)
class SmsLab:
    """The neutral half of a `MessagesLab` over the sandbox. `account`: as faults, clocks and the ledger know it."""

    provider: str
    account: str
    url: str
    pool: httpx.AsyncBaseTransport
    control: httpx.AsyncClient
    operations: Mapping[str, str]
    """Act → the sandbox's name of the wire call."""
    category: Literal["sms"] = field(default="sms")

    def find_capability(self, name: str) -> CapabilityFacts | None:
        return package(self.provider).manifest.find_capability(name)

    async def fault(self, kind: FaultKind, act: str) -> None:
        await self.ask("/faults", operation=self.operations[act], key_id=self.account, times=1, **FAULTS[kind])

    async def catch_up(self) -> None:
        """The sandbox's lists are never behind, unless an account asks for it."""

    async def advance(self, seconds: float) -> None:
        await self.ask(f"/{self.provider}/accounts/{self.account}/clock/advance", seconds=seconds)

    async def until_quiet(self) -> None:
        """Until the sandbox owes the account no callback any more."""
        async with asyncio.timeout(60):
            while await self._owed():
                await asyncio.sleep(0.01)

    async def _owed(self) -> bool:
        answer = await self.control.get("/callbacks", params={"account": self.account, "state": "pending"})
        return bool(answer.raise_for_status().json()["data"])

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        return dict((await self.control.post(path, json=body)).raise_for_status().json())

    async def show(self, path: str, **params: Any) -> Any:
        return (await self.control.get(path, params=params)).raise_for_status().json()["data"]
