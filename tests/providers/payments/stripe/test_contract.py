"""The judge itself: what is right passes, and each kind of mistake is noticed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.providers.payments.stripe.conftest import StripeLab
from tests.stripe_contract import Contract, Exchange, Recorded

from onerouter_common.money import Money
from onerouter_providers.loader import Providers
from onerouter_providers.payments.stripe.wire import VERSION
from onerouter_providers.testing.payments_suite import new_key, payment_request, reference_to


@pytest.fixture
def strict(contract: Contract | None, specs: Path) -> Contract:
    assert contract is not None, specs
    return contract


@pytest.fixture
async def exchange(lab: StripeLab, recorded: Recorded) -> Exchange:
    recorded.take()
    await lab.client().create_payment(payment_request(Money(1_000, "USD"), notes={"a": "b"}), key=new_key())
    (made,) = recorded.take()
    return made


async def test_mistakes_are_noticed(strict: Contract, exchange: Exchange) -> None:
    assert strict.complaints(exchange) == []
    for changed in (
        replace(exchange, body=exchange.body + "&colour=red"),
        replace(exchange, body=exchange.body.replace("amount=1000", "amount=ten")),
        replace(exchange, body=exchange.body.replace("amount=1000", "other=1000")),
        replace(exchange, body=exchange.body.replace("automatic_async", "sometimes")),
        replace(exchange, headers={**exchange.headers, "content-type": "application/json"}),
        replace(exchange, path="/v1/paymentintents"),
        replace(exchange, answer=exchange.answer.replace('"requires_payment_method"', '"in_orbit"')),
        replace(exchange, answer=exchange.answer.replace('"livemode": false', '"livemode": "no"')),
        replace(exchange, answer=exchange.answer.replace('"livemode"', '"live_mode"')),
        replace(exchange, answer='{"error": {"message": "no type"}}', status=400),
    ):
        assert strict.complaints(changed)


async def test_every_call_of_the_client_is_in_the_description(
    lab: StripeLab, recorded: Recorded, strict: Contract
) -> None:
    """The whole round, so that no operation is left out of the judgement."""
    recorded.take()
    client, wanted = lab.client(), payment_request(Money(1_000, "USD"), capture="manual")
    made = await client.create_payment(wanted, key=new_key())
    await client.find_payment(wanted)
    await lab.pay(made)
    await client.cancel_payment(reference_to(wanted, made), key=new_key())
    await client.probe()
    assert [complaint for each in recorded.take() for complaint in strict.complaints(each)] == []


def test_the_version_is_the_descriptions(strict: Contract) -> None:
    package = Providers.load().find("payments", "stripe")
    assert package is not None
    assert strict.version == VERSION == package.manifest.api_version


def test_stripes_own_samples_pass_the_judge_or_name_what_was_cut(specs: Path, strict: Contract) -> None:
    samples = json.loads((specs / "stripe-fixtures.json").read_text("utf-8"))["resources"]
    for name in ("refund", "balance_transaction"):
        wrong = [one for one in strict.object_complaints(samples[name]) if "has no field" not in one]
        assert wrong == []
