"""Resend's emails for the inbox page."""

from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from onerouter_sandbox.inbox.model import Action, Attachment, Channel, Email, Happened, Tone
from onerouter_sandbox.resend.account import NAME
from onerouter_sandbox.resend.state import Email as Kept
from onerouter_sandbox.resend.state import State
from onerouter_sandbox.resend.validation import email_address

_EVENTS: Final[tuple[tuple[str, str, Tone], ...]] = (
    ("delivered", "Deliver", "good"),
    ("opened", "Open", "plain"),
    ("clicked", "Click", "plain"),
    ("delivery_delayed", "Delay", "plain"),
    ("bounced", "Bounce", "bad"),
    ("complained", "Complain", "bad"),
    ("suppressed", "Suppress", "bad"),
    ("failed", "Fail", "bad"),
)


class ResendMailbox:
    provider: Final = NAME
    channel: Channel = "email"

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def accounts(self) -> Collection[str]:
        return self._state.emails.accounts

    def newest(self, account: str) -> Iterator[Email]:
        return (self._shown(kept) for kept in self._state.emails.newest(account))

    def find(self, message_id: str) -> Email | None:
        kept = self._state.emails.find(message_id)
        return None if kept is None else self._shown(kept)

    def _shown(self, kept: Kept) -> Email:
        content = kept.content
        account = self._state.accounts.get(kept.account)
        addresses = [*content["to"], *content["cc"], *content["bcc"]]
        return Email(
            provider=NAME,
            account=kept.account,
            id=kept.id,
            at=kept.created,
            status=kept.last_event,
            sender=content["from"],
            to=tuple(content["to"]),
            happened=tuple(Happened(event, at) for event, at in kept.happened),
            actions=() if kept.last_event in ("scheduled", "canceled") else _actions(kept),
            reference=kept.tags.get("onerouter_id" if account is None else account.reference_tag),
            told_as=kept.id,
            subject=content.get("subject") or "",
            text=content.get("text"),
            html=content.get("html"),
            cc=tuple(content["cc"]),
            bcc=tuple(content["bcc"]),
            reply_to=tuple(content["reply_to"]),
            headers=tuple((str(name), str(value)) for name, value in (content.get("headers") or {}).items()),
            tags=kept.tags,
            template=kept.template_id,
            send_at=kept.scheduled_at,
            attachments=tuple(_attachment(each) for each in content["attachments"]),
            recipients=tuple(email_address(each) or each for each in addresses),
        )


def _actions(kept: Kept) -> tuple[Action, ...]:
    path = f"/control/{NAME}/emails/{kept.id}/events"
    return tuple(
        Action(event, label, path, {"event": event}, tone, link_as=("details", "link") if event == "clicked" else ())
        for event, label, tone in _EVENTS
    )


def _attachment(given: Mapping[str, Any]) -> Attachment:
    return Attachment(
        name=str(given.get("filename") or given.get("path") or "attachment"),
        content_type=str(given.get("content_type") or "application/octet-stream"),
        size=None,
        encoded=_encoded(given.get("content")),
        content_id=given.get("content_id") or given.get("inline_content_id"),
    )


def _encoded(content: object) -> str | None:
    """Resend takes base 64, and bytes as numbers."""
    if not isinstance(content, list):
        return None if content is None else str(content)
    try:
        return b64encode(bytes(content)).decode()
    except (TypeError, ValueError):
        return None
