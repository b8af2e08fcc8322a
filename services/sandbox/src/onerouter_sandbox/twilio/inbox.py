"""Twilio's messages for the inbox page."""

from collections.abc import Collection, Iterator
from typing import Final

from onerouter_sandbox.inbox.model import Action, Channel, Happened, Text, Tone
from onerouter_sandbox.twilio.errors import FAILURES
from onerouter_sandbox.twilio.state import NAME, Message, State

_FATES: Final[tuple[tuple[str, str, Tone], ...]] = (
    ("delivered", "Deliver", "good"),
    ("read", "Read", "plain"),
    ("undelivered", "Carrier refuses", "bad"),
    ("failed", "Fail", "bad"),
)


class TwilioMailbox:
    provider: Final = NAME
    channel: Channel = "sms"

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def accounts(self) -> Collection[str]:
        return self._state.with_messages

    def newest(self, account: str) -> Iterator[Text]:
        return (_shown(message) for message in self._state.newest_first(account))

    def find(self, message_id: str) -> Text | None:
        message = self._state.find(message_id)
        return None if message is None else _shown(message)


def _shown(message: Message) -> Text:
    inbound = message.direction == "inbound"
    ours = message.sender or message.service_sid or ""
    number, line = (message.sender or "", message.to) if inbound else (message.to, message.sender)
    return Text(
        provider=NAME,
        account=message.account,
        id=message.sid,
        at=message.created_at,
        status=message.status,
        sender=ours,
        to=(message.to,),
        happened=tuple(Happened(str(status), float(at)) for status, at in message.history),
        actions=() if inbound or message.status == "canceled" else _actions(message),
        reference=message.reference,
        told_as=message.sid,
        body=message.body,
        segments=message.segments,
        number=number,
        inbound=inbound,
        problem=None if message.error_code is None else _problem(message.error_code),
        price=None if message.price is None else f"{message.price.lstrip('-')} USD",
        send_at=message.send_at,
        reply=None if line is None else _reply(message.account, number, line),
    )


def _actions(message: Message) -> tuple[Action, ...]:
    path = f"/control/{NAME}/messages/{message.sid}/decide"
    return tuple(Action(fate, label, path, {"status": fate}, tone) for fate, label, tone in _FATES)


def _reply(account: str, number: str, line: str) -> Action:
    """To whom it was sent answers the number that it came from."""
    return Action("reply", "Reply", f"/control/{NAME}/accounts/{account}/incoming", {"sender": number, "to": line})


def _problem(code: int) -> str:
    return f"{code} {FAILURES.get(code, 'Unknown error')}"
