"""What SNS does with phone numbers."""

import re
from collections import deque
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from onerouter_sandbox.segments import segments_of
from onerouter_sandbox.sns.account import Account
from onerouter_sandbox.sns.errors import Refused, invalid
from onerouter_sandbox.sns.state import NAME, Message, State
from onerouter_sandbox.world import World

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_MOST_BYTES: Final = 1_600
_PATTERNS: Final = {
    "AWS.SNS.SMS.SMSType": re.compile(r"Transactional|Promotional"),
    "AWS.SNS.SMS.SenderID": re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9-]{1,9}[A-Za-z0-9]"),
    "AWS.SNS.SMS.MaxPrice": re.compile(r"[0-9]+(\.[0-9]+)?"),
    "AWS.MM.SMS.OriginationNumber": re.compile(r"\+?[0-9]{5,14}"),
    "AWS.MM.SMS.EntityId": re.compile(r".{1,50}"),
    "AWS.MM.SMS.TemplateId": re.compile(r".{1,50}"),
}


class Sms:
    def __init__(self, state: State, world: World) -> None:
        self._state = state
        self._world = world
        self._recent: dict[str, deque[float]] = {}

    def publish(self, account: Account, to: str, body: str, attributes: Mapping[str, str]) -> Message:
        """An opted-out number, and a spend limit that is reached, are a success that sends nothing. Raises Refused."""
        if not _E164.fullmatch(to):
            raise invalid("PhoneNumber", f"{to} is not valid to publish to")
        if not body:
            raise invalid("Empty message", "")
        if len(body.encode()) > _MOST_BYTES:
            raise invalid("Message too long", "")
        for name, value in attributes.items():
            pattern = _PATTERNS.get(name)
            if pattern is not None and not pattern.fullmatch(value):
                raise invalid("MessageAttributes", f"{name} has an invalid value")
        self._keep_pace(account)
        over = account.spend_limit_messages is not None and self._count_sent(account) >= account.spend_limit_messages
        unverified = account.in_sms_sandbox and to not in account.verified
        dropped = over or unverified or to in account.opted_out
        message = Message(
            id=str(uuid4()),
            account=account.access_key_id,
            to=to,
            body=body,
            attributes=dict(attributes),
            segments=segments_of(body),
            created_at=self._world.clocks.of(account.access_key_id).now(),
            sent=not dropped,
        )
        self._state.add(message)
        if message.sent:
            self._world.ledger.record(
                provider=NAME,
                account=account.access_key_id,
                kind="sms.sent",
                reference=None,  # SNS carries none
                object_id=message.id,
                amount=0,
                currency="USD",
                at=message.created_at,
            )
        return message

    def decide(self, message: Message, delivery: str, provider_response: str) -> None:
        """What the account's log will say; nobody is told."""
        message.delivery = delivery
        message.provider_response = provider_response
        message.delivery_at = self._world.clocks.of(message.account).now()
        self._state.changed(message)

    def _count_sent(self, account: Account) -> int:
        return sum(1 for message in self._state.newest_first(account.access_key_id) if message.sent)

    def _keep_pace(self, account: Account) -> None:
        if account.messages_per_s is None:
            return
        now, recent = self._world.clock.now(), self._recent.setdefault(account.access_key_id, deque())
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if len(recent) >= account.messages_per_s:
            raise Refused(429, "Throttled", "Rate exceeded")
        recent.append(now)
