"""Resend's simulator with a team of its own for each test; every call is judged by Resend's own description."""

import itertools
from collections.abc import AsyncIterator, Iterator
from typing import ClassVar, Final

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.email.lab import EmailLab, package_of
from tests.providers.email.openapi import Description, Judge, Recorder, specs
from tests.providers.payments.inbox import Inbox

from onerouter_providers.email.resend import webhook
from onerouter_providers.testing.messages_suite import Act, Fate

_SECRET: Final = "whsec_b25lcm91dGVyLXRlc3Qtd2ViaG9vay1rZXktMzJieXQ="
_EVENTS: Final[dict[Fate, str]] = {"sent": "sent", "delivered": "delivered", "failed": "bounced"}
_numbers = itertools.count(1)


class ResendLab(EmailLab):
    provider = "resend"
    operations: ClassVar[dict[Act, str]] = {
        "send": "emails.send",
        "find": "emails.list",
        "get": "emails.retrieve",
        "cancel": "emails.cancel",
    }

    @property
    def credentials(self) -> dict[str, str]:
        return {"api_key": f"re_Of_{self.account_id}_Secret"}

    @property
    def wrong_credentials(self) -> dict[str, str]:
        return {"api_key": "re_Nobodys_Key_0001"}

    @property
    def callback_secrets(self) -> dict[str, SecretStr]:
        return {"webhook_secret": SecretStr(_SECRET)}

    async def register(self, **changes: object) -> None:
        account = {
            "account_id": self.account_id,
            **self.credentials,
            "webhook_url": f"{self.inbox.url}/{self.account_id}",
            "webhook_secret": _SECRET,
            "fate": "none",
        }
        await self.ask("/resend/accounts", **(account | changes))

    async def text_of(self, provider_message_id: str) -> str:
        return str((await self.show(f"/resend/emails/{provider_message_id}"))["text"])

    async def decide(self, provider_message_id: str, fate: Fate) -> None:
        await self.ask(f"/resend/emails/{provider_message_id}/events", event=_EVENTS[fate])


@pytest.fixture(scope="session")
async def recorder() -> AsyncIterator[Recorder]:
    """As in a worker: one pool for all accounts."""
    async with Recorder("/resend") as opened:
        yield opened


@pytest.fixture
async def lab(sandbox_url: str, recorder: Recorder, control: httpx.AsyncClient, inbox: Inbox) -> ResendLab:
    """A team that nobody used before."""
    made = ResendLab(sandbox_url, recorder, control, inbox, f"team_{next(_numbers):06d}", package_of("resend"), webhook)
    await made.register()
    return made


@pytest.fixture(scope="session")
def judge() -> Judge | None:
    """None where the reference folder is missing: what can be tested without it still is.

    Resend shows when an email is scheduled for, and a template needs no subject: its description says neither.
    """
    file = specs() / "resend.openapi.json"
    return Judge((Description(file),), ("scheduled_at", "'subject' is a required property")) if file.is_file() else None


@pytest.fixture(autouse=True)
def judged(recorder: Recorder, judge: Judge | None) -> Iterator[None]:
    recorder.take()
    yield
    heard = [each for each in recorder.take() if each.status < 400]
    if judge is not None:
        assert [complaint for each in heard for complaint in judge.complaints(each)] == []
