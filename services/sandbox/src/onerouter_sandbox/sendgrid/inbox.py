"""SendGrid's emails for the inbox page: each personalization of a request is an email of its own."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from onerouter_sandbox.inbox.model import Action, Attachment, Channel, Email, Happened, Tone
from onerouter_sandbox.sendgrid.account import NAME
from onerouter_sandbox.sendgrid.state import Line, Message, State

_EVENTS: Final[tuple[tuple[str, str, Tone], ...]] = (
    ("delivered", "Deliver", "good"),
    ("open", "Open", "plain"),
    ("click", "Click", "plain"),
    ("deferred", "Delay", "plain"),
    ("bounce", "Bounce", "bad"),
    ("blocked", "Block", "bad"),
    ("spamreport", "Complain", "bad"),
    ("unsubscribe", "Unsubscribe", "bad"),
    ("dropped", "Drop", "bad"),
)


class SendGridMailbox:
    provider: Final = NAME
    channel: Channel = "email"

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def accounts(self) -> Collection[str]:
        return self._state.messages.accounts

    def newest(self, account: str) -> Iterator[Email]:
        for message in self._state.messages.newest(account):
            for place in range(len(message.envelopes)):
                yield self._shown(message, place)

    def find(self, message_id: str) -> Email | None:
        """`<message>:<place of the personalization>`."""
        known, _, place = message_id.partition(":")
        message = self._state.messages.find(known)
        if message is None or not place.isascii() or not place.isdigit() or int(place) >= len(message.envelopes):
            return None
        return self._shown(message, int(place))

    def _shown(self, message: Message, place: int) -> Email:
        asked, envelope, people = message.asked, message.envelopes[place], message.asked["personalizations"][place]
        account = self._state.accounts.get(message.account)
        # Lines are made in the order of the envelopes, one a recipient.
        before = sum(len(each["recipients"]) for each in message.envelopes[:place])
        lines = self._state.lines_of.get(message.id, [])[before : before + len(envelope["recipients"])]
        replies = asked.get("reply_to_list") or [asked.get("reply_to")]
        return Email(
            provider=NAME,
            account=message.account,
            id=f"{message.id}:{place}",
            at=message.created,
            status=_status(message, lines),
            sender=_person(people.get("from") or asked["from"]),
            to=_people(people.get("to")),
            happened=tuple(_happened(line, event) for line in lines for event in line.events),
            actions=_actions(message, lines),
            reference=envelope["custom_args"].get("onerouter_id" if account is None else account.reference_arg),
            told_as=message.id,
            subject=envelope["subject"],
            text=envelope["text"],
            html=envelope["html"],
            cc=_people(people.get("cc")),
            bcc=_people(people.get("bcc")),
            reply_to=_people([each for each in replies if each]),
            headers=_headers(asked, people),
            tags={**envelope["custom_args"], **dict.fromkeys(asked.get("categories") or [], "category")},
            template=asked.get("template_id"),
            send_at=message.send_at,
            attachments=tuple(_attachment(each) for each in asked.get("attachments") or []),
            recipients=tuple(envelope["recipients"]),
        )


def _status(message: Message, lines: Sequence[Line]) -> str:
    statuses = {line.status for line in lines}
    return statuses.pop() if len(statuses) == 1 else "mixed" if statuses else message.state


def _happened(line: Line, event: Mapping[str, Any]) -> Happened:
    about = event.get("reason") or event.get("response") or event.get("url")
    return Happened(str(event["event"]), float(event["timestamp"]), line.email, about)


def _actions(message: Message, lines: Sequence[Line]) -> tuple[Action, ...]:
    """An event of the control API is of one recipient or of all that the request had."""
    if not lines:
        return ()
    path = f"/control/{NAME}/messages/{message.id}/events"
    body = {} if len(message.envelopes) == 1 else {"email": lines[0].email}
    return tuple(
        Action(
            event,
            label,
            path,
            {"event": event, **body},
            tone,
            recipient_as="email",
            link_as=("details", "url") if event == "click" else (),
        )
        for event, label, tone in _EVENTS
    )


def _headers(asked: Mapping[str, Any], people: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    headers = {**(asked.get("headers") or {}), **(people.get("headers") or {})}
    return tuple((str(name), str(value)) for name, value in headers.items())


def _people(given: Sequence[Mapping[str, Any]] | None) -> tuple[str, ...]:
    return tuple(_person(each) for each in given or ())


def _person(given: Mapping[str, Any]) -> str:
    return f"{given['name']} <{given['email']}>" if given.get("name") else str(given["email"])


def _attachment(given: Mapping[str, Any]) -> Attachment:
    return Attachment(
        name=str(given["filename"]),
        content_type=str(given.get("type") or "application/octet-stream"),
        size=None,
        encoded=str(given["content"]),
        content_id=given.get("content_id"),
    )
