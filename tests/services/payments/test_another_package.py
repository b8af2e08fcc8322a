"""A provider of another package: the service knows nothing of it, and carries its payments like those of ours."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from tests.providers import example
from tests.providers.acme_pay import AcmePay
from tests.services.payments.stack import Account, Stack, running

from onerouter_common.ids import new_id
from onerouter_providers.loader import ProviderPackage, Providers

if TYPE_CHECKING:
    from onerouter_local.testing import Database

TOKEN, WEBHOOK_SECRET = "acme_test_4f9c2a7e4f9c2a7e", "webhook-secret-of-the-test"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProviderPackage]:
    site = example.build(tmp_path_factory.mktemp("acme"), example.PAYMENTS_PACKAGE)
    with example.installed(site):
        found = Providers.load().find("payments", "acme")
        assert found is not None
        yield found


@pytest.fixture
async def acme() -> AsyncIterator[AcmePay]:
    async with AcmePay(TOKEN, WEBHOOK_SECRET).running() as opened:
        yield opened


@pytest.fixture
async def stack(
    package: ProviderPackage, acme: AcmePay, payments_database: "Database", kafka_bootstrap: str
) -> AsyncIterator[Stack]:
    account = Account("acme", {}, "token", TOKEN)
    async with running(payments_database, kafka_bootstrap, account, acme.url) as opened:
        yield opened


async def call_back(stack: Stack, acme: AcmePay, package: ProviderPackage) -> None:
    """What Acme told last, as the webhooks service passes it on: verified and in our words."""
    headers, body = acme.callbacks[-1]
    webhook: Any = package.webhook
    webhook.verify(body, headers, {"webhook_secret": SecretStr(WEBHOOK_SECRET)})
    event = webhook.parse(body, headers)
    assert event is not None
    await stack.call_back(event.object)


async def test_a_payment_lives_its_life(stack: Stack, acme: AcmePay, package: ProviderPackage) -> None:
    acme.fault("cut_after", "charges.create")
    acme.fault("error_html", "charges.find")
    made = await stack.ask("payment.create", {"amount_minor": 12_990, "currency": "USD"})
    assert (made.state, made.status) == ("succeeded", 201), made
    assert made.result is not None
    payment_id, charge_id = str(made.result["id"]), str(made.result["provider_order_id"])
    assert made.result["checkout_url"] == f"{acme.url}/pay/{charge_id}"
    assert acme.count("charges.create", payment_id) == 1

    await acme.pay(charge_id)
    await call_back(stack, acme, package)
    await call_back(stack, acme, package)
    assert [(event.type, event.sequence) for event in [await stack.event() for _ in range(2)]] == [
        ("payment.created", 1),
        ("payment.succeeded", 2),
    ]
    paid = await stack.read(f"/payments/{payment_id}")
    assert (paid["status"], paid["provider"]) == ("succeeded", "acme")
    assert (paid["cost"]["amount_minor"], paid["cost"]["estimated"]) == (25 + 259, False)

    acme.fault("cut", "refunds.create")
    refunded = await stack.ask("refund.create", {"payment_id": payment_id}, payment_id=payment_id)
    assert (refunded.state, refunded.status) == ("succeeded", 201), refunded
    assert len([act for act, _ in acme.effects if act == "refunds.create"]) == 1
    assert (await stack.read(f"/payments/{payment_id}"))["status"] == "refunded"


async def test_what_it_cannot_is_refused_and_says_who_can(stack: Stack) -> None:
    made = await stack.ask("payment.create", {"amount_minor": 12_990, "currency": "USD"})
    refused = await stack.ask("payment.cancel", {"payment_id": made.resource_id}, payment_id=made.resource_id)
    assert refused.problem is not None
    assert refused.problem.code == "CAPABILITY_UNSUPPORTED"
    assert refused.problem.detail == (
        "acme does not support payment.cancel. Acme lets go of what is not captured by itself, after a day. "
        "Supported by: paypal, stripe."
    )
    plan = {"name": "Gold", "amount_minor": 100, "currency": "USD", "interval": "month"}
    refused = await stack.ask("plan.create", plan, payment_id=new_id("plan"))
    assert refused.problem is not None
    assert refused.problem.detail == "acme does not support plan.create. Supported by: paypal, razorpay, stripe."
