"""Mailgun's simulator on a real port, a domain of its own for each test, and the clients under test."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final, Literal

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.payments.inbox import Inbox, serving

from onerouter_common.ids import new_id
from onerouter_providers.email.mailgun import webhook
from onerouter_providers.email.mailgun.client import MailgunEmail
from onerouter_providers.http import ProviderHttp, open_pool
from onerouter_providers.loader import GROUP, ProviderPackage, Providers
from onerouter_providers.manifest import CapabilityFacts
from onerouter_providers.messages import Address, EmailRequest
from onerouter_providers.testing.messages_suite import Act, Fate
from onerouter_providers.testing.payments_suite import FaultKind
from onerouter_providers.webhook import ProviderEvent
from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings

API_KEY: Final = "key-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SIGNING_KEY: Final = "signing-00000000000000000001"
_OPERATION: Final[Mapping[Act, str]] = {"send": "messages.send", "find": "events.list", "get": "events.list"}
_FAULT: Final[Mapping[FaultKind, Mapping[str, Any]]] = {
    "timeout_before": {"kind": "timeout_before_effect", "hold_s": 5},
    "timeout_after": {"kind": "timeout_after_effect", "hold_s": 5},
    "cut": {"kind": "refuse_connection"},
    "throttle": {"kind": "throttle_429", "retry_after_s": 3},
    "error_json": {"kind": "error_5xx", "status": 502},
    "error_html": {"kind": "error_5xx", "status": 503, "body": "html"},
}
_FATE: Final[Mapping[Fate, str]] = {"delivered": "delivered", "failed": "bounced"}
_numbers = itertools.count(1)


def package() -> ProviderPackage:
    """As the loader makes it; it is not registered before the service that uses it is there."""
    entry_point = EntryPoint("email.mailgun", "onerouter_providers.email.mailgun", GROUP)
    found = Providers.load([entry_point]).find("email", "mailgun")
    assert found is not None
    return found


@dataclass(frozen=True)
class MailgunLab:
    """A `MessagesLab` over the sandbox."""

    url: str
    pool: httpx.AsyncBaseTransport
    control: httpx.AsyncClient
    inbox: Inbox
    domain: str
    category: Literal["sms", "email"] = "email"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.api_key, SIGNING_KEY)

    @property
    def api_key(self) -> str:
        return f"{API_KEY}-{self.domain.partition('.')[0]}"

    @property
    def wrong_credentials(self) -> Mapping[str, str]:
        return {"api_key": "key-of-nobody-000000000000000000"}

    def client(
        self, *, timeout_s: float = 5.0, base_url: str | None = None, credentials: Mapping[str, str] | None = None
    ) -> MailgunEmail:
        given = {"api_key": self.api_key, "domain": self.domain, **(credentials or {})}
        client: MailgunEmail = package().open(
            {name: SecretStr(value) for name, value in given.items()},
            http=self.pool,
            environment="test",
            base_url=base_url or f"{self.url}/mailgun",
            timeout_s=timeout_s,
        )
        return client

    def find_capability(self, name: str) -> CapabilityFacts | None:
        return package().manifest.find_capability(name)

    def request(self, text: str | None = "Your code is 4711.", to: str | None = None, **more: Any) -> EmailRequest:
        return EmailRequest(
            message_id=new_id("eml"),
            sender=Address(f"shop@{self.domain}", "Zoë's Shop"),
            to=[Address(to or f"user{next(_numbers)}@example.net")],
            **{"subject": "Your code", "text": text, **more},
        )

    def refused(self) -> EmailRequest:
        return self.request(to="somebody@localhost")

    async def fault(self, kind: FaultKind, act: Act) -> None:
        await self.ask("/faults", operation=_OPERATION[act], key_id=self.domain, times=1, **_FAULT[kind])

    async def effects(self, request: Any) -> int:
        return len(await self.ledger(kind="email.sent", reference=request.message_id))

    async def text_of(self, provider_message_id: str) -> str:
        return str((await self.mail(provider_message_id))["text"])

    async def catch_up(self) -> None:
        """The events of this domain lag behind by nothing."""

    async def advance(self, seconds: float) -> None:
        await self.ask(f"/mailgun/accounts/{self.domain}/clock/advance", seconds=seconds)

    async def decide(self, provider_message_id: str, fate: Fate, **more: Any) -> None:
        """Mailgun tells of no moment between accepted and delivered."""
        if fate != "sent":
            await self.happens(provider_message_id, _FATE[fate], **more)

    async def happens(self, provider_message_id: str, fate: str, **more: Any) -> None:
        await self.ask(f"/mailgun/messages/{provider_message_id}/decide", fate=fate, **more)

    async def told(self, provider_message_id: str) -> Sequence[ProviderEvent]:
        async with asyncio.timeout(5):
            while (await self.show("/callbacks", account=self.domain, state="pending"))["data"]:
                await asyncio.sleep(0.01)
        events = []
        for headers, body in self.inbox.came.get(self.domain, []):
            webhook.verify(body, headers, {"webhook_signing_key": SecretStr(SIGNING_KEY)})
            event = webhook.parse(body, headers)
            if event is not None and event.object.provider_id == provider_message_id:
                events.append(event)
        return events

    async def mail(self, provider_message_id: str) -> dict[str, Any]:
        return await self.show(f"/mailgun/messages/{provider_message_id}")

    async def ledger(self, **filters: str) -> list[dict[str, Any]]:
        return list((await self.show("/ledger", account=self.domain, **filters))["data"])

    async def register(self, **changes: Any) -> None:
        account = {
            "domain": self.domain,
            "api_key": self.api_key,
            "delivery": "manual",
            "webhook_url": f"{self.inbox.url}/{self.domain}",
            "webhook_signing_key": SIGNING_KEY,
        }
        await self.ask("/mailgun/accounts", **{**account, **changes})

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        return dict((await self.control.post(path, json=body)).raise_for_status().json())

    async def show(self, path: str, **params: Any) -> dict[str, Any]:
        return dict((await self.control.get(path, params=params)).raise_for_status().json())


@pytest.fixture(scope="session")
async def inbox() -> AsyncIterator[Inbox]:
    made = Inbox()
    async with serving(made) as made.url:
        yield made


@pytest.fixture(scope="session")
async def sandbox_url() -> AsyncIterator[str]:
    """One sandbox for all tests of this folder."""
    async with serving(create_app(Settings())) as url:
        yield url


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
async def lab(sandbox_url: str, pool: httpx.AsyncBaseTransport, control: httpx.AsyncClient, inbox: Inbox) -> MailgunLab:
    """A domain that nobody used before."""
    made = MailgunLab(sandbox_url, pool, control, inbox, f"mg{next(_numbers)}.example.com")
    await made.register()
    return made


@pytest.fixture(scope="session")
def specs() -> Path:
    """The reference folder with the providers' own samples; it is not part of the repository."""
    repository = Path(__file__).resolve().parents[4]
    folder = Path(os.environ.get("ONEROUTER_SPECS_DIR", repository.parent / "shared" / "specs"))
    if not (folder / "messaging-webhook-vectors.json").is_file():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return folder


class Wire:
    """Answers from memory, and remembers what was asked."""

    def __init__(self) -> None:
        self.answer = httpx.Response(200, json={"id": "<x@mg.example.com>", "message": "Queued. Thank you."})
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answer


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def client(wire: Wire) -> AsyncIterator[MailgunEmail]:
    async with httpx.MockTransport(wire) as pool:
        http = ProviderHttp(pool, provider="mailgun", display_name="Mailgun")
        yield MailgunEmail(http, base_url="https://mg.test", api_key=SecretStr(API_KEY), domain="mg.example.com")
