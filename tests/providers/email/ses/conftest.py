"""SES's simulator, an AWS account of its own for each test, and the clients under test."""

import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
import pytest
from pydantic import SecretStr
from tests.providers.email.lab import EmailLab, package_of
from tests.providers.payments.inbox import Inbox

from onerouter_providers.certificates import Certificates, Override
from onerouter_providers.email.ses import webhook
from onerouter_providers.http import open_pool
from onerouter_providers.testing.messages_suite import Act, Fate
from onerouter_providers.webhook import ProviderEvent

SECRET_KEY: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOPIC: Final = "arn:aws:sns:us-east-1:123456789012:onerouter-ses"
_FATE: Final[dict[Fate, str]] = {"delivered": "delivered", "failed": "bounced"}
_numbers = itertools.count(1)


class SesLab(EmailLab):
    provider = "ses"
    operations: ClassVar[dict[Act, str]] = {"send": "SendEmail", "find": "nothing", "get": "nothing"}

    @property
    def credentials(self) -> dict[str, str]:
        return {
            "access_key_id": self.account_id,
            "secret_access_key": SECRET_KEY,
            "region": "us-east-1",
            "configuration_set": "onerouter",
            "sns_topic_arn": TOPIC,
        }

    @property
    def secrets(self) -> tuple[str, ...]:
        return (SECRET_KEY,)

    @property
    def wrong_credentials(self) -> dict[str, str]:
        return {
            "access_key_id": "AKIANOBODYS999999999",
            "secret_access_key": "nobodys/secret/0123456789012345678901234",
        }

    @property
    def callback_secrets(self) -> dict[str, SecretStr]:
        return {"sns_topic_arn": SecretStr(TOPIC)}

    async def register(self, **changes: object) -> None:
        account = {
            "access_key_id": self.account_id,
            "webhook_url": f"{self.inbox.url}/{self.account_id}",
            "topic_arn": TOPIC,
            "delivery": "manual",
        }
        await self.ask("/ses/accounts", **(account | changes))

    async def mail(self, provider_message_id: str) -> dict[str, Any]:
        return await self.show(f"/ses/messages/{provider_message_id}")

    async def text_of(self, provider_message_id: str) -> str:
        return str((await self.mail(provider_message_id))["text"])

    async def decide(self, provider_message_id: str, fate: Fate) -> None:
        """That it was sent SES tells by itself."""
        if fate != "sent":
            await self.happens(provider_message_id, _FATE[fate])

    async def happens(self, provider_message_id: str, fate: str, **more: Any) -> None:
        await self.ask(f"/ses/messages/{provider_message_id}/decide", fate=fate, **more)

    async def came(self) -> list[tuple[dict[str, str], bytes]]:
        """Every callback, verified with the certificate that it names."""
        await self.settled()
        facts = self.package.manifest.certificates
        assert facts is not None
        certificates = Certificates(self.pool, overrides={"ses": Override(f"{self.url}/ses/certs", Path("unused"))})
        found = self.inbox.came.get(self.account_id, [])
        for headers, body in found:
            now = datetime.now(UTC)
            certificate = await certificates.get("ses", facts, webhook.certificate_url(headers, body), now)
            webhook.verify(body, headers, self.callback_secrets, certificate, now)
        return found

    async def told(self, provider_message_id: str) -> Sequence[ProviderEvent]:
        events = [event for headers, body in await self.came() for event in webhook.parse_all(body, headers)]
        mine = [event for event in events if event.object.provider_id == provider_message_id]
        return sorted(mine, key=lambda event: event.occurred_at)


@pytest.fixture(scope="session")
async def pool() -> AsyncIterator[httpx.AsyncBaseTransport]:
    """As in a worker: one pool for all accounts."""
    async with open_pool() as opened:
        yield opened


@pytest.fixture
async def lab(sandbox_url: str, pool: httpx.AsyncBaseTransport, control: httpx.AsyncClient, inbox: Inbox) -> SesLab:
    """An account that nobody used before."""
    account_id = f"AKIA{next(_numbers):016d}"
    made = SesLab(sandbox_url, pool, control, inbox, account_id, package_of("ses"), webhook)
    await made.register()
    return made
