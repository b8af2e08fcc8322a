"""Pages to pay at, by a link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from onerouter import types
from onerouter._options import RequestOptions
from onerouter._pages import AsyncList
from onerouter._request import segment
from onerouter._resource import AsyncResource
from onerouter.resources._body import present

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import Unpack

    from onerouter.types.params import (
        Amount,
        CustomerDetails,
    )


class AsyncPaymentLinks(AsyncResource):
    """Pages to pay at, by a link."""

    async def create(
        self,
        amount: Amount,
        description: str | None = None,
        customer_email: str | None = None,
        *,
        callback_url: str | None = None,
        currency: str | None = None,
        customer: CustomerDetails | None = None,
        expires_at: datetime | str | int | None = None,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        notify: bool | None = None,
        provider: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.PaymentLink:
        """Create a payment link.

        Makes the link at the provider that the environment's route chooses; send `short_url` to the payer.

        Args:
            amount: In major units: 499.00 is 499 rupees. At most as many decimals as the currency has.
            customer_email: The same as `customer.email`.
            callback_url: Where the payer goes afterwards.
            currency: Absent: the default of the key's connections.
            expires_at: Absent: the provider's own limit.
            metadata: Yours; kept with it and in its events.
            notes: Shown at the provider.
            notify: Whether the provider sends the link to the customer.
            provider: Only this provider. Absent: your route decides.
        """
        if not options.get("environment"):
            options.pop("environment", None)  # empty, as in version 2
        return await self._call(
            types.PaymentLink,
            "POST",
            "/v1/payment-links",
            body=present(
                {
                    "amount": amount,
                    "callback_url": callback_url,
                    "currency": currency,
                    "customer": customer,
                    "customer_email": customer_email,
                    "description": description,
                    "expires_at": expires_at,
                    "metadata": metadata,
                    "notes": notes,
                    "notify": notify,
                    "provider": provider,
                },
                blank=("customer_email", "callback_url", "provider"),
            ),
            options=options,
        )

    async def get(self, payment_link_id: str, **options: Unpack[RequestOptions]) -> types.PaymentLink:
        """Get a payment link.

        By our id or the provider's.
        """
        return await self._call(
            types.PaymentLink,
            "GET",
            f"/v1/payment-links/{segment(payment_link_id, 'payment_link_id')}",
            options=options,
        )

    def list(
        self,
        *,
        status: str | None = None,
        provider: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncList[types.PaymentLink]:
        """List payment links.

        Newest first.

        Args:
            status: Only with this status.
            provider: Only of this provider.
            created_after: Only what was created after this moment.
            created_before: Only what was created before this moment.
            limit: Most entries of one page.
        """
        return self._list(
            types.PaymentLink,
            "/v1/payment-links",
            query=present(
                {
                    "status": status,
                    "provider": provider,
                    "created_after": created_after,
                    "created_before": created_before,
                    "limit": limit,
                }
            ),
            options=options,
        )

    async def cancel(self, payment_link_id: str, **options: Unpack[RequestOptions]) -> types.PaymentLink:
        """Cancel a payment link.

        Nobody can pay at it any more. One that is paid, in whole or in part, raises ConflictError.
        """
        return await self._call(
            types.PaymentLink,
            "POST",
            f"/v1/payment-links/{segment(payment_link_id, 'payment_link_id')}/cancel",
            options=options,
        )
