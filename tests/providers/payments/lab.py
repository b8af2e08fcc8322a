"""What the labs of all payment providers have in common: the sandbox's controls, the client under test, what was told."""

import asyncio
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import httpx
from pydantic import SecretStr
from tests.providers.payments.inbox import Inbox

from onerouter_common.ids import PAYMENT, new_id
from onerouter_common.money import Money
from onerouter_providers.capability import PaymentReference, PaymentRequest
from onerouter_providers.loader import ProviderPackage, Providers
from onerouter_providers.testing.payments_suite import FaultKind, new_key
from onerouter_providers.webhook import ProviderEvent

FAULT: Final[Mapping[FaultKind, Mapping[str, Any]]] = {
    "timeout_before": {"kind": "timeout_before_effect", "hold_s": 5},
    "timeout_after": {"kind": "timeout_after_effect", "hold_s": 5},
    "cut": {"kind": "refuse_connection"},
    "throttle": {"kind": "throttle_429", "retry_after_s": 3},
    "error_json": {"kind": "error_5xx", "status": 502},
    "error_html": {"kind": "error_5xx", "status": 503, "body": "html"},
}
_CHANGED: Final[Mapping[str, str]] = {
    "subscription.cancel": "subscription.canceled",
    "subscription.pause": "subscription.paused",
    "subscription.resume": "subscription.resumed",
    "subscription.change_plan": "subscription.plan_changed",
    "payment_link.cancel": "payment_link.canceled",
    "payment_method.delete": "payment_method.detached",
}
"""A change → its effect in the ledger; every creation is `<kind>.created`."""


@functools.cache
def package_of(provider: str) -> ProviderPackage:
    package = Providers.load().find("payments", provider)
    assert package is not None
    return package


@dataclass(frozen=True)
class Lab:
    """A `PaymentsLab` and a `ResourcesLab` over the sandbox, but for what differs between providers."""

    provider: ClassVar[str]
    operations: ClassVar[Mapping[str, str]]
    """An act or capability → the wire call of it that has the effect; of several the last."""
    kinds: ClassVar[Mapping[str, str]] = {}
    """An act or capability → its effect in the ledger, where `_CHANGED` does not say it."""

    url: str
    pool: httpx.AsyncBaseTransport
    control: httpx.AsyncClient
    inbox: Inbox
    account: str
    """As the sandbox calls it."""

    @property
    def credentials(self) -> dict[str, str]:
        raise NotImplementedError

    def client(
        self,
        *,
        timeout_s: float = 5.0,
        base_url: str | None = None,
        credentials: Mapping[str, str] | None = None,
        pool: httpx.AsyncBaseTransport | None = None,
    ) -> Any:
        return package_of(self.provider).open(
            {name: SecretStr(value) for name, value in {**self.credentials, **(credentials or {})}.items()},
            http=pool or self.pool,
            environment="test",
            base_url=base_url or f"{self.url}/{self.provider}",
            timeout_s=timeout_s,
        )

    def has(self, capability: str) -> bool:
        return package_of(self.provider).manifest.find_capability(capability) is not None

    async def fault(self, kind: FaultKind, act: str) -> None:
        await self.ask("/faults", operation=self.operations[act], key_id=self.account, times=1, **FAULT[kind])

    async def effects(self, act: str, reference: str) -> int:
        return len(await self.ledger(kind=self.kind_of(act), reference=reference))

    def kind_of(self, act: str) -> str:
        return self.kinds.get(act) or _CHANGED.get(act) or f"{act.partition('.')[0]}.created"

    async def advance(self, seconds: float) -> None:
        await self.ask(f"/{self.provider}/accounts/{self.account}/clock/advance", seconds=seconds)

    async def told(self, kind: str, provider_id: str) -> list[ProviderEvent]:
        """Waits until the sandbox owes nothing any more, and verifies what came."""
        async with asyncio.timeout(60):
            while await self.show("/callbacks", state="pending"):
                await asyncio.sleep(0.01)
        told = [await self.verified(*came) for came in self.inbox.came.get(self.account, [])]
        return [one for one in told if one and (one.object.kind, one.object.provider_id) == (kind, provider_id)]

    async def verified(self, headers: Mapping[str, str], body: bytes) -> ProviderEvent | None:
        raise NotImplementedError

    async def order_of(self, amount: Money) -> tuple[Any, PaymentReference]:
        """A payment as it was made, nobody has paid it yet."""
        request = PaymentRequest(payment_id=new_id(PAYMENT), amount=amount)
        made = await self.client().create_payment(request, key=new_key())
        return made, PaymentReference(request.payment_id, amount, made.provider_order_id, made.provider_payment_id)

    async def ledger(self, **filters: Any) -> list[dict[str, Any]]:
        return await self.show("/ledger", limit=1_000, **filters)

    async def show(self, path: str, **filters: Any) -> list[dict[str, Any]]:
        answer = await self.control.get(path, params={"account": self.account, **filters})
        return list(answer.raise_for_status().json()["data"])

    async def ask(self, path: str, **body: Any) -> dict[str, Any]:
        return dict((await self.control.post(path, json=body)).raise_for_status().json())
