"""Stripe's client, put together of its parts: one file a kind.

Every POST carries the operation's key. Stripe answers a repeat with what it answered first, also with a 500: therefore
after a 5xx the object is looked for, or the same 500 would come back for a day.
"""

from collections.abc import Mapping

from pydantic import SecretStr

from onerouter_providers.http import ProviderHttp
from onerouter_providers.payments.stripe.customers import Customers
from onerouter_providers.payments.stripe.links import Links
from onerouter_providers.payments.stripe.methods import Methods
from onerouter_providers.payments.stripe.payments import Payments
from onerouter_providers.payments.stripe.plans import Plans
from onerouter_providers.payments.stripe.subscriptions import Subscriptions
from onerouter_providers.payments.stripe.transfers import Transfers
from onerouter_providers.payments.stripe.vendors import Vendors


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> "StripePayments":
    """One connection's client."""
    publishable = credentials.get("publishable_key")
    return StripePayments(
        http,
        base_url=base_url,
        secret_key=credentials["secret_key"],
        publishable_key=None if publishable is None else publishable.get_secret_value() or None,
    )


class StripePayments(Payments, Plans, Customers, Subscriptions, Links, Methods, Vendors, Transfers):
    """All that the payments category asks. Each method shares one deadline among its wire calls."""

    def __repr__(self) -> str:
        return f"StripePayments(publishable_key={self._publishable_key!r})"
