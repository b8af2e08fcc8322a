"""Mailgun's simulator, a domain of its own for each test, and the clients under test."""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar, Final

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.email.lab import EmailLab, message, package_of
from tests.providers.payments.inbox import Inbox

from onerouter_providers.email.mailgun import webhook
from onerouter_providers.email.mailgun.client import MailgunEmail
from onerouter_providers.http import ProviderHttp, open_pool
from onerouter_providers.loader import ProviderPackage
from onerouter_providers.messages import Address, EmailRequest
from onerouter_providers.testing.messages_suite import Act, Fate
from onerouter_providers.webhook import ProviderEvent

API_KEY: Final = "key-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SIGNING_KEY: Final = "signing-00000000000000000001"
_FATE: Final[Mapping[Fate, str]] = {"delivered": "delivered", "failed": "bounced"}
_numbers = itertools.count(1)


def package() -> ProviderPackage:
    return package_of("mailgun")


class MailgunLab(EmailLab):
    provider = "mailgun"
    operations: ClassVar[dict[Act, str]] = {"send": "messages.send", "find": "events.list", "get": "events.list"}

    @property
    def domain(self) -> str:
        return self.account_id

    @property
    def api_key(self) -> str:
        return f"{API_KEY}-{self.domain.partition('.')[0]}"

    @property
    def credentials(self) -> dict[str, str]:
        return {"api_key": self.api_key, "domain": self.domain}

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.api_key, SIGNING_KEY)

    @property
    def wrong_credentials(self) -> dict[str, str]:
        return {"api_key": "key-of-nobody-000000000000000000"}

    @property
    def callback_secrets(self) -> dict[str, SecretStr]:
        return {"webhook_signing_key": SecretStr(SIGNING_KEY)}

    def request(self, text: str | None = "Your code is 4711.", to: str | None = None, **more: Any) -> EmailRequest:
        sender = Address(f"shop@{self.domain}", "Zoë's Shop")
        return message(sender=sender, text=text, **({} if to is None else {"to": [Address(to)]}), **more)

    async def text_of(self, provider_message_id: str) -> str:
        return str((await self.mail(provider_message_id))["text"])

    async def decide(self, provider_message_id: str, fate: Fate) -> None:
        """Mailgun tells of no moment between accepted and delivered."""
        if fate != "sent":
            await self.happens(provider_message_id, _FATE[fate])

    async def happens(self, provider_message_id: str, fate: str, **more: Any) -> None:
        await self.ask(f"/mailgun/messages/{provider_message_id}/decide", fate=fate, **more)

    async def told(self, provider_message_id: str) -> Sequence[ProviderEvent]:
        await self.settled()
        events = []
        for headers, body in self.inbox.came.get(self.domain, []):
            webhook.verify(body, headers, self.callback_secrets)
            event = webhook.parse(body, headers)
            if event is not None and event.object.provider_id == provider_message_id:
                events.append(event)
        return sorted(events, key=lambda event: event.occurred_at)

    async def mail(self, provider_message_id: str) -> dict[str, Any]:
        return await self.show(f"/mailgun/messages/{provider_message_id}")

    async def register(self, **changes: Any) -> None:
        account = {
            **self.credentials,
            "delivery": "manual",
            "webhook_url": f"{self.inbox.url}/{self.domain}",
            "webhook_signing_key": SIGNING_KEY,
        }
        await self.ask("/mailgun/accounts", **(account | changes))


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[httpx.AsyncBaseTransport]:
    """As in a worker: one pool for all accounts."""
    async with open_pool() as opened:
        yield opened


@pytest.fixture
async def lab(sandbox_url: str, pool: httpx.AsyncBaseTransport, control: httpx.AsyncClient, inbox: Inbox) -> MailgunLab:
    """A domain that nobody used before."""
    made = MailgunLab(sandbox_url, pool, control, inbox, f"mg{next(_numbers)}.example.com", package(), webhook)
    await made.register()
    return made


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
