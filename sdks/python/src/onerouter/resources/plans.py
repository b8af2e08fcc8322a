"""What subscriptions are to."""

from __future__ import annotations

from collections.abc import Mapping
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

    from onerouter.types.params import (
        Amount,
    )


class AsyncPlans(AsyncResource):
    """What subscriptions are to."""

    async def create(
        self,
        amount: Amount,
        interval: Literal["day", "week", "month", "year"],
        name: str,
        *,
        currency: str | None = None,
        description: str | None = None,
        interval_count: int | None = None,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        provider: str | None = None,
        trial_days: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Plan:
        """Create a plan.

        Makes the plan at the provider that the environment's route chooses; its subscriptions then live there, too.

        Args:
            amount: In major units: 499.00 is 499 rupees. At most as many decimals as the currency has.
            currency: Absent: the default of the key's connections.
            interval_count: Every so many intervals.
            metadata: Yours; kept with it and in its events.
            notes: Shown at the provider.
            provider: Only this provider. Absent: your route decides.
        """
        return await self._call(
            types.Plan,
            "POST",
            "/v1/plans",
            body=present(
                {
                    "amount": amount,
                    "currency": currency,
                    "description": description,
                    "interval": interval,
                    "interval_count": interval_count,
                    "metadata": metadata,
                    "name": name,
                    "notes": notes,
                    "provider": provider,
                    "trial_days": trial_days,
                }
            ),
            options=options,
        )

    async def get(self, plan_id: str, **options: Unpack[RequestOptions]) -> types.Plan:
        """Get a plan.

        By our id or the provider's.
        """
        return await self._call(types.Plan, "GET", f"/v1/plans/{segment(plan_id, 'plan_id')}", options=options)

    def list(
        self,
        *,
        status: str | None = None,
        provider: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncList[types.Plan]:
        """List plans.

        Newest first.

        Args:
            status: Only with this status.
            provider: Only of this provider.
            created_after: Only what was created after this moment.
            created_before: Only what was created before this moment.
            limit: Most entries of one page.
        """
        return self._list(
            types.Plan,
            "/v1/plans",
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
