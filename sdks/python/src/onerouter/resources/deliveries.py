"""Events on their way to your endpoints."""

from __future__ import annotations

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


class AsyncDeliveries(AsyncResource):
    """Events on their way to your endpoints."""

    def list(
        self,
        endpoint_id: str,
        *,
        status: str | None = None,
        type: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        limit: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncList[types.Delivery]:
        """List an endpoint's deliveries.

        Newest first, each with its attempts. Deliveries are kept for 90 days.

        Args:
            status: Only these: pending, held, succeeded, exhausted or canceled.
            type: Only of events of this type, such as `payment.succeeded`.
            since: Only what was made at this moment or later (RFC 3339 as a string).
            until: Only what was made before this moment (RFC 3339 as a string).
            limit: Most entries of one page.
        """
        return self._list(
            types.Delivery,
            f"/v1/webhook-endpoints/{segment(endpoint_id, 'endpoint_id')}/deliveries",
            query=present({"status": status, "type": type, "since": since, "until": until, "limit": limit}),
            options=options,
        )

    async def get(self, delivery_id: str, **options: Unpack[RequestOptions]) -> types.Delivery:
        """Get a delivery.

        With every attempt: what was answered, from which address, and how long it took.
        """
        return await self._call(
            types.Delivery, "GET", f"/v1/deliveries/{segment(delivery_id, 'delivery_id')}", options=options
        )

    async def retry(self, delivery_id: str, **options: Unpack[RequestOptions]) -> types.Delivery:
        """Retry a delivery.

        Sends its event to its endpoint once more, at once. It is tried once; what was planned anyway goes on until
        one of them is taken.
        """
        return await self._call(
            types.Delivery,
            "POST",
            f"/v1/deliveries/{segment(delivery_id, 'delivery_id')}/retry",
            options=options,
        )
