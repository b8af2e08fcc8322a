"""Addresses that are not written to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from onerouter import types
from onerouter._options import RequestOptions
from onerouter._pages import AsyncList
from onerouter._request import segment
from onerouter._resource import AsyncResource
from onerouter.resources._body import present

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import Unpack


Channel = Literal["sms", "email"]


class AsyncSuppressions(AsyncResource):
    """Addresses that are not written to."""

    async def create(
        self,
        channel: Channel,
        address: str,
        *,
        note: str | None = None,
        reason: Literal["bounce", "complaint", "unsubscribe", "stop", "manual"] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Suppression:
        """Suppress an address.

        When the address is on the list already: what is there. Needs the channel's `write` scope.

        Args:
            address: An email address, or a number with its country code.
        """
        return await self._call(
            types.Suppression,
            "POST",
            "/v1/suppressions",
            body=present({"address": address, "channel": channel, "note": note, "reason": reason}),
            options=options,
        )

    def list(
        self,
        channel: Channel,
        *,
        address: str | None = None,
        reason: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncList[types.Suppression]:
        """List suppressions.

        Newest first. Needs the channel's `read` scope.

        Args:
            address: Only of this address.
            reason: Only for this reason: `bounce`, `complaint`, `unsubscribe`, `stop` or `manual`.
            created_after: Only what was created after this moment.
            created_before: Only what was created before this moment.
            limit: Most entries of one page.
        """
        return self._list(
            types.Suppression,
            "/v1/suppressions",
            query=present(
                {
                    "channel": channel,
                    "address": address,
                    "reason": reason,
                    "created_after": created_after,
                    "created_before": created_before,
                    "limit": limit,
                }
            ),
            options=options,
        )

    async def check(self, channel: Channel, address: str, **options: Unpack[RequestOptions]) -> types.SuppressionCheck:
        """Check an address.

        Whether messages to it are held back, and why.

        Args:
            address: The one to look for.
        """
        return await self._call(
            types.SuppressionCheck,
            "GET",
            "/v1/suppressions/check",
            query=present({"channel": channel, "address": address}),
            options=options,
        )

    async def delete(self, suppression_id: str, **options: Unpack[RequestOptions]) -> types.DeletedSuppression:
        """Remove a suppression.

        The address is written to again. Who asked not to be written to should be asked first.
        """
        return await self._call(
            types.DeletedSuppression,
            "DELETE",
            f"/v1/suppressions/{segment(suppression_id, 'suppression_id')}",
            options=options,
            gone={"id": suppression_id, "object": "suppression", "deleted": True},
        )
