"""SES's mail for the inbox page."""

from collections.abc import Collection, Iterator
from itertools import zip_longest
from typing import Final

from onerouter_sandbox.inbox.model import Action, Attachment, Channel, Email, Happened, Tone
from onerouter_sandbox.ses.state import NAME, Mail, State

_FATES: Final[tuple[tuple[str, str, Tone], ...]] = (
    ("delivered", "Deliver", "good"),
    ("opened", "Open", "plain"),
    ("clicked", "Click", "plain"),
    ("delayed", "Delay", "plain"),
    ("bounced", "Bounce", "bad"),
    ("soft_bounced", "Soft bounce", "bad"),
    ("complained", "Complain", "bad"),
    ("unsubscribed", "Unsubscribe", "bad"),
    ("rejected", "Reject", "bad"),
)


class SesMailbox:
    provider: Final = NAME
    channel: Channel = "email"

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def accounts(self) -> Collection[str]:
        return self._state.mails.accounts

    def newest(self, account: str) -> Iterator[Email]:
        return (_shown(mail) for mail in self._state.mails.newest(account))

    def find(self, message_id: str) -> Email | None:
        mail = self._state.mails.find(message_id)
        return None if mail is None else _shown(mail)


def _shown(mail: Mail) -> Email:
    return Email(
        provider=NAME,
        account=mail.account,
        id=mail.id,
        at=mail.created_at,
        status=_status(mail),
        sender=mail.sender,
        to=tuple(mail.to),
        happened=tuple(
            Happened(each["event"], each["at"], recipient) for each in mail.happened for recipient in each["recipients"]
        ),
        actions=() if mail.rendering_error is not None else _actions(mail),
        reference=mail.reference,
        told_as=mail.id,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        cc=tuple(mail.cc),
        bcc=tuple(mail.bcc),
        reply_to=tuple(mail.reply_to),
        headers=tuple((each["Name"], each["Value"]) for each in mail.headers),
        tags=mail.tags,
        template=mail.template,
        attachments=tuple(_attachments(mail)),
        recipients=tuple(mail.recipients),
    )


def _status(mail: Mail) -> str:
    """The last event of every recipient, where it is the same for all."""
    last = {recipient: each["event"] for each in mail.happened for recipient in each["recipients"]}
    words = set(last.values())
    return words.pop() if len(words) == 1 else "mixed" if words else "accepted"


def _actions(mail: Mail) -> tuple[Action, ...]:
    path = f"/control/{NAME}/messages/{mail.id}/decide"
    return tuple(
        Action(fate, label, path, {"fate": fate}, tone, recipient_as="recipients") for fate, label, tone in _FATES
    )


def _attachments(mail: Mail) -> Iterator[Attachment]:
    for each, encoded in zip_longest(mail.attachments, mail.contents[: len(mail.attachments)]):
        content_type = each["content_type"] or "application/octet-stream"
        yield Attachment(each["filename"], content_type, each["size"], encoded, each["content_id"])
