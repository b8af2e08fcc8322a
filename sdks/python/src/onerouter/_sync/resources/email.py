# Written by scripts/make_sync.py from resources/email.py: change that, then `make sdk`.
"""Email."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        Address,
        AttachmentIn,
        EmailBulkItem,
        SuppressionOverride,
    )


class SyncEmail(SyncResource):
    """Email."""

    def send(
        self,
        to: str | Address | Sequence[str | Address],
        subject: str | None = None,
        html_body: str | None = None,
        text_body: str | None = None,
        from_email: str | Address | None = None,
        *,
        attachments: Sequence[AttachmentIn] | None = None,
        bcc: str | Address | Sequence[str | Address] | None = None,
        cc: str | Address | Sequence[str | Address] | None = None,
        from_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
        priority: Literal["transactional", "bulk"] | None = None,
        provider: str | None = None,
        provider_template: str | None = None,
        providers: Sequence[str] | None = None,
        reply_to: str | Address | Sequence[str | Address] | None = None,
        send_at: datetime | str | int | None = None,
        suppression_override: SuppressionOverride | None = None,
        tags: Sequence[str] | None = None,
        template_id: str | None = None,
        template_version: int | None = None,
        variables: Mapping[str, object] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Email:
        """Send an email.

        Through the provider that the environment's route chooses; answers once the provider has taken it. With
        `send_at`: once it is stored, and it is sent then.

        Args:
            to: One or many: `ada@example.com`, `Ada <ada@example.com>` or `{"email": …, "name": …}`.
            html_body: With `text_body` or without: then a text is made of it.
            from_email: Of a domain that is yours at the provider. Absent: the connection's own.
            attachments: Up to 20; the whole request has at most 10 MiB.
            headers: Further ones, such as `List-Unsubscribe` or `X-…`; not what has a field here.
            metadata: Yours; kept with the message and in its events.
            priority: `bulk` gives way to `transactional`. Absent: `bulk` for bulk sends, else `transactional`.
            provider: Only this provider. Absent: your route decides.
            provider_template: In place of the text: the id or name of a template at `provider`, which has to be
                given.
            providers: Only these, in this order, whatever your route prefers.
            send_at: Send it then, up to 35 days ahead: ISO 8601 with an offset, or Unix seconds. Absent: now.
            suppression_override: Send it although a recipient is on your suppression list.
            tags: Words to find messages by: lists take `tag`.
            template_id: In place of the text: a published template.
            template_version: Absent: the one that is published when the request comes.
            variables: What the template's names stand for.

        Raises ValueError when there is nothing to send: no `html_body`, `text_body` or template.
        """
        if not (html_body or text_body or template_id or provider_template):
            raise ValueError("Either html_body or text_body is required, or a template.")
        return self._call(
            types.Email,
            "POST",
            "/v1/email",
            body=present(
                {
                    "attachments": attachments,
                    "bcc": bcc,
                    "cc": cc,
                    "from_email": from_email,
                    "from_name": from_name,
                    "headers": headers,
                    "html_body": html_body,
                    "metadata": metadata,
                    "priority": priority,
                    "provider": provider,
                    "provider_template": provider_template,
                    "providers": providers,
                    "reply_to": reply_to,
                    "send_at": send_at,
                    "subject": subject,
                    "suppression_override": suppression_override,
                    "tags": tags,
                    "template_id": template_id,
                    "template_version": template_version,
                    "text_body": text_body,
                    "to": to,
                    "variables": variables,
                },
                blank=("html_body", "text_body", "from_email"),
            ),
            options=options,
        )

    def get(self, email_id: str, *, include: str | None = None, **options: Unpack[RequestOptions]) -> types.Email:
        """Get an email.

        By our id or the provider's.

        Args:
            include: `content`: with its html and text.
        """
        return self._call(
            types.Email,
            "GET",
            f"/v1/email/{segment(email_id, 'email_id')}",
            query=present({"include": include}),
            options=options,
        )

    def get_status(self, email_id: str, **options: Unpack[RequestOptions]) -> types.Email:
        """`get`, as version 2 calls it."""
        return self.get(email_id, **options)

    def list(
        self,
        *,
        status: str | None = None,
        provider: str | None = None,
        batch_id: str | None = None,
        tag: str | None = None,
        to: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> SyncList[types.Email]:
        """List email.

        Newest first, without their html and text.

        Args:
            status: Only with this status.
            provider: Only through this provider.
            batch_id: Only of this batch.
            tag: Only with this one among its `tags`.
            to: Only to this address.
            created_after: Only what was created after this moment.
            created_before: Only what was created before this moment.
            limit: Most entries of one page.
        """
        return self._list(
            types.Email,
            "/v1/email",
            query=present(
                {
                    "status": status,
                    "provider": provider,
                    "batch_id": batch_id,
                    "tag": tag,
                    "to": to,
                    "created_after": created_after,
                    "created_before": created_before,
                    "limit": limit,
                }
            ),
            options=options,
        )

    def cancel(self, email_id: str, **options: Unpack[RequestOptions]) -> types.Email:
        """Cancel an email.

        While it waits for its time: it is not sent. Once the provider has it: where that can take it back, else
        ConflictError is raised.
        """
        return self._call(types.Email, "POST", f"/v1/email/{segment(email_id, 'email_id')}/cancel", options=options)

    def send_bulk(
        self,
        recipients: Sequence[EmailBulkItem],
        *,
        attachments: Sequence[AttachmentIn] | None = None,
        from_email: str | Address | None = None,
        from_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        html_body: str | None = None,
        metadata: Mapping[str, str] | None = None,
        priority: Literal["transactional", "bulk"] | None = None,
        provider: str | None = None,
        provider_template: str | None = None,
        providers: Sequence[str] | None = None,
        reply_to: str | Address | Sequence[str | Address] | None = None,
        send_at: datetime | str | int | None = None,
        subject: str | None = None,
        suppression_override: SuppressionOverride | None = None,
        tags: Sequence[str] | None = None,
        template_id: str | None = None,
        template_version: int | None = None,
        text_body: str | None = None,
        variables: Mapping[str, object] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.EmailBatch:
        """Send email to many.

        Up to 1,000 recipients, each a message of its own that shows no other. Answers once all are stored; those that
        could not be messages are in `rejected`, and stop no other. They give way to what is `transactional`.

        Args:
            recipients: Each is a message of its own.
            attachments: Up to 20; the whole request has at most 10 MiB.
            from_email: Of a domain that is yours at the provider. Absent: the connection's own.
            headers: Further ones, such as `List-Unsubscribe` or `X-…`; not what has a field here.
            html_body: With `text_body` or without: then a text is made of it.
            metadata: Yours; kept with the message and in its events.
            priority: `bulk` gives way to `transactional`. Absent: `bulk` for bulk sends, else `transactional`.
            provider: Only this provider. Absent: your route decides.
            provider_template: In place of the text: the id or name of a template at `provider`, which has to be
                given.
            providers: Only these, in this order, whatever your route prefers.
            send_at: Send it then, up to 35 days ahead: ISO 8601 with an offset, or Unix seconds. Absent: now.
            suppression_override: Send it although a recipient is on your suppression list.
            tags: Words to find messages by: lists take `tag`.
            template_id: In place of the text: a published template.
            template_version: Absent: the one that is published when the request comes.
            variables: What the template's names stand for.
        """
        return self._call(
            types.EmailBatch,
            "POST",
            "/v1/email/bulk",
            body=present(
                {
                    "attachments": attachments,
                    "from_email": from_email,
                    "from_name": from_name,
                    "headers": headers,
                    "html_body": html_body,
                    "metadata": metadata,
                    "priority": priority,
                    "provider": provider,
                    "provider_template": provider_template,
                    "providers": providers,
                    "recipients": recipients,
                    "reply_to": reply_to,
                    "send_at": send_at,
                    "subject": subject,
                    "suppression_override": suppression_override,
                    "tags": tags,
                    "template_id": template_id,
                    "template_version": template_version,
                    "text_body": text_body,
                    "variables": variables,
                }
            ),
            options=options,
        )

    def get_batch(self, batch_id: str, **options: Unpack[RequestOptions]) -> types.EmailBatch:
        """Get a batch of email.

        With how many of its messages have which status.
        """
        return self._call(
            types.EmailBatch, "GET", f"/v1/email/batches/{segment(batch_id, 'batch_id')}", options=options
        )

    def list_batch_messages(
        self, batch_id: str, *, status: str | None = None, limit: int | None = None, **options: Unpack[RequestOptions]
    ) -> SyncList[types.Email]:
        """List a batch's email.

        Each with its own status.

        Args:
            status: Only with this status.
            limit: Most entries of one page.
        """
        return self._list(
            types.Email,
            f"/v1/email/batches/{segment(batch_id, 'batch_id')}/messages",
            query=present({"status": status, "limit": limit}),
            options=options,
        )

    def cancel_batch(self, batch_id: str, **options: Unpack[RequestOptions]) -> types.BatchCanceled:
        """Cancel a batch of email.

        Those of its messages that have not left are not sent. Others go on.
        """
        return self._call(
            types.BatchCanceled, "POST", f"/v1/email/batches/{segment(batch_id, 'batch_id')}/cancel", options=options
        )
