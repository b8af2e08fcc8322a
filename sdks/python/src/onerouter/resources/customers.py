"""Payers whom a provider remembers."""

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


class AsyncCustomers(AsyncResource):
    """Payers whom a provider remembers."""

    async def create(
        self,
        *,
        email: str | None = None,
        metadata: Mapping[str, str] | None = None,
        name: str | None = None,
        notes: Mapping[str, str] | None = None,
        phone: str | None = None,
        provider: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Customer:
        """Create a customer.

        Remembers a payer at the provider that the environment's route chooses.

        Args:
            metadata: Yours; kept with it and in its events.
            notes: Shown at the provider.
            provider: Only this provider. Absent: your route decides.
        """
        return await self._call(
            types.Customer,
            "POST",
            "/v1/customers",
            body=present(
                {
                    "email": email,
                    "metadata": metadata,
                    "name": name,
                    "notes": notes,
                    "phone": phone,
                    "provider": provider,
                }
            ),
            options=options,
        )

    async def get(self, customer_id: str, **options: Unpack[RequestOptions]) -> types.Customer:
        """Get a customer.

        By our id or the provider's.
        """
        return await self._call(
            types.Customer, "GET", f"/v1/customers/{segment(customer_id, 'customer_id')}", options=options
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
    ) -> AsyncList[types.Customer]:
        """List customers.

        Newest first.

        Args:
            status: Only with this status.
            provider: Only of this provider.
            created_after: Only what was created after this moment.
            created_before: Only what was created before this moment.
            limit: Most entries of one page.
        """
        return self._list(
            types.Customer,
            "/v1/customers",
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
