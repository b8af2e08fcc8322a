"""Payments that are split among vendors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from onerouter import types
from onerouter._object import Object
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
        SplitConfig,
        SplitPart,
        SplitPaymentCreate,
    )


class AsyncMarketplace(AsyncResource):
    """Payments that are split among vendors."""

    async def create_split_payment(
        self,
        amount: Amount,
        splits: Sequence[SplitPart],
        currency: str | None = "INR",
        *,
        cancel_url: str | None = None,
        customer: CustomerDetails | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        provider: str | None = None,
        receipt: str | None = None,
        return_url: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.SplitPayment:
        """Create a split payment.

        A payment like any other; once it has succeeded, each vendor is given its part by a transfer of its own.

        Args:
            amount: In major units: 499.00 is 499 rupees. At most as many decimals as the currency has.
            currency: ISO 4217 code. None: the default of the key's connections.
            metadata: Yours; kept with it and in its events.
            notes: Shown at the provider.
            provider: Only this provider. Absent: your route decides.
        """
        return await self._call(
            types.SplitPayment,
            "POST",
            "/v1/marketplace/payments/split",
            body=present(
                {
                    "amount": amount,
                    "cancel_url": cancel_url,
                    "currency": currency,
                    "customer": customer,
                    "description": description,
                    "metadata": metadata,
                    "notes": notes,
                    "provider": provider,
                    "receipt": receipt,
                    "return_url": return_url,
                    "splits": splits,
                },
                blank=("description",),
            ),
            options=options,
        )

    async def get_split_payment(self, payment_id: str, **options: Unpack[RequestOptions]) -> types.SplitPayment:
        """Get a split payment.

        With what became of each part.
        """
        return await self._call(
            types.SplitPayment,
            "GET",
            f"/v1/marketplace/payments/split/{segment(payment_id, 'payment_id')}",
            options=options,
        )

    async def process_bulk_splits(
        self,
        payments: Sequence[SplitPaymentCreate],
        process_immediately: bool = True,
        **options: Unpack[RequestOptions],
    ) -> types.BulkSplitResult:
        """Create several split payments.

        Each item has its own status; the idempotency key of each is its own, else that of the whole with its place.
        Each counts as a request against the rate limit, and is refused with 429 in its place when that is used up.

        Args:
            payments: Each with what `create_split_payment` takes.
            process_immediately: False: all are accepted, and nobody waits for the provider.
        """
        return await self._call(
            types.BulkSplitResult,
            "POST",
            "/v1/marketplace/payments/bulk-split",
            body=present({"payments": payments, "process_immediately": process_immediately}),
            options=options,
        )

    async def create_vendor(
        self,
        name: str,
        vendor_id: str | None = None,
        *,
        account_details: Mapping[str, object] | None = None,
        business_type: str | None = None,
        country: str | None = None,
        email: str | None = None,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        phone: str | None = None,
        provider: str | None = None,
        refresh_url: str | None = None,
        return_url: str | None = None,
        split_config: SplitConfig | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Vendor:
        """Add a vendor.

        Opens an account for the vendor at the provider. Where the provider wants the vendor to sign up itself, it
        does so at `onboarding_url`; it can be paid once its status is `active`.

        Args:
            vendor_id: Your own id of it: letters, digits, `_` and `-`.
            account_details: Bank data (`account_number`, `ifsc`, `routing_number`, `iban`, `account_holder`, …).
                Sealed at once, opened for the provider alone, then erased; what is shown is masked. PayPal takes
                `paypal_email` or `payer_id` instead: which account it is, no secret, and shown as it is
                (`account_id`).
            metadata: Yours; kept with it and in its events.
            notes: Shown at the provider.
            provider: Only this provider. Absent: your route decides.
            refresh_url: Where it goes when the sign-up link has expired.
            return_url: Where the vendor goes after signing up at the provider.
        """
        return await self._call(
            types.Vendor,
            "POST",
            "/v1/marketplace/vendors",
            body=present(
                {
                    "account_details": account_details,
                    "business_type": business_type,
                    "country": country,
                    "email": email,
                    "metadata": metadata,
                    "name": name,
                    "notes": notes,
                    "phone": phone,
                    "provider": provider,
                    "refresh_url": refresh_url,
                    "return_url": return_url,
                    "split_config": split_config,
                    "vendor_id": vendor_id,
                }
            ),
            options=options,
        )

    async def get_vendor(self, vendor_id: str, **options: Unpack[RequestOptions]) -> types.Vendor:
        """Get a vendor.

        By our id, yours, or its account at the provider.
        """
        return await self._call(
            types.Vendor, "GET", f"/v1/marketplace/vendors/{segment(vendor_id, 'vendor_id')}", options=options
        )

    def list_vendors(
        self,
        *,
        status: str | None = None,
        provider: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncList[types.Vendor]:
        """List vendors.

        Newest first.

        Args:
            status: Only with this status.
            provider: Only at this provider.
            created_after: Only what was created after this moment.
            created_before: Only what was created before this moment.
            limit: Most entries of one page.
        """
        return self._list(
            types.Vendor,
            "/v1/marketplace/vendors",
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

    async def list_vendor_accounts(self, **options: Unpack[RequestOptions]) -> Object:
        """The first page of `list_vendors`, as version 2 has it: `["data"]`."""
        return await self._call(Object, "GET", "/v1/marketplace/vendors", options=options)

    async def add_vendor_account(
        self,
        vendor_id: str,
        name: str,
        account_details: Mapping[str, object] | None = None,
        split_config: SplitConfig | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Vendor:
        """`create_vendor`, as version 2 calls it."""
        return await self.create_vendor(
            name, vendor_id, account_details=account_details, split_config=split_config, **options
        )

    async def update_vendor_split(
        self,
        vendor_id: str,
        split_type: Literal["percentage", "fixed"] | None = None,
        split_percentage: Amount | None = None,
        split_amount: Amount | None = None,
        *,
        percent: Amount | None = None,
        fixed: Amount | None = None,
        currency: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Vendor:
        """Change a vendor's usual part, used where a payment does not say what the vendor gets.

        Args:
            split_type: Of version 2: which of the next two is meant, where both are given.
            split_percentage: `percent`, as version 2 calls it.
            split_amount: `fixed`, as version 2 calls it.
            percent: Of the payment, 0 to 100.
            fixed: In major units of `currency`.
            currency: Of the fixed amount.
        """
        if percent is None and split_type != "fixed":
            percent = split_percentage
        if fixed is None and split_type != "percentage":
            fixed = split_amount
        return await self._call(
            types.Vendor,
            "PATCH",
            f"/v1/marketplace/vendors/{segment(vendor_id, 'vendor_id')}/split",
            body=present({"currency": currency, "fixed": fixed, "percent": percent}),
            options=options,
        )

    async def get_platform_fees(
        self,
        period: Literal["day", "week", "month", "year"] = "month",
        currency: str | None = "INR",
        **options: Unpack[RequestOptions],
    ) -> types.MarketplaceFees:
        """Get what split payments brought.

        What was paid in, what of it went to vendors, and what stayed as fees and taxes.

        Args:
            period: `day`, `week`, `month` (default) or `year`: the last 1, 7, 30 or 365 days.
            currency: ISO 4217 code. None: the default of the key's connections.
        """
        return await self._call(
            types.MarketplaceFees,
            "GET",
            "/v1/marketplace/fees",
            query=present({"period": period, "currency": currency}),
            options=options,
        )
