"""What manifests say of callbacks is what the modules do."""

from datetime import timedelta
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pytest

from onerouter_providers import sns_messages
from onerouter_providers.email.mailgun import webhook as mailgun
from onerouter_providers.email.resend import webhook as resend
from onerouter_providers.email.sendgrid import webhook as sendgrid
from onerouter_providers.loader import GROUP, Providers
from onerouter_providers.manifest import CallbackFacts
from onerouter_providers.payments.paypal import webhook as paypal
from onerouter_providers.payments.stripe import webhook as stripe
from onerouter_providers.webhook import asks_first, counts, reads_several

_MESSAGES = ("sms.twilio", "sms.sns", "email.resend", "email.sendgrid", "email.mailgun", "email.ses")


@pytest.fixture(scope="module")
def providers() -> Providers:
    ours = [EntryPoint(name, f"onerouter_providers.{name}", GROUP) for name in _MESSAGES]
    return Providers.load([*entry_points(group=GROUP), *ours])


def facts_of(providers: Providers, name: str) -> CallbackFacts:
    package = providers.find(*name.split("."))
    assert package is not None
    assert package.manifest.callback is not None
    return package.manifest.callback


@pytest.mark.parametrize(
    ("name", "age"),
    [
        ("payments.stripe", timedelta(seconds=stripe.TOLERANCE_S)),
        ("payments.paypal", paypal._OLDEST),
        ("email.resend", timedelta(seconds=resend.TOLERANCE_S)),
        ("email.sendgrid", timedelta(seconds=sendgrid.TOLERANCE_S)),
        ("email.mailgun", timedelta(seconds=mailgun.TOLERANCE_S)),
        ("email.ses", sns_messages._OLDEST),
    ],
)
def test_how_old_a_signature_may_be(providers: Providers, name: str, age: timedelta) -> None:
    assert facts_of(providers, name).signature_age_s == age.total_seconds()


@pytest.mark.parametrize("name", ["payments.razorpay", "sms.twilio"])
def test_whose_signatures_have_no_time(providers: Providers, name: str) -> None:
    assert facts_of(providers, name).signature_age_s is None


def test_only_batches_are_larger(providers: Providers) -> None:
    larger = {one.name for one in providers if one.manifest.callback and one.manifest.callback.body_limit > 1024 * 1024}
    assert larger == {"email.sendgrid"}


def test_who_tells_of_several_things_and_who_asks_first(providers: Providers) -> None:
    def those(what: Any) -> set[str]:
        return {one.name for one in providers if one.webhook is not None and what(one.webhook)}

    assert those(reads_several) == {"email.sendgrid", "email.resend", "email.ses"}
    assert those(counts) == {"email.sendgrid"}
    assert those(asks_first) == {"email.ses"}
    assert facts_of(providers, "email.ses").handshake_valid_s == timedelta(days=3).total_seconds()
