# Written by scripts/make_sync.py from resources/templates.py: change that, then `make sdk`.
"""Texts of messages, in Liquid, in versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from onerouter import types
from onerouter._options import NOT_GIVEN, NotGiven, RequestOptions
from onerouter._request import segment
from onerouter._sync._pages import SyncList
from onerouter._sync._resource import SyncResource
from onerouter.resources._body import present

if TYPE_CHECKING:
    from typing_extensions import Unpack

Channel = Literal["sms", "email"]


class SyncTemplates(SyncResource):
    """Texts of messages, in versions: a draft is changed, what is published is not.

    Each method takes the channel first: those of SMS and of email are apart.
    """

    def create(
        self,
        channel: Channel,
        name: str,
        *,
        body: str | None = None,
        subject: str | None = None,
        html: str | None = None,
        text: str | None = None,
        defaults: Mapping[str, object] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Template:
        """Create a template: a draft, to be published before it can be sent.

        Names are unique in a channel: another of the same name raises ConflictError.

        Args:
            body: Of an SMS, in Liquid.
            subject: Of an email, in Liquid.
            html: Of an email, in Liquid.
            text: Of an email, in Liquid. Absent: made of the html.
            defaults: What names stand for where a message does not say it.
        """
        return self._call(
            types.Template,
            "POST",
            _path(channel),
            body=present(
                {"name": name, "body": body, "subject": subject, "html": html, "text": text, "defaults": defaults}
            ),
            options=options,
        )

    def get(self, channel: Channel, template_id: str, **options: Unpack[RequestOptions]) -> types.Template:
        """Get a template: what is published, and the draft if there is one."""
        return self._call(types.Template, "GET", _path(channel, template_id), options=options)

    def list(
        self,
        channel: Channel,
        *,
        name: str | None = None,
        limit: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> SyncList[types.Template]:
        """List templates, newest first.

        Args:
            name: Only the one of this name.
            limit: Most entries of one page.
        """
        query = present({"name": name, "limit": limit})
        return self._list(types.Template, _path(channel), query=query, options=options)

    def update(
        self,
        channel: Channel,
        template_id: str,
        *,
        name: str | NotGiven | None = NOT_GIVEN,
        body: str | NotGiven | None = NOT_GIVEN,
        subject: str | NotGiven | None = NOT_GIVEN,
        html: str | NotGiven | None = NOT_GIVEN,
        text: str | NotGiven | None = NOT_GIVEN,
        defaults: Mapping[str, object] | NotGiven | None = NOT_GIVEN,
        **options: Unpack[RequestOptions],
    ) -> types.Template:
        """Change the draft, or the name. None takes a part away."""
        return self._call(
            types.Template,
            "PATCH",
            _path(channel, template_id),
            body={"name": name, "body": body, "subject": subject, "html": html, "text": text, "defaults": defaults},
            options=options,
        )

    def delete(self, channel: Channel, template_id: str, **options: Unpack[RequestOptions]) -> types.TemplateDeleted:
        """Delete a template. Messages that were asked for with it are sent."""
        return self._call(
            types.TemplateDeleted,
            "DELETE",
            _path(channel, template_id),
            options=options,
            gone={"id": template_id, "object": "template", "deleted": True},
        )

    def preview(
        self,
        channel: Channel,
        template_id: str,
        *,
        variables: Mapping[str, object] | None = None,
        version: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.TemplateRendered:
        """Show what would be sent with these variables. Nothing is.

        Args:
            variables: What its names stand for.
            version: Absent: the draft, else what is published.
        """
        return self._call(
            types.TemplateRendered,
            "POST",
            f"{_path(channel, template_id)}/preview",
            body=present({"variables": variables, "version": version}),
            options=options,
        )

    def publish(
        self, channel: Channel, template_id: str, *, version: int | None = None, **options: Unpack[RequestOptions]
    ) -> types.Template:
        """Publish the draft as the next version. Messages keep the version they were asked for with.

        Args:
            version: An earlier one, to be current again.
        """
        return self._call(
            types.Template,
            "POST",
            f"{_path(channel, template_id)}/publish",
            body=present({"version": version}),
            options=options,
        )

    def list_versions(
        self, channel: Channel, template_id: str, *, limit: int | None = None, **options: Unpack[RequestOptions]
    ) -> SyncList[types.TemplateVersionListed]:
        """List the versions of a template, newest first.

        Args:
            limit: Most entries of one page.
        """
        return self._list(
            types.TemplateVersionListed,
            f"{_path(channel, template_id)}/versions",
            query=present({"limit": limit}),
            options=options,
        )


def _path(channel: str, template_id: str | None = None) -> str:
    templates = f"/v1/{segment(channel, 'channel')}/templates"
    return templates if template_id is None else f"{templates}/{segment(template_id, 'template_id')}"
