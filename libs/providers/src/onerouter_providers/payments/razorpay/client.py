"""Razorpay's client: its parts, put together for one connection."""

import time
from collections.abc import Callable, Mapping

from pydantic import SecretStr

from onerouter_providers.http import ProviderHttp
from onerouter_providers.payments.razorpay.customers import Customers
from onerouter_providers.payments.razorpay.links import PaymentLinks
from onerouter_providers.payments.razorpay.payments import Payments
from onerouter_providers.payments.razorpay.plans import Plans
from onerouter_providers.payments.razorpay.refunds import Refunds
from onerouter_providers.payments.razorpay.subscriptions import Subscriptions
from onerouter_providers.payments.razorpay.tokens import PaymentMethods
from onerouter_providers.payments.razorpay.transfers import Transfers
from onerouter_providers.payments.razorpay.vendors import Vendors
from onerouter_providers.payments.razorpay.wire import Wire


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> "RazorpayPayments":
    """One connection's client."""
    unique_receipt = credentials.get("unique_receipt")
    return RazorpayPayments(
        http,
        base_url=base_url,
        key_id=credentials["key_id"].get_secret_value(),
        key_secret=credentials["key_secret"],
        unique_receipt=unique_receipt is not None and unique_receipt.get_secret_value() == "true",
    )


class RazorpayPayments(
    Payments, Refunds, Plans, Customers, Subscriptions, PaymentLinks, PaymentMethods, Vendors, Transfers
):
    """A `PaymentProvider`, and all of `resources.py`. Each method shares one deadline among its wire calls."""

    def __init__(
        self,
        http: ProviderHttp,
        *,
        base_url: str,
        key_id: str,
        key_secret: SecretStr,
        unique_receipt: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        wire = Wire(http, base_url=base_url, key_id=key_id, key_secret=key_secret)
        super().__init__(wire, now, unique_receipt=unique_receipt)

    def __repr__(self) -> str:
        return f"RazorpayPayments(key_id={self._wire.key_id!r})"
