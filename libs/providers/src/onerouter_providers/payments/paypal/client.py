"""PayPal's client: one connection, all that PayPal does for it. Each kind of thing has a module of its own."""

from collections.abc import Mapping

from pydantic import SecretStr

from onerouter_providers.http import ProviderHttp
from onerouter_providers.payments.paypal.asking import Asking
from onerouter_providers.payments.paypal.customers import Customers
from onerouter_providers.payments.paypal.links import PaymentLinks
from onerouter_providers.payments.paypal.plans import Plans
from onerouter_providers.payments.paypal.refunds import Refunds
from onerouter_providers.payments.paypal.subscriptions import Subscriptions
from onerouter_providers.payments.paypal.transfers import Transfers
from onerouter_providers.payments.paypal.vault import PaymentMethods
from onerouter_providers.payments.paypal.wire import Wire


def create_client(credentials: Mapping[str, SecretStr], *, http: ProviderHttp, base_url: str) -> "PayPalPayments":
    """One connection's client."""
    merchant_id = credentials.get("merchant_id")
    return PayPalPayments(
        http,
        base_url=base_url,
        client_id=credentials["client_id"].get_secret_value(),
        client_secret=credentials["client_secret"],
        merchant_id=None if merchant_id is None else merchant_id.get_secret_value() or None,
    )


class PayPalPayments(Refunds, Customers, Plans, Subscriptions, PaymentLinks, PaymentMethods, Transfers, Asking):
    """A `PaymentProvider` that also `CompletesPayments`, keeps all of `resources.py`, and
    `AnswersForCallbacks`.

    Each method shares one deadline among its wire calls.
    """

    def __init__(
        self,
        http: ProviderHttp,
        *,
        base_url: str,
        client_id: str,
        client_secret: SecretStr,
        merchant_id: str | None = None,
    ) -> None:
        self._wire = Wire(http, base_url=base_url, client_id=client_id, client_secret=client_secret)
        self._client_id = client_id
        self._merchant_id = merchant_id

    def __repr__(self) -> str:
        return f"PayPalPayments(client_id={self._client_id!r})"

    async def probe(self) -> None:
        """A fresh token proves the credentials: a cached one may outlive a change of the secret."""
        await self._wire.renew_token()
