"""Addresses of yours that are told of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from onerouter import types
from onerouter._options import NOT_GIVEN, NotGiven, RequestOptions
from onerouter._pages import AsyncList
from onerouter._request import segment
from onerouter._resource import AsyncResource
from onerouter.resources._body import present
from onerouter.types.deliveries import Recovery

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import Unpack

    from onerouter.types.params import (
        WebhookBasicAuth,
        WebhookBearerAuth,
        WebhookOAuth2Auth,
    )


class AsyncWebhookEndpoints(AsyncResource):
    """Addresses of yours that are told of events."""

    async def create(
        self,
        url: str,
        *,
        auth: WebhookBasicAuth | WebhookBearerAuth | WebhookOAuth2Auth | None = None,
        channels: Sequence[str] | None = None,
        description: str | None = None,
        event_types: Sequence[str] | None = None,
        filter: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        max_in_flight: int | None = None,
        metadata: Mapping[str, str] | None = None,
        ordering: Literal["none", "resource"] | None = None,
        rate_per_s: float | None = None,
        retry_schedule_s: Sequence[int] | None = None,
        timeout_s: float | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.CreatedWebhookEndpoint:
        """Create a webhook endpoint.

        Events are POSTed to `url`, signed by Standard Webhooks: `v1` with the secret in the answer, `v1a` with the
        key pair whose public half is always shown.

        Args:
            url: An https address.
            auth: How deliveries are authorized, beyond their signature.
            channels: Only events of resources whose `metadata` has one of these as its `channel`. Absent: any, or
                none.
            event_types: `payment.succeeded`, `payment.*` for all below a name, `*` for all. Absent: every event.
            filter: Conditions on the event's body, all of which must hold. A name leads into an object, a plain
                value must be equal, and `$eq $ne $gt $gte $lt $lte $in $nin $startsWith $endsWith $exist $and $or
                $not` compare. At most 50 conditions, 6 levels deep.
            headers: Sent with each delivery. Their values are never shown again. Those that belong to the request,
                such as `host`, `content-*`, `cookie` and `webhook-*`, cannot be set.
            max_in_flight: Requests at once from one of our senders. Absent: 10.
            ordering: `resource`: the next event of one resource is sent only when the one before was taken, or was
                given up at the end of its schedule; other resources do not wait for it. Absent: `none`.
            rate_per_s: Most requests a second, of all our senders. Absent: no bound.
            retry_schedule_s: Waits before attempt 2, 3, … in seconds, each spread by ± 20 %; at most 7 days in all.
                `[]`: only one attempt. Absent: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
            timeout_s: Of one attempt. Absent: 15.
        """
        return await self._call(
            types.CreatedWebhookEndpoint,
            "POST",
            "/v1/webhook-endpoints",
            body=present(
                {
                    "auth": auth,
                    "channels": channels,
                    "description": description,
                    "event_types": event_types,
                    "filter": filter,
                    "headers": headers,
                    "max_in_flight": max_in_flight,
                    "metadata": metadata,
                    "ordering": ordering,
                    "rate_per_s": rate_per_s,
                    "retry_schedule_s": retry_schedule_s,
                    "timeout_s": timeout_s,
                    "url": url,
                }
            ),
            options=options,
        )

    async def get(self, endpoint_id: str, **options: Unpack[RequestOptions]) -> types.WebhookEndpoint:
        """Get a webhook endpoint.

        Without its secret.
        """
        return await self._call(
            types.WebhookEndpoint,
            "GET",
            f"/v1/webhook-endpoints/{segment(endpoint_id, 'endpoint_id')}",
            options=options,
        )

    def list(self, *, limit: int | None = None, **options: Unpack[RequestOptions]) -> AsyncList[types.WebhookEndpoint]:
        """List webhook endpoints.

        All of the key's environment.

        Args:
            limit: Most entries of one page.
        """
        return self._list(
            types.WebhookEndpoint, "/v1/webhook-endpoints", query=present({"limit": limit}), options=options
        )

    async def update(
        self,
        endpoint_id: str,
        *,
        auth: WebhookBasicAuth | WebhookBearerAuth | WebhookOAuth2Auth | NotGiven | None = NOT_GIVEN,
        channels: Sequence[str] | NotGiven | None = NOT_GIVEN,
        description: str | NotGiven | None = NOT_GIVEN,
        event_types: Sequence[str] | NotGiven | None = NOT_GIVEN,
        filter: Mapping[str, object] | NotGiven | None = NOT_GIVEN,
        headers: Mapping[str, str] | NotGiven | None = NOT_GIVEN,
        max_in_flight: int | NotGiven | None = NOT_GIVEN,
        metadata: Mapping[str, str] | NotGiven | None = NOT_GIVEN,
        ordering: Literal["none", "resource"] | NotGiven | None = NOT_GIVEN,
        rate_per_s: float | NotGiven | None = NOT_GIVEN,
        retry_schedule_s: Sequence[int] | NotGiven | None = NOT_GIVEN,
        timeout_s: float | NotGiven | None = NOT_GIVEN,
        url: str | NotGiven | None = NOT_GIVEN,
        **options: Unpack[RequestOptions],
    ) -> types.WebhookEndpoint:
        """Change a webhook endpoint.

        Holds for attempts that begin from now on.

        Args:
            auth: How deliveries are authorized, beyond their signature.
            channels: Only events of resources whose `metadata` has one of these as its `channel`. Absent: any, or
                none.
            event_types: `payment.succeeded`, `payment.*` for all below a name, `*` for all. Absent: every event.
            filter: Conditions on the event's body, all of which must hold. A name leads into an object, a plain
                value must be equal, and `$eq $ne $gt $gte $lt $lte $in $nin $startsWith $endsWith $exist $and $or
                $not` compare. At most 50 conditions, 6 levels deep.
            headers: Sent with each delivery. Their values are never shown again. Those that belong to the request,
                such as `host`, `content-*`, `cookie` and `webhook-*`, cannot be set.
            max_in_flight: Requests at once from one of our senders. Absent: 10.
            ordering: `resource`: the next event of one resource is sent only when the one before was taken, or was
                given up at the end of its schedule; other resources do not wait for it. Absent: `none`.
            rate_per_s: Most requests a second, of all our senders. Absent: no bound.
            retry_schedule_s: Waits before attempt 2, 3, … in seconds, each spread by ± 20 %; at most 7 days in all.
                `[]`: only one attempt. Absent: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
            timeout_s: Of one attempt. Absent: 15.
            url: An https address; not null.
        """
        return await self._call(
            types.WebhookEndpoint,
            "PATCH",
            f"/v1/webhook-endpoints/{segment(endpoint_id, 'endpoint_id')}",
            body={
                "auth": auth,
                "channels": channels,
                "description": description,
                "event_types": event_types,
                "filter": filter,
                "headers": headers,
                "max_in_flight": max_in_flight,
                "metadata": metadata,
                "ordering": ordering,
                "rate_per_s": rate_per_s,
                "retry_schedule_s": retry_schedule_s,
                "timeout_s": timeout_s,
                "url": url,
            },
            options=options,
        )

    async def delete(self, endpoint_id: str, **options: Unpack[RequestOptions]) -> types.DeletedWebhookEndpoint:
        """Delete a webhook endpoint.

        Nothing more is delivered to it.
        """
        return await self._call(
            types.DeletedWebhookEndpoint,
            "DELETE",
            f"/v1/webhook-endpoints/{segment(endpoint_id, 'endpoint_id')}",
            options=options,
            gone={"id": endpoint_id, "object": "webhook_endpoint", "deleted": True},
        )

    async def enable(self, endpoint_id: str, **options: Unpack[RequestOptions]) -> types.WebhookEndpoint:
        """Enable a webhook endpoint.

        One that was paused, or disabled because it failed for too long. What was kept is delivered, the oldest first.
        """
        return await self._call(
            types.WebhookEndpoint,
            "POST",
            f"/v1/webhook-endpoints/{segment(endpoint_id, 'endpoint_id')}/enable",
            options=options,
        )

    async def pause(self, endpoint_id: str, **options: Unpack[RequestOptions]) -> types.WebhookEndpoint:
        """Pause a webhook endpoint.

        What is owed to it, and what comes, is kept until it is enabled.
        """
        return await self._call(
            types.WebhookEndpoint,
            "POST",
            f"/v1/webhook-endpoints/{segment(endpoint_id, 'endpoint_id')}/pause",
            options=options,
        )

    async def rotate_secret(
        self, endpoint_id: str, *, expire_old_after_s: int | None = None, **options: Unpack[RequestOptions]
    ) -> types.RotatedWebhookSecret:
        """Rotate a webhook endpoint's secret.

        Each live secret signs each delivery, the newest first, so that receivers can change over without a gap. There
        can be 10 at once.

        Args:
            expire_old_after_s: For how many seconds the secrets so far sign beside the new one. 0: they end now.
        """
        return await self._call(
            types.RotatedWebhookSecret,
            "POST",
            f"/v1/webhook-endpoints/{segment(endpoint_id, 'endpoint_id')}/secret/rotate",
            body=present({"expire_old_after_s": expire_old_after_s}),
            options=options,
        )

    async def test(
        self, endpoint_id: str, *, type: str | None = None, **options: Unpack[RequestOptions]
    ) -> types.SentWebhookTest:
        """Send a test event.

        An example of an event, signed and delivered as any other, once, to this endpoint alone and whatever it takes.
        Its `test` is true, which no other event has.

        Args:
            type: Of which event the example of `GET /v1/event-types` is sent. Absent: the first that the endpoint
                takes.
        """
        return await self._call(
            types.SentWebhookTest,
            "POST",
            f"/v1/webhook-endpoints/{segment(endpoint_id, 'endpoint_id')}/test",
            body=present({"type": type}),
            options=options,
        )

    async def recover(
        self,
        endpoint_id: str,
        since: datetime | str,
        *,
        types: Sequence[str] | None = None,
        until: datetime | str | None = None,
        what: Literal["failed", "all"] | None = None,
        **options: Unpack[RequestOptions],
    ) -> Recovery:
        """Recover what an endpoint missed.

        Starts a job that sends again what the endpoint missed, beside what is new: that keeps four fifths of its
        places. One at a time for each endpoint.

        Args:
            since: What was made at this moment or later (RFC 3339 as a string).
            types: Only events of these types.
            until: And before this moment; absent: up to now.
            what: `failed`: deliveries whose every attempt failed. `all`: every event of the period that the endpoint
                wants, whether it was delivered or not.
        """
        return await self._call(
            Recovery,
            "POST",
            f"/v1/webhook-endpoints/{segment(endpoint_id, 'endpoint_id')}/recover",
            body=present({"since": since, "types": types, "until": until, "what": what}),
            options=options,
        )

    def list_recoveries(
        self, endpoint_id: str, *, limit: int | None = None, **options: Unpack[RequestOptions]
    ) -> AsyncList[types.Recovery]:
        """List an endpoint's recoveries.

        Newest first.

        Args:
            limit: Most entries of one page.
        """
        return self._list(
            types.Recovery,
            f"/v1/webhook-endpoints/{segment(endpoint_id, 'endpoint_id')}/recoveries",
            query=present({"limit": limit}),
            options=options,
        )

    async def get_recovery(
        self, endpoint_id: str, recovery_id: str, **options: Unpack[RequestOptions]
    ) -> types.Recovery:
        """Get a recovery.

        How far it came.
        """
        return await self._call(
            types.Recovery,
            "GET",
            _recovery(endpoint_id, recovery_id),
            options=options,
        )

    async def cancel_recovery(
        self, endpoint_id: str, recovery_id: str, **options: Unpack[RequestOptions]
    ) -> types.Recovery:
        """Cancel a recovery.

        What it has put on its way still arrives; no more follows. One that is at its end stays as it ended.
        """
        return await self._call(
            types.Recovery,
            "POST",
            f"{_recovery(endpoint_id, recovery_id)}/cancel",
            options=options,
        )


def _recovery(endpoint_id: str, recovery_id: str) -> str:
    endpoint = f"/v1/webhook-endpoints/{segment(endpoint_id, 'endpoint_id')}"
    return f"{endpoint}/recoveries/{segment(recovery_id, 'recovery_id')}"
