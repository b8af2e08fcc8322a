"""An email provider's simulator on a real port, an account of its own for each test, and the clients under test."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any, ClassVar, Final, Literal

import httpx
from pydantic import SecretStr
from tests.providers.payments.inbox import Inbox

from onerouter_common.ids import new_id
from onerouter_providers.loader import GROUP, ProviderPackage, Providers
from onerouter_providers.manifest import CapabilityFacts
from onerouter_providers.messages import Address, EmailRequest
from onerouter_providers.testing.messages_suite import Act, Fate
from onerouter_providers.testing.payments_suite import FaultKind
from onerouter_providers.webhook import ProviderEvent, reads_several

FAULT: Final[Mapping[FaultKind, Mapping[str, Any]]] = {
    "timeout_before": {"kind": "timeout_before_effect", "hold_s": 5},
    "timeout_after": {"kind": "timeout_after_effect", "hold_s": 5},
    "cut": {"kind": "refuse_connection"},
    "throttle": {"kind": "throttle_429", "retry_after_s": 3},
    "error_json": {"kind": "error_5xx", "status": 502},
    "error_html": {"kind": "error_5xx", "status": 503, "body": "html"},
}


def package_of(provider: str) -> ProviderPackage:
    """The provider as the loader makes it, whether or not it is installed."""
    entry_point = EntryPoint(f"email.{provider}", f"onerouter_providers.email.{provider}", GROUP)
    package = Providers.load([entry_point]).find("email", provider)
    assert package is not None
    return package


def message(**changes: Any) -> EmailRequest:
    """A message of a new id to somebody new."""
    message_id = new_id("eml")
    made: dict[str, Any] = {
        "message_id": message_id,
        "sender": Address("hello@example.com", "Acme"),
        "to": (Address(f"{message_id}@example.net"),),
        "subject": f"About {message_id}",
        "text": "Your code is 4711.",
    }
    return EmailRequest(**(made | changes))


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{url}/control", trust_env=False) as control:
        yield control


@dataclass
class EmailLab:
    """A `MessagesLab` over the sandbox, but for what differs between providers."""

    provider: ClassVar[str]
    operations: ClassVar[Mapping[Act, str]]
    """What a wire call is called in the sandbox."""

    url: str
    pool: httpx.AsyncBaseTransport
    control: httpx.AsyncClient
    inbox: Inbox
    account_id: str
    package: ProviderPackage = field(repr=False)
    webhook: ModuleType = field(repr=False)
    category: Literal["sms", "email"] = "email"

    @property
    def credentials(self) -> dict[str, str]:
        raise NotImplementedError

    @property
    def callback_secrets(self) -> dict[str, SecretStr]:
        raise NotImplementedError

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(self.credentials.values())

    def client(
        self, *, timeout_s: float = 5.0, base_url: str | None = None, credentials: Mapping[str, str] | None = None
    ) -> Any:
        given = {name: SecretStr(value) for name, value in {**self.credentials, **(credentials or {})}.items()}
        return self.package.open(
            given,
            http=self.pool,
            environment="test",
            base_url=base_url or f"{self.url}/{self.provider}",
            timeout_s=timeout_s,
        )

    def find_capability(self, name: str) -> CapabilityFacts | None:
        return self.package.manifest.find_capability(name)

    def request(self, text: str = "Your code is 4711.") -> EmailRequest:
        return message(text=text)

    def refused(self) -> EmailRequest:
        return message(to=(Address("nobody@nowhere"),))

    async def fault(self, kind: FaultKind, act: Act) -> None:
        await self.ask("/faults", provider=self.provider, operation=self.operations[act], times=1, **self._of(kind))

    async def effects(self, request: Any) -> int:
        return len(await self.ledger(kind="email.sent", reference=request.message_id))

    async def catch_up(self) -> None:
        """The account's lists have no lag."""

    async def advance(self, seconds: float) -> None:
        await self.ask(f"/{self.provider}/accounts/{self.account_id}/clock/advance", seconds=seconds)

    async def text_of(self, provider_message_id: str) -> str:
        raise NotImplementedError

    async def decide(self, provider_message_id: str, fate: Fate) -> None:
        raise NotImplementedError

    async def told(self, provider_message_id: str) -> Sequence[ProviderEvent]:
        """In the order in which they happened: callbacks may overtake one another."""
        await self.settled()
        events: list[ProviderEvent] = []
        for headers, body in self.inbox.came.get(self.account_id, []):
            self.webhook.verify(body, headers, self.callback_secrets)
            assert reads_several(self.webhook)
            events += self.webhook.parse_all(body, headers)
        mine = [event for event in events if event.object.provider_id == provider_message_id]
        return sorted(mine, key=lambda event: event.occurred_at)

    async def settled(self) -> None:
        """Waits until the sandbox owes this account no callback any more."""
        async with asyncio.timeout(60):
            while (await self.show("/callbacks", account=self.account_id, state="pending"))["data"]:
                await asyncio.sleep(0.01)

    async def ledger(self, **filters: str) -> list[dict[str, Any]]:
        return list((await self.show("/ledger", account=self.account_id, **filters))["data"])

    async def show(self, path: str, **params: str) -> dict[str, Any]:
        return dict((await self.control.get(path, params=params)).raise_for_status().json())

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.control.post(path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def _of(self, kind: FaultKind) -> dict[str, Any]:
        return {**FAULT[kind], "key_id": self.account_id}
