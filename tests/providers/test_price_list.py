"""What an operator pays, line by line."""

from decimal import Decimal

import pytest

from onerouter_providers.cost import find_cost
from onerouter_providers.loader import Providers
from onerouter_providers.price_list import PriceListInvalid, parse_price_list

GERMAN = """
[[cost]]
provider = "twilio"
of = "sms.send"
fixed_minor = 7.9
currency = "USD"
when = { countries = ["DE", "AT"] }
source = "https://wiki.example.com/twilio"
read_on = 2026-11-01

[[cost]]
provider = "sns"
of = "sms.send"
fixed_minor = 2
currency = "EUR"
source = "https://wiki.example.com/sns"
read_on = 2026-11-01
"""


def test_it_is_read_by_provider() -> None:
    prices = parse_price_list(GERMAN, Providers.load(), source="prices.toml")
    assert prices.keys() == {("sms", "twilio"), ("sms", "sns")}
    german = find_cost(prices["sms", "twilio"], "sms.send", currency="USD", country="DE")
    assert german is not None
    assert german.fixed_minor == Decimal("7.9")
    assert find_cost(prices["sms", "twilio"], "sms.send", currency="USD", country="FR") is None


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        (
            'provider = "twilio"',
            'provider = "moneybags"',
            "cost.0: no provider moneybags is installed that has sms.send",
        ),
        ('of = "sms.send"', 'of = "email.send"', "cost.0: no provider twilio is installed that has email.send"),
        ('currency = "USD"', 'currency = "cents"', "cost.0.currency: "),
        ("fixed_minor = 7.9", "fixed_minor = -1", "cost.0.fixed_minor: "),
        ("fixed_minor = 7.9", "price = 7.9", "cost.0.price: "),
        ("[[cost]]", "[[cost", "is not TOML"),
    ],
)
def test_a_mistake_is_named(before: str, after: str, complaint: str) -> None:
    with pytest.raises(PriceListInvalid) as caught:
        parse_price_list(GERMAN.replace(before, after, 1), Providers.load(), source="prices.toml")
    assert complaint in str(caught.value)
    assert "prices.toml" in str(caught.value)
