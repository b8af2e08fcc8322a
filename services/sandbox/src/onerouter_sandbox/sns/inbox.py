"""SNS's messages for the inbox page: what was published to phone numbers."""

from collections.abc import Collection, Iterator
from typing import Final

from onerouter_sandbox.inbox.model import Action, Channel, Happened, Text
from onerouter_sandbox.sns.state import NAME, Message, State


class SnsMailbox:
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
    """Two-way messaging is not simulated: nobody can answer."""
    sender = message.attributes.get("AWS.SNS.SMS.SenderID") or message.attributes.get("AWS.MM.SMS.OriginationNumber")
    happened = [Happened("published" if message.sent else "dropped", message.created_at)]
    if message.delivery is not None and message.delivery_at is not None:
        happened.append(Happened(message.delivery, message.delivery_at, about=message.provider_response))
    return Text(
        provider=NAME,
        account=message.account,
        id=message.id,
        at=message.created_at,
        status=message.delivery or ("published" if message.sent else "dropped"),
        sender=sender or "NOTICE",
        to=(message.to,),
        happened=tuple(happened),
        actions=_actions(message) if message.sent else (),
        body=message.body,
        segments=message.segments,
        number=message.to,
        problem=_problem(message),
    )


def _actions(message: Message) -> tuple[Action, ...]:
    """They are written to the account's delivery log only: SNS tells nobody."""
    path = f"/control/{NAME}/messages/{message.id}/decide"
    refused = {"status": "FAILURE", "provider_response": "Phone is currently unreachable/unavailable"}
    return (
        Action("SUCCESS", "Log as delivered", path, {"status": "SUCCESS"}, "good"),
        Action("FAILURE", "Log as failed", path, refused, "bad"),
    )


def _problem(message: Message) -> str | None:
    if not message.sent:
        return "Taken and not sent: opted out, not verified, or past the spend limit"
    return message.provider_response if message.delivery == "FAILURE" else None
