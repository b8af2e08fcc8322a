"""What was asked for, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from onerouter import types
from onerouter._options import FollowOptions, ReadOptions, RequestOptions
from onerouter._pages import AsyncList
from onerouter._request import segment
from onerouter._resource import AsyncResource
from onerouter.resources._body import present

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import Unpack


class AsyncOperations(AsyncResource):
    """What was asked for, and what became of it."""

    _of_several_requests = frozenset({"wait"})

    def list(
        self,
        *,
        category: str | None = None,
        status: str | None = None,
        operation: str | None = None,
        action: str | None = None,
        provider: str | None = None,
        resource: str | None = None,
        idempotency_key: str | None = None,
        metadata: Mapping[str, str] | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
        **options: Unpack[ReadOptions],
    ) -> AsyncList[types.Operation]:
        """List operations, newest first, without their attempts: the log of all that was asked for.

        Args:
            category: Only this category's: `payments`, `sms`, `email` or `storage`.
            status: Only operations with this status.
            operation: Only this kind, such as `payment.create`.
            action: Only what was done so, to whatever: `create`, `send`, `cancel`.
            provider: Only those that went to this provider.
            resource: Only operations on this resource, by our id.
            idempotency_key: Only what was asked for under this key: one at most.
            metadata: Only what was asked for with this metadata. Of several, all must be there.
            created_after: Only what was created after this moment.
            created_before: Only what was created before this moment.
            limit: Most entries of one page.
        """
        query = {
            "category": category,
            "status": status,
            "operation": operation,
            "action": action,
            "provider": provider,
            "resource": resource,
            "idempotency_key": idempotency_key,
            "created_after": created_after,
            "created_before": created_before,
            "limit": limit,
            **{f"metadata[{name}]": value for name, value in (metadata or {}).items()},
        }
        return self._list(
            types.Operation, "/v1/operations", query=present(query), options=cast("RequestOptions", options)
        )

    async def get(self, operation_id: str, **options: Unpack[RequestOptions]) -> types.Operation:
        """Get an operation.

        With every attempt at a provider. This is where a 202 points.
        """
        return await self._call(
            types.Operation, "GET", f"/v1/operations/{segment(operation_id, 'operation_id')}", options=options
        )

    async def wait(
        self, operation_id: str, timeout: float | None = None, **options: Unpack[FollowOptions]
    ) -> types.Operation:
        """Follow an operation to its end.

        Raises what its call would have raised when it failed, and OutcomeUnknownError when it has not ended within
        `timeout` seconds (60 unless said): the provider was asked, and nobody knows yet.
        """
        return await self._client._follow(types.Operation, operation_id, timeout, cast("RequestOptions", options))

    async def timeline(
        self,
        operation_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.OperationTimeline:
        """Get an operation's timeline.

        Oldest first: accepted, scheduled, routed and why, each call with its outcome, the provider's callbacks, the
        events that were published, and how it ended.

        Args:
            limit: Most entries of one page.
            cursor: `next_cursor` of the page before.
        """
        return await self._call(
            types.OperationTimeline,
            "GET",
            f"/v1/operations/{segment(operation_id, 'operation_id')}/timeline",
            query=present({"limit": limit, "cursor": cursor}),
            options=options,
        )
