"""PayPal does what every provider must with plans, customers, subscriptions, links, methods, vendors and transfers."""

from typing import TYPE_CHECKING

import pytest

from onerouter_common.money import Money
from onerouter_providers.testing.resources_suite import ResourcesSuite

if TYPE_CHECKING:
    from .conftest import PayPalLab


class TestPayPalResources(ResourcesSuite):
    price = Money(1_299, "USD")
    other_price = Money(2_599, "USD")
    country = "US"
    local = frozenset({"customer"})
    only_repeated = frozenset({"transfer", "vendor"})
    limits_transfers = False
    told_of = frozenset({"subscription", "payment_link", "transfer"})
    told_without_reference = frozenset({"subscription"})

    @pytest.fixture
    async def lab(self, called_back: "PayPalLab") -> "PayPalLab":
        return called_back
