# Written by scripts/make_sync.py from resources/subscriptions.py: change that, then `make sdk`.
"""Payments that repeat."""

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
        CustomerDetails,
    )


class SyncSubscriptions(SyncResource):
    """Payments that repeat."""

    def create(
        self,
        plan_id: str,
        *,
        cancel_url: str | None = None,
        customer: CustomerDetails | None = None,
        customer_id: str | None = None,
        customer_notify: bool = True,
        metadata: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        provider: str | None = None,
        quantity: int = 1,
        return_url: str | None = None,
        start_date: datetime | str | int | None = None,
        total_count: int | None = 12,
        trial_days: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Subscription:
        """Create a subscription.

        Makes the subscription where its plan is. The payer then agrees at `checkout_url`.

        Args:
            plan_id: Ours, or the provider's own of a plan made there.
            customer_id: Of a customer made with us.
            customer_notify: Whether the provider writes to the payer.
            metadata: Yours; kept with it and in its events.
            notes: Shown at the provider.
            provider: Only this provider. Absent: your route decides.
            start_date: When the first charge is due: ISO 8601 with an offset, or Unix seconds. Absent: at once.
            total_count: Charges in all. None: until it is canceled.
            trial_days: Absent or 0: the plan's.
        """
        return self._call(
            types.Subscription,
            "POST",
            "/v1/subscriptions",
            body=present(
                {
                    "cancel_url": cancel_url,
                    "customer": customer,
                    "customer_id": customer_id,
                    "customer_notify": customer_notify,
                    "metadata": metadata,
                    "notes": notes,
                    "plan_id": plan_id,
                    "provider": provider,
                    "quantity": quantity,
                    "return_url": return_url,
                    "start_date": start_date,
                    "total_count": total_count,
                    "trial_days": trial_days,
                }
            ),
            options=options,
        )

    def get(self, subscription_id: str, **options: Unpack[RequestOptions]) -> types.Subscription:
        """Get a subscription.

        By our id or the provider's.
        """
        return self._call(
            types.Subscription,
            "GET",
            f"/v1/subscriptions/{segment(subscription_id, 'subscription_id')}",
            options=options,
        )

    def list(
        self,
        *,
        status: str | None = None,
        provider: str | None = None,
        plan_id: str | None = None,
        customer_id: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> SyncList[types.Subscription]:
        """List subscriptions.

        Newest first.

        Args:
            status: Only with this status.
            provider: Only of this provider.
            plan_id: Only of this plan (our id).
            customer_id: Only of this customer (our id).
            created_after: Only what was created after this moment.
            created_before: Only what was created before this moment.
            limit: Most entries of one page.
        """
        return self._list(
            types.Subscription,
            "/v1/subscriptions",
            query=present(
                {
                    "status": status,
                    "provider": provider,
                    "plan_id": plan_id,
                    "customer_id": customer_id,
                    "created_after": created_after,
                    "created_before": created_before,
                    "limit": limit,
                }
            ),
            options=options,
        )

    def cancel(
        self,
        subscription_id: str,
        cancel_at_cycle_end: bool = False,
        *,
        reason: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Subscription:
        """Cancel a subscription.

        At once, or at the end of the cycle; where the provider cannot wait, we do.

        Args:
            cancel_at_cycle_end: Let the cycle that is paid run to its end.
        """
        return self._call(
            types.Subscription,
            "POST",
            f"/v1/subscriptions/{segment(subscription_id, 'subscription_id')}/cancel",
            body=present({"cancel_at_cycle_end": cancel_at_cycle_end, "reason": reason}),
            options=options,
        )

    def pause(
        self,
        subscription_id: str,
        pause_at: Literal["now", "cycle_end"] | None = None,
        *,
        reason: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Subscription:
        """Pause a subscription.

        No charges until it is resumed. At the end of the cycle where asked for; where the provider cannot wait, we
        do.
        """
        return self._call(
            types.Subscription,
            "POST",
            f"/v1/subscriptions/{segment(subscription_id, 'subscription_id')}/pause",
            body=present({"pause_at": pause_at, "reason": reason}, blank=("pause_at",)),
            options=options,
        )

    def resume(
        self, subscription_id: str, *, reason: str | None = None, **options: Unpack[RequestOptions]
    ) -> types.Subscription:
        """Resume a subscription.

        Charges go on; a pause that was only planned is taken back.
        """
        return self._call(
            types.Subscription,
            "POST",
            f"/v1/subscriptions/{segment(subscription_id, 'subscription_id')}/resume",
            body=present({"reason": reason}),
            options=options,
        )

    def change_plan(
        self,
        subscription_id: str,
        new_plan_id: str,
        prorate: bool = True,
        *,
        cancel_url: str | None = None,
        quantity: int | None = None,
        return_url: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Subscription:
        """Change the plan.

        To another plan of the same account. Some providers ask the payer again: then at `checkout_url`, and until the
        payer agrees it is `pending_plan_id`.

        Args:
            prorate: Charge or credit what is left of the cycle now.
            return_url: Where the payer goes, should the provider ask for consent.
        """
        return self._call(
            types.Subscription,
            "POST",
            f"/v1/subscriptions/{segment(subscription_id, 'subscription_id')}/change_plan",
            body=present(
                {
                    "cancel_url": cancel_url,
                    "new_plan_id": new_plan_id,
                    "prorate": prorate,
                    "quantity": quantity,
                    "return_url": return_url,
                }
            ),
            options=options,
        )
