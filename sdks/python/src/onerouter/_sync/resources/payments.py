# Written by scripts/make_sync.py from resources/payments.py: change that, then `make sdk`.
"""Payments, from what is asked to what is paid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from onerouter import types
from onerouter._options import RequestOptions
from onerouter._request import segment
from onerouter._sync._pages import SyncList
from onerouter._sync._resource import SyncResource
from onerouter.resources._body import present

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import Unpack

    from onerouter.types.params import (
        Amount,
        CustomerDetails,
    )


class SyncPayments(SyncResource):
    """Payments, from what is asked to what is paid."""

    def create(
        self,
        amount: Amount,
        currency: str | None = "INR",
        *,
        bank_code: str | None = None,
        cancel_url: str | None = None,
        capture: Literal["automatic", "manual"] | None = None,
        card_network: str | None = None,
        channel: str | None = None,
        country: str | None = None,
        customer: CustomerDetails | None = None,
        description: str | None = None,
        emi_plan: str | None = None,
        metadata: Mapping[str, str] | None = None,
        method: Literal["upi", "card", "netbanking", "wallet", "emi", "paylater"] | None = None,
        notes: Mapping[str, str] | None = None,
        provider: str | None = None,
        receipt: str | None = None,
        return_url: str | None = None,
        save_card: bool | None = None,
        upi_app: str | None = None,
        wallet_provider: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Payment:
        """Create a payment.

        Creates the payment at the provider that the environment's route chooses, and answers once the provider did.
        The customer then pays at `checkout_url`, or in the provider's own checkout opened with `checkout`.

        Args:
            amount: In major units: 499.00 is 499 rupees. At most as many decimals as the currency has.
            currency: ISO 4217 code. None: the default of the key's connections.
            cancel_url: Where the customer goes after giving up.
            capture: `manual` only authorizes; capture or cancel it later.
            channel: Where the sale is made, in your own words; for your routing rules.
            country: Of the customer, ISO 3166 alpha-2; for your routing rules. Absent: `customer.address.country`.
            metadata: Yours; kept with the payment and in its events.
            method: Absent: the customer chooses at the provider's checkout.
            notes: Shown at the provider.
            provider: Only this provider may serve it. Absent: the route of the environment decides.
            receipt: Your own number of the order.
            return_url: Where the customer goes after paying.
        """
        return self._call(
            types.Payment,
            "POST",
            "/v1/payments",
            body=present(
                {
                    "amount": amount,
                    "bank_code": bank_code,
                    "cancel_url": cancel_url,
                    "capture": capture,
                    "card_network": card_network,
                    "channel": channel,
                    "country": country,
                    "currency": currency,
                    "customer": customer,
                    "description": description,
                    "emi_plan": emi_plan,
                    "metadata": metadata,
                    "method": method,
                    "notes": notes,
                    "provider": provider,
                    "receipt": receipt,
                    "return_url": return_url,
                    "save_card": save_card,
                    "upi_app": upi_app,
                    "wallet_provider": wallet_provider,
                },
                blank=(
                    "method",
                    "provider",
                    "upi_app",
                    "emi_plan",
                    "card_network",
                    "wallet_provider",
                    "bank_code",
                    "receipt",
                ),
            ),
            options=options,
        )

    def get(self, transaction_id: str, **options: Unpack[RequestOptions]) -> types.Payment:
        """Get a payment.

        By our id, the provider's order id or the provider's payment id.
        """
        return self._call(
            types.Payment, "GET", f"/v1/payments/{segment(transaction_id, 'transaction_id')}", options=options
        )

    def list(
        self,
        *,
        status: str | None = None,
        provider: str | None = None,
        customer_id: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> SyncList[types.Payment]:
        """List payments.

        Newest first.

        Args:
            status: Only payments with this status.
            provider: Only payments of this provider.
            customer_id: Only payments of this customer.
            created_after: Only what was created after this moment.
            created_before: Only what was created before this moment.
            limit: Most entries of one page.
        """
        return self._list(
            types.Payment,
            "/v1/payments",
            query=present(
                {
                    "status": status,
                    "provider": provider,
                    "customer_id": customer_id,
                    "created_after": created_after,
                    "created_before": created_before,
                    "limit": limit,
                }
            ),
            options=options,
        )

    def capture(
        self, payment_id: str, amount: Amount | None = None, **options: Unpack[RequestOptions]
    ) -> types.Payment:
        """Capture an authorized payment.

        Takes the money of a payment that was made with `capture: manual`. Without an amount: all of it.

        Args:
            amount: Absent: all that is authorized.
        """
        return self._call(
            types.Payment,
            "POST",
            f"/v1/payments/{segment(payment_id, 'payment_id')}/capture",
            body=present({"amount": amount}),
            options=options,
        )

    def cancel(self, payment_id: str, **options: Unpack[RequestOptions]) -> types.Payment:
        """Cancel a payment.

        Gives up a payment that is not paid yet, or releases an authorized one.
        """
        return self._call(
            types.Payment, "POST", f"/v1/payments/{segment(payment_id, 'payment_id')}/cancel", options=options
        )

    def refund(
        self,
        payment_id: str,
        amount: Amount | None = None,
        *,
        notes: Mapping[str, str] | None = None,
        reason: str | None = None,
        speed: Literal["normal", "optimum"] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Refund:
        """Refund a payment.

        Returns money of a captured payment. Without an amount: all that is left of it.

        Args:
            payment_id: Ours, or the provider's order id or payment id.
            amount: Absent: all that is left to refund.
        """
        return self._call(
            types.Refund,
            "POST",
            "/v1/refunds",
            body=present(
                {"amount": amount, "notes": notes, "payment_id": payment_id, "reason": reason, "speed": speed},
                blank=("reason",),
            ),
            options=options,
        )
