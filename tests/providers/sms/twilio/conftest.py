"""Twilio's simulator, an account of its own for each test, and the client under test."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.sms.lab import Inbox, SmsLab, new_recipient, package

from onerouter_common.ids import new_id
from onerouter_providers.messages import SmsRequest
from onerouter_providers.sms.twilio.client import TwilioSms
from onerouter_providers.webhook import ADDRESS_HEADER, ProviderEvent

AUTH_TOKEN: Final = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
API_SECRET: Final = "s3cretOfTheLab0123456789abcdefgh"
SERVICE: Final = "MG" + "7" * 32
NUMBER: Final = "+15005550006"
_accounts = itertools.count(1)
_OPERATIONS: Final = {
    "send": "messages.create",
    "find": "messages.list",
    "get": "messages.get",
    "cancel": "messages.cancel",
}
_FATES: Final = {"sent": "sent", "delivered": "delivered", "failed": "undelivered"}


def api_key_of(account: str) -> str:
    return "SK" + account[2:]


@dataclass(frozen=True)
class TwilioLab(SmsLab):
    """A `MessagesLab` over the sandbox."""

    inbox: Inbox = field(default_factory=Inbox)
    secrets: tuple[str, ...] = (API_SECRET, AUTH_TOKEN)

    @property
    def wrong_credentials(self) -> Mapping[str, str]:
        return {"api_key_secret": "wr0ngSecretOfNobody9999999999999"}

    def client(
        self, *, timeout_s: float = 5.0, base_url: str | None = None, credentials: Mapping[str, str] | None = None
    ) -> TwilioSms:
        given = {
            "account_sid": self.account,
            "api_key_sid": api_key_of(self.account),
            "api_key_secret": API_SECRET,
            "messaging_service_sid": SERVICE,
            **(credentials or {}),
        }
        client: TwilioSms = package("twilio").open(
            {name: SecretStr(value) for name, value in given.items()},
            http=self.pool,
            environment="test",
            base_url=base_url or f"{self.url}/twilio",
            timeout_s=timeout_s,
        )
        return client

    def request(self, text: str = "Your code is 4711.") -> SmsRequest:
        callback_url = f"{self.inbox.url}/{self.account}?token=4711"
        return SmsRequest(new_id("sms"), new_recipient(), text, callback_url=callback_url)

    def refused(self) -> SmsRequest:
        return SmsRequest(new_id("sms"), "+15005550001", "Hello.")

    async def effects(self, request: SmsRequest) -> int:
        params = {"kind": "sms.sent", "account": self.account, "reference": request.message_id}
        return len(await self.show("/ledger", **params))

    async def text_of(self, provider_message_id: str) -> str:
        messages = await self.show(f"/twilio/accounts/{self.account}/messages")
        return next(str(one["body"]) for one in messages if one["sid"] == provider_message_id)

    async def decide(self, provider_message_id: str, fate: str) -> None:
        await self.ask(f"/twilio/messages/{provider_message_id}/decide", status=_FATES[fate])

    async def told(self, provider_message_id: str) -> list[ProviderEvent]:
        return [one for one in await self.events() if one.object.provider_id == provider_message_id]

    async def events(self) -> list[ProviderEvent]:
        """All that came for the account, verified and parsed."""
        await self.until_quiet()
        webhook = package("twilio").webhook
        assert webhook is not None
        events = []
        for came in self.inbox.came.get(self.account, []):
            headers = {**came.headers, ADDRESS_HEADER: came.address}
            secrets = {"auth_token": SecretStr(AUTH_TOKEN), "account_sid": SecretStr(self.account)}
            webhook.verify(came.body, headers, secrets)  # type: ignore[call-arg]
            event = webhook.parse(came.body, headers)
            assert event is not None
            assert webhook.identify(came.body, headers) == (event.id, event.type)
            events.append(event)
        return events


@pytest.fixture
async def lab(sandbox_url: str, pool: httpx.AsyncBaseTransport, control: httpx.AsyncClient, inbox: Inbox) -> TwilioLab:
    """An account that nobody used before."""
    account = f"AC{next(_accounts):032x}"
    made = TwilioLab("twilio", account, sandbox_url, pool, control, _OPERATIONS, inbox=inbox)
    await made.ask(
        "/twilio/accounts",
        account_sid=account,
        auth_token=AUTH_TOKEN,
        api_keys=[{"sid": api_key_of(account), "secret": API_SECRET}],
        numbers=[NUMBER, "+14155550100"],
        messaging_services={SERVICE: [NUMBER]},
        contents={"HX" + "c" * 32: "Hi {{1}}, number {{ 2 }}."},
        webhook_url=f"{inbox.url}/{account}",
        delivery="manual",
    )
    return made
