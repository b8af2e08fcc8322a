"""SendGrid's simulator with an account of its own for each test; every call is judged by SendGrid's own descriptions."""

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.email.lab import EmailLab, package_of
from tests.providers.email.openapi import Description, Judge, Recorder, specs
from tests.providers.payments.inbox import Inbox

from onerouter_providers.email.sendgrid import webhook
from onerouter_providers.testing.messages_suite import Act, Fate

_FILES: Final = ("sendgrid-mail.openapi.json", "sendgrid-logs.openapi.json", "sendgrid-templates.openapi.json")
_EVENTS: Final[dict[Fate, str]] = {"sent": "processed", "delivered": "delivered", "failed": "bounce"}
_numbers = itertools.count(1)


@dataclass
class SendGridLab(EmailLab):
    provider = "sendgrid"
    operations: ClassVar[dict[Act, str]] = {
        "send": "mail.send",
        "find": "logs.search",
        "get": "logs.search",
        "cancel": "scheduled_sends.create",
    }
    public_key: str = field(default="", init=False)

    @property
    def credentials(self) -> dict[str, str]:
        return {"api_key": f"SG.{self.account_id:_<22}.{'k' * 43}"}

    @property
    def wrong_credentials(self) -> dict[str, str]:
        return {"api_key": f"SG.{'n' * 22}.{'w' * 43}"}

    @property
    def callback_secrets(self) -> dict[str, SecretStr]:
        return {"webhook_public_key": SecretStr(self.public_key)}

    async def register(self, **changes: object) -> None:
        account = {
            "account_id": self.account_id,
            **self.credentials,
            "webhook_url": f"{self.inbox.url}/{self.account_id}",
            "fate": "none",
        }
        self.public_key = (await self.ask("/sendgrid/accounts", **(account | changes)))["webhook_public_key"]

    async def message(self, provider_message_id: str) -> dict[str, Any]:
        return await self.show(f"/sendgrid/messages/{provider_message_id.partition('.')[0]}")

    async def text_of(self, provider_message_id: str) -> str:
        return str((await self.message(provider_message_id))["envelopes"][0]["text"])

    async def decide(self, provider_message_id: str, fate: Fate) -> None:
        await self.happen(provider_message_id, _EVENTS[fate])

    async def happen(self, provider_message_id: str, event: str, **details: Any) -> None:
        stem = provider_message_id.partition(".")[0]
        await self.ask(f"/sendgrid/messages/{stem}/events", event=event, details=details)


@pytest.fixture(scope="session")
async def recorder() -> AsyncIterator[Recorder]:
    """As in a worker: one pool for all accounts."""
    async with Recorder("/sendgrid") as opened:
        yield opened


@pytest.fixture
async def lab(sandbox_url: str, recorder: Recorder, control: httpx.AsyncClient, inbox: Inbox) -> SendGridLab:
    """An account that nobody used before."""
    made = SendGridLab(
        sandbox_url, recorder, control, inbox, f"sg{next(_numbers):06d}", package_of("sendgrid"), webhook
    )
    await made.register()
    return made


@pytest.fixture(scope="session")
def judge() -> Judge | None:
    """None where the reference folder is missing: what can be tested without it still is.

    Scopes and scheduled sends are described by files that the folder does not have.
    """
    files = [specs() / name for name in _FILES]
    if not all(file.is_file() for file in files):
        return None
    return Judge(tuple(Description(file) for file in files), ("/v3/scopes", "/v3/user/scheduled_sends"))


@pytest.fixture(autouse=True)
def judged(recorder: Recorder, judge: Judge | None) -> Iterator[None]:
    recorder.take()
    yield
    heard = [each for each in recorder.take() if each.status < 400]
    if judge is not None:
        assert [complaint for each in heard for complaint in judge.complaints(each)] == []
