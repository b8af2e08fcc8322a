# Written by scripts/make_sync.py from resources/refunds.py: change that, then `make sdk`.
"""Money that goes back."""

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
    )


class SyncRefunds(SyncResource):
    """Money that goes back."""

    def create(
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
                {"amount": amount, "notes": notes, "payment_id": payment_id, "reason": reason, "speed": speed}
            ),
            options=options,
        )

    def get(self, refund_id: str, **options: Unpack[RequestOptions]) -> types.Refund:
        """Get a refund.

        By our id or the provider's.
        """
        return self._call(types.Refund, "GET", f"/v1/refunds/{segment(refund_id, 'refund_id')}", options=options)

    def list(
        self,
        *,
        status: str | None = None,
        provider: str | None = None,
        payment_id: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> SyncList[types.Refund]:
        """List refunds.

        Newest first.

        Args:
            status: Only refunds with this status.
            provider: Only refunds at this provider.
            payment_id: Only refunds of this payment (our id).
            created_after: Only what was created after this moment.
            created_before: Only what was created before this moment.
            limit: Most entries of one page.
        """
        return self._list(
            types.Refund,
            "/v1/refunds",
            query=present(
                {
                    "status": status,
                    "provider": provider,
                    "payment_id": payment_id,
                    "created_after": created_after,
                    "created_before": created_before,
                    "limit": limit,
                }
            ),
            options=options,
        )
