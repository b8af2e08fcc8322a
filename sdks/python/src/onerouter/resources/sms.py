"""Text messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        SmsBulkItem,
        SuppressionOverride,
    )


class AsyncSms(AsyncResource):
    """Text messages."""

    async def send(
        self,
        to: str,
        body: str | None = None,
        from_number: str | None = None,
        *,
        metadata: Mapping[str, str] | None = None,
        priority: Literal["transactional", "bulk"] | None = None,
        provider: str | None = None,
        provider_template: str | None = None,
        providers: Sequence[str] | None = None,
        send_at: datetime | str | int | None = None,
        suppression_override: SuppressionOverride | None = None,
        tags: Sequence[str] | None = None,
        template_id: str | None = None,
        template_version: int | None = None,
        variables: Mapping[str, object] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Sms:
        """Send an SMS.

        Through the provider that the environment's route chooses; answers once the provider has taken it. With
        `send_at`: once it is stored, and it is sent then.

        Args:
            to: With its country code (E.164), or as it is dialled in the account's default region.
            body: 1 to 1,600 characters. What one SMS does not hold is sent, and charged, as several segments.
            from_number: A number, short code, sender name or messaging service. Absent: the connection's own.
            metadata: Yours; kept with the message and in its events.
            priority: `bulk` gives way to `transactional`. Absent: `bulk` for bulk sends, else `transactional`.
            provider: Only this provider. Absent: your route decides.
            provider_template: In place of the body: the SID of a Content template at Twilio, with `provider`;
                `variables` are its.
            providers: Only these, in this order, whatever your route prefers.
            send_at: Send it then, up to 35 days ahead: ISO 8601 with an offset, or Unix seconds. Absent: now.
            suppression_override: Send it although a recipient is on your suppression list.
            tags: Words to find messages by: lists take `tag`.
            template_id: In place of the text: a published template.
            template_version: Absent: the one that is published when the request comes.
            variables: What the template's names stand for.
        """
        return await self._call(
            types.Sms,
            "POST",
            "/v1/sms",
            body=present(
                {
                    "body": body,
                    "from_number": from_number,
                    "metadata": metadata,
                    "priority": priority,
                    "provider": provider,
                    "provider_template": provider_template,
                    "providers": providers,
                    "send_at": send_at,
                    "suppression_override": suppression_override,
                    "tags": tags,
                    "template_id": template_id,
                    "template_version": template_version,
                    "to": to,
                    "variables": variables,
                },
                blank=("from_number",),
            ),
            options=options,
        )

    async def get(self, message_id: str, **options: Unpack[RequestOptions]) -> types.Sms:
        """Get an SMS.

        By our id or the provider's.
        """
        return await self._call(types.Sms, "GET", f"/v1/sms/{segment(message_id, 'message_id')}", options=options)

    async def get_status(self, message_id: str, **options: Unpack[RequestOptions]) -> types.Sms:
        """`get`, as version 2 calls it."""
        return await self.get(message_id, **options)

    def list(
        self,
        *,
        status: str | None = None,
        provider: str | None = None,
        batch_id: str | None = None,
        tag: str | None = None,
        to: str | None = None,
        direction: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncList[types.Sms]:
        """List SMS.

        Newest first, those that came in included.

        Args:
            status: Only with this status.
            provider: Only through this provider.
            batch_id: Only of this batch.
            tag: Only with this one among its `tags`.
            to: Only to this number: with its country code (`+1…`), or of your default region.
            direction: `outbound`, or `inbound`: only those that came in.
            created_after: Only what was created after this moment.
            created_before: Only what was created before this moment.
            limit: Most entries of one page.
        """
        return self._list(
            types.Sms,
            "/v1/sms",
            query=present(
                {
                    "status": status,
                    "provider": provider,
                    "batch_id": batch_id,
                    "tag": tag,
                    "to": to,
                    "direction": direction,
                    "created_after": created_after,
                    "created_before": created_before,
                    "limit": limit,
                }
            ),
            options=options,
        )

    async def cancel(self, message_id: str, **options: Unpack[RequestOptions]) -> types.Sms:
        """Cancel an SMS.

        While it waits for its time: it is not sent. Once the provider has it: where that can take it back, else
        ConflictError is raised.
        """
        return await self._call(
            types.Sms, "POST", f"/v1/sms/{segment(message_id, 'message_id')}/cancel", options=options
        )

    async def send_bulk(
        self,
        recipients: Sequence[SmsBulkItem],
        *,
        body: str | None = None,
        from_number: str | None = None,
        metadata: Mapping[str, str] | None = None,
        priority: Literal["transactional", "bulk"] | None = None,
        provider: str | None = None,
        provider_template: str | None = None,
        providers: Sequence[str] | None = None,
        send_at: datetime | str | int | None = None,
        suppression_override: SuppressionOverride | None = None,
        tags: Sequence[str] | None = None,
        template_id: str | None = None,
        template_version: int | None = None,
        variables: Mapping[str, object] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.SmsBatch:
        """Send SMS to many.

        Up to 1,000 recipients, each a message of its own that shows no other. Answers once all are stored; those that
        could not be messages are in `rejected`, and stop no other. They give way to what is `transactional`.

        Args:
            recipients: Each is a message of its own.
            body: 1 to 1,600 characters. What one SMS does not hold is sent, and charged, as several segments.
            from_number: A number, short code, sender name or messaging service. Absent: the connection's own.
            metadata: Yours; kept with the message and in its events.
            priority: `bulk` gives way to `transactional`. Absent: `bulk` for bulk sends, else `transactional`.
            provider: Only this provider. Absent: your route decides.
            provider_template: In place of the body: the SID of a Content template at Twilio, with `provider`;
                `variables` are its.
            providers: Only these, in this order, whatever your route prefers.
            send_at: Send it then, up to 35 days ahead: ISO 8601 with an offset, or Unix seconds. Absent: now.
            suppression_override: Send it although a recipient is on your suppression list.
            tags: Words to find messages by: lists take `tag`.
            template_id: In place of the text: a published template.
            template_version: Absent: the one that is published when the request comes.
            variables: What the template's names stand for.
        """
        return await self._call(
            types.SmsBatch,
            "POST",
            "/v1/sms/bulk",
            body=present(
                {
                    "body": body,
                    "from_number": from_number,
                    "metadata": metadata,
                    "priority": priority,
                    "provider": provider,
                    "provider_template": provider_template,
                    "providers": providers,
                    "recipients": recipients,
                    "send_at": send_at,
                    "suppression_override": suppression_override,
                    "tags": tags,
                    "template_id": template_id,
                    "template_version": template_version,
                    "variables": variables,
                }
            ),
            options=options,
        )

    async def get_batch(self, batch_id: str, **options: Unpack[RequestOptions]) -> types.SmsBatch:
        """Get a batch of SMS.

        With how many of its messages have which status.
        """
        return await self._call(
            types.SmsBatch, "GET", f"/v1/sms/batches/{segment(batch_id, 'batch_id')}", options=options
        )

    def list_batch_messages(
        self, batch_id: str, *, status: str | None = None, limit: int | None = None, **options: Unpack[RequestOptions]
    ) -> AsyncList[types.Sms]:
        """List a batch's SMS.

        Each with its own status.

        Args:
            status: Only with this status.
            limit: Most entries of one page.
        """
        return self._list(
            types.Sms,
            f"/v1/sms/batches/{segment(batch_id, 'batch_id')}/messages",
            query=present({"status": status, "limit": limit}),
            options=options,
        )

    async def cancel_batch(self, batch_id: str, **options: Unpack[RequestOptions]) -> types.BatchCanceled:
        """Cancel a batch of SMS.

        Those of its messages that have not left are not sent. Others go on.
        """
        return await self._call(
            types.BatchCanceled, "POST", f"/v1/sms/batches/{segment(batch_id, 'batch_id')}/cancel", options=options
        )
