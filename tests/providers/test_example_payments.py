"""The payments provider of docs/adding-a-provider.md does what every payments provider must, installed as a package."""

import itertools
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from pydantic import SecretStr
from tests.providers import example
from tests.providers.acme_pay import AcmePay

from onerouter_common.money import Money
from onerouter_providers.capability import PaymentSnapshot
from onerouter_providers.http import open_pool
from onerouter_providers.loader import ProviderPackage, Providers
from onerouter_providers.resources import ResourceSnapshot
from onerouter_providers.testing.payments_suite import FaultKind, PaymentsSuite, new_key, payment_request
from onerouter_providers.testing.resources_suite import ResourcesSuite
from onerouter_providers.webhook import CallbackUnreadable, ProviderEvent, SignatureInvalid

WEBHOOK_SECRET: Final = "webhook-secret-of-the-lab"
ACT: Final = {
    "create": "charges.create",
    "capture": "charges.capture",
    "refund": "refunds.create",
    "find": "charges.find",
    "payment_link.create": "links.create",
    "payment_link.cancel": "links.cancel",
}
DECLINE: Final = {"insufficient_funds": "no_funds", "card_declined": "do_not_honor"}
_numbers = itertools.count(1)


class AcmeLab:
    """A `PaymentsLab`, and of a `ResourcesLab` what payment links need."""

    def __init__(self, package: ProviderPackage, acme: AcmePay, pool: httpx.AsyncBaseTransport) -> None:
        self.package = package
        self.acme = acme
        self._pool = pool

    def client(
        self, *, timeout_s: float = 5.0, base_url: str | None = None, credentials: Mapping[str, str] | None = None
    ) -> Any:
        given = {"token": self.acme.token, **(credentials or {})}
        secrets = {name: SecretStr(value) for name, value in given.items()}
        address = base_url or self.acme.url
        return self.package.open(secrets, http=self._pool, environment="test", base_url=address, timeout_s=timeout_s)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.acme.token,)

    @property
    def wrong_credentials(self) -> Mapping[str, str]:
        return {"token": "acme_test_ofsomebodyelse0"}

    async def pay(self, payment: PaymentSnapshot, *, decline: str | None = None) -> None:
        await self.acme.pay(payment.provider_order_id or "", failure=DECLINE.get(decline or ""))

    async def fault(self, kind: FaultKind, act: str) -> None:
        self.acme.fault(kind, ACT[act])

    async def effects(self, act: str, reference: str) -> int:
        return self.acme.count(ACT[act], reference)

    def has(self, capability: str) -> bool:
        return self.package.manifest.find_capability(capability) is not None

    async def pay_link(self, link: ResourceSnapshot) -> None:
        await self.acme.pay_link(link.provider_id)

    async def told(self, kind: str, provider_id: str) -> Sequence[ProviderEvent]:
        assert self.package.webhook is not None
        found = [self.package.webhook.parse(body, headers) for headers, body in self.acme.callbacks]
        return [one for one in found if one and (one.object.kind, one.object.provider_id) == (kind, provider_id)]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderPackage]:
    site: Path = example.build(tmp_path_factory.mktemp("acme"), example.PAYMENTS_PACKAGE)
    with example.installed(site):
        found = Providers.load().find("payments", "acme")
        assert found is not None
        yield found


@pytest.fixture
async def lab(package: ProviderPackage) -> AsyncIterator[AcmeLab]:
    acme = AcmePay(f"acme_test_{next(_numbers):016d}", WEBHOOK_SECRET)
    async with acme.running(), open_pool() as pool:
        yield AcmeLab(package, acme, pool)


class TestAcme(PaymentsSuite):
    amount = Money(12_990, "USD")
    amounts_taken = (Money(1, "USD"), Money(295, "JPY"))
    amounts_refused = (Money(100_000_000, "USD"),)


class TestAcmeResources(ResourcesSuite):
    price = Money(49_900, "USD")


class TestCallbacks:
    async def test_only_what_is_signed_is_believed(self, lab: AcmeLab) -> None:
        made = await lab.client().create_payment(payment_request(TestAcme.amount), key=new_key())
        await lab.pay(made)
        ((headers, body),) = lab.acme.callbacks
        webhook: Any = lab.package.webhook
        secrets = {"webhook_secret": SecretStr(WEBHOOK_SECRET)}
        webhook.verify(body, {name.lower(): value for name, value in headers.items()}, secrets)
        event = webhook.parse(body, headers)
        assert (event.id, event.type) == webhook.identify(body, headers)
        assert (event.object.status, event.object.payment_id) == ("succeeded", made.provider_order_id)
        for changed_body, changed_headers, used in (
            (body + b" ", headers, secrets),
            (body, {}, secrets),
            (body, {"Acme-Signature": "0" * 64}, secrets),
            (body, headers, {"webhook_secret": SecretStr("webhook-secret-of-others")}),
            (body, headers, {}),
        ):
            with pytest.raises(SignatureInvalid):
                webhook.verify(changed_body, changed_headers, used)
        for unreadable in (b"", b"[]", b'{"id": 1}', b'{"id": "e", "type": "charge.paid", "at": 1, "data": {}}'):
            with pytest.raises(CallbackUnreadable):
                webhook.parse(unreadable, headers)
        assert webhook.parse(b'{"id": "e", "type": "balance.changed"}', headers) is None
