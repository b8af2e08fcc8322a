"""SNS's simulator, an access key of its own for each test, and the client under test."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.sms.lab import SmsLab, new_recipient, package

from onerouter_common.ids import new_id
from onerouter_providers.messages import SmsRequest
from onerouter_providers.sms.sns.client import SnsSms
from onerouter_providers.webhook import ProviderEvent

SECRET: Final = "s3cretOfTheLab/0123456789abcdefghijklmno"
_accounts = itertools.count(1)
_OPERATIONS: Final = {"send": "Publish"}


@dataclass(frozen=True)
class SnsLab(SmsLab):
    """A `MessagesLab` over the sandbox."""

    secrets: tuple[str, ...] = (SECRET,)

    @property
    def wrong_credentials(self) -> Mapping[str, str]:
        return {
            "access_key_id": "AKIANOBODYSKEY000000",
            "secret_access_key": "wr0ngSecretOfNobody/00000000000000000000",
        }

    def client(
        self, *, timeout_s: float = 5.0, base_url: str | None = None, credentials: Mapping[str, str] | None = None
    ) -> SnsSms:
        given = {
            "access_key_id": self.account,
            "secret_access_key": SECRET,
            "region": "us-east-1",
            **(credentials or {}),
        }
        client: SnsSms = package("sns").open(
            {name: SecretStr(value) for name, value in given.items()},
            http=self.pool,
            environment="test",
            base_url=base_url or f"{self.url}/sns/v1",
            timeout_s=timeout_s,
        )
        return client

    def request(self, text: str = "Your code is 4711.") -> SmsRequest:
        return SmsRequest(new_id("sms"), new_recipient(), text, callback_url="https://nobody.example/")

    def refused(self) -> SmsRequest:
        return SmsRequest(new_id("sms"), "+12", "Hello.")

    async def effects(self, request: Any) -> int:
        """SNS carries no reference; nobody else uses the number."""
        return sum(1 for one in await self.published(to=request.to) if one["sent"])

    async def text_of(self, provider_message_id: str) -> str:
        return next(str(one["body"]) for one in await self.published() if one["id"] == provider_message_id)

    async def decide(self, provider_message_id: str, fate: str) -> None:
        status = "FAILURE" if fate == "failed" else "SUCCESS"
        await self.ask(f"/sns/messages/{provider_message_id}/decide", status=status)

    async def told(self, provider_message_id: str) -> list[ProviderEvent]:
        raise AssertionError(f"SNS tells nothing, nor of {provider_message_id}")

    async def published(self, **params: str) -> list[dict[str, Any]]:
        return list(await self.show(f"/sns/accounts/{self.account}/messages", **params))

    async def register(self, **changes: Any) -> None:
        await self.ask("/sns/accounts", access_key_id=self.account, **changes)


@pytest.fixture
async def lab(sandbox_url: str, pool: httpx.AsyncBaseTransport, control: httpx.AsyncClient) -> SnsLab:
    """An access key that nobody used before."""
    made = SnsLab("sns", f"AKIALAB{next(_accounts):013d}", sandbox_url, pool, control, _OPERATIONS)
    await made.register()
    return made
