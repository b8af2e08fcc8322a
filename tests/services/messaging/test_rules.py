"""What the service is told about providers."""

from decimal import Decimal
from pathlib import Path

import pytest
from tests.services.messaging.examples import SMS_COMMAND, a_message

from onerouter_messaging.message.cost import estimate
from onerouter_messaging.rules import naming_ours, prices_of
from onerouter_providers.loader import Providers
from onerouter_providers.price_list import PriceListInvalid

OWN = """
[[cost]]
provider = "twilio"
of = "sms.send"
fixed_minor = 7.9
currency = "USD"
when = { countries = ["DE"] }
source = "https://wiki.example.com/twilio"
read_on = 2026-11-01
"""


def test_the_operators_prices_go_before_the_manifests(tmp_path: Path) -> None:
    given = tmp_path / "prices.toml"
    given.write_text(OWN, "utf-8")
    prices = prices_of(Providers.load(), given)
    public = prices_of(Providers.load())
    costs = []
    for country, told in (("DE", prices), ("DE", public), ("US", prices), ("FR", prices)):
        cost = estimate(a_message(SMS_COMMAND.model_copy(update={"country": country})), told)
        costs.append(None if cost is None else cost.amount)
    assert costs == [Decimal("0.079"), None, Decimal("0.0083"), None]


def test_who_names_our_messages() -> None:
    """SES's events have our tag only where they come by a configuration set; Twilio's come to an address of the message's."""
    assert naming_ours(Providers.load()) == {"resend", "sendgrid", "mailgun"}


def test_a_list_that_is_wrong_keeps_the_service_from_starting(tmp_path: Path) -> None:
    given = tmp_path / "prices.toml"
    given.write_text(OWN.replace("twilio", "nobody"), "utf-8")
    with pytest.raises(PriceListInvalid, match=r"cost\.0"):
        prices_of(Providers.load(), given)
