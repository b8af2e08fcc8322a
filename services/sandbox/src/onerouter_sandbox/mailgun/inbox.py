"""Mailgun's mail for the inbox page."""

from collections.abc import Collection, Iterator
from itertools import zip_longest
from typing import Final
from urllib.parse import quote

from onerouter_sandbox.inbox.model import Action, Attachment, Channel, Email, Happened, Tone
from onerouter_sandbox.mailgun.model import Mail, MailEvent
from onerouter_sandbox.mailgun.state import NAME, State

_FATES: Final[tuple[tuple[str, str, Tone], ...]] = (
    ("delivered", "Deliver", "good"),
    ("opened", "Open", "plain"),
    ("clicked", "Click", "plain"),
    ("deferred", "Delay", "plain"),
    ("bounced", "Bounce", "bad"),
    ("complained", "Complain", "bad"),
    ("unsubscribed", "Unsubscribe", "bad"),
    ("rejected", "Reject", "bad"),
)


class MailgunMailbox:
    provider: Final = NAME
    channel: Channel = "email"

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def accounts(self) -> Collection[str]:
        return self._state.mails_of.keys()

    def newest(self, account: str) -> Iterator[Email]:
        return (self._shown(mail) for mail in reversed(self._state.mails_of.get(account, [])))

    def find(self, message_id: str) -> Email | None:
        """By its storage key."""
        mail = self._state.mails.get(message_id)
        return None if mail is None else self._shown(mail)

    def _shown(self, mail: Mail) -> Email:
        events = self._state.events_of.get(mail.id, [])
        reply_to = next((value for name, value in mail.headers.items() if name.lower() == "reply-to"), None)
        return Email(
            provider=NAME,
            account=mail.account,
            id=mail.id,
            at=mail.created_at,
            status=_status(mail, events),
            sender=mail.sender,
            to=tuple(mail.to),
            happened=tuple(_happened(event) for event in events),
            actions=_actions(mail) if mail.is_sent else (),
            reference=mail.variables.get("onerouter_id"),
            told_as=mail.id,
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            cc=tuple(mail.cc),
            bcc=tuple(mail.bcc),
            reply_to=() if reply_to is None else (reply_to,),
            headers=(("Message-Id", f"<{mail.message_id}>"), *mail.headers.items()),
            tags={**mail.variables, **dict.fromkeys(mail.tags, "tag")},
            template=mail.template,
            send_at=mail.due_at if mail.is_scheduled else None,
            attachments=tuple(_attachments(mail)),
            recipients=tuple(mail.recipients),
        )


def _status(mail: Mail, events: list[MailEvent]) -> str:
    """The same for all recipients, or mixed."""
    if not mail.is_sent:
        return "scheduled"
    last = {event.recipient: _word(event) for event in events}
    words = set(last.values())
    return words.pop() if len(words) == 1 else "mixed" if words else "accepted"


def _word(event: MailEvent) -> str:
    return "deferred" if event.kind == "failed" and event.details.get("severity") == "temporary" else event.kind


def _happened(event: MailEvent) -> Happened:
    status = event.details.get("delivery-status") or {}
    about = event.details.get("url") or status.get("description") or status.get("message")
    return Happened(_word(event), event.at, event.recipient, about or None)


def _actions(mail: Mail) -> tuple[Action, ...]:
    """The control API knows mail by its Message-Id; of several with one, the last."""
    path = f"/control/{NAME}/messages/{quote(mail.message_id, safe='')}/decide"
    return tuple(
        Action(
            fate,
            label,
            path,
            {"fate": fate},
            tone,
            recipient_as="recipient",
            link_as=("url",) if fate == "clicked" else (),
        )
        for fate, label, tone in _FATES
    )


def _attachments(mail: Mail) -> Iterator[Attachment]:
    """Mailgun's inline files are referred to by their names."""
    for each, encoded in zip_longest(mail.attachments, mail.contents[: len(mail.attachments)]):
        yield Attachment(each["filename"], each["content-type"], each["size"], encoded, each["filename"])
