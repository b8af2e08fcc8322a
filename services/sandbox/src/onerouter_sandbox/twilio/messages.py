"""What happens to messages: taken, sent, delivered or not, canceled; and those that come in."""

from collections import deque
from decimal import Decimal
from typing import Final, Literal
from urllib.parse import parse_qs, urlsplit

from onerouter_sandbox.segments import segments_of
from onerouter_sandbox.twilio.account import Account
from onerouter_sandbox.twilio.callbacks import OPT_OUT, Webhooks
from onerouter_sandbox.twilio.errors import Refused
from onerouter_sandbox.twilio.sending import Wanted, pool
from onerouter_sandbox.twilio.shapes import new_sid
from onerouter_sandbox.twilio.state import NAME, Message, Recipient, State
from onerouter_sandbox.world import World

Fate = Literal["sent", "delivered", "undelivered", "failed", "read"]
MARKER: Final = "onerouter_message"
"""In the query of a status callback's address: the client's own id of the message."""
_WAITING: Final = frozenset({"accepted", "queued", "sending"})
_FATE_CODE: Final = {"undelivered": 30003, "failed": 30008}


class Messages:
    def __init__(self, state: State, world: World, webhooks: Webhooks) -> None:
        self._state = state
        self._world = world
        self._webhooks = webhooks
        self._recent: dict[str, deque[float]] = {}

    def create(self, account: Account, wanted: Wanted) -> Message:
        self._keep_pace(account)
        now = self._now(account.account_sid)
        scheduled = wanted.send_at is not None
        message = Message(
            sid=new_sid(),
            account=account.account_sid,
            direction="outbound-api",
            to=wanted.to,
            sender=wanted.sender,
            service_sid=wanted.service_sid,
            body=wanted.body,
            segments=segments_of(wanted.body),
            created_at=now,
            updated_at=now,
            status="scheduled" if scheduled else "accepted" if wanted.service_sid else "queued",
            send_at=wanted.send_at,
            callback_url=wanted.callback_url,
            reference=_marker(wanted.callback_url),
        )
        message.history.append([message.status, now])
        self._state.add(message)
        if not scheduled:
            self._webhooks.status(message)
            self._take(message)
        else:
            self._wait_for(message)
        return message

    def cancel(self, message: Message) -> None:
        """Canceled already: nothing changes. Raises Refused for one that is on its way."""
        if message.status == "canceled":
            return
        if message.status != "scheduled":
            raise Refused(30409)
        self._become(message, "canceled")

    def redact(self, message: Message) -> None:
        message.body = ""
        self._state.changed(message)

    def delete(self, message: Message) -> None:
        message.deleted = True
        self._state.changed(message)

    def decide(self, message: Message, fate: Fate, error_code: int | None = None) -> None:
        """What a carrier says of it."""
        if message.status == "scheduled":
            self._send(message)
        if message.sent_at is None and fate != "failed":
            self._sent(message)
        if fate == "sent":
            return
        message.error_code = error_code or _FATE_CODE.get(fate)
        self._become(message, fate)

    def receive(self, account: Account, sender: str, to: str, body: str) -> Message:
        """A message comes in. STOP and START are kept, as Twilio keeps them."""
        now = self._now(account.account_sid)
        service = next((sid for sid in account.messaging_services if to in pool(account, sid)), None)
        message = Message(
            new_sid(), account.account_sid, "inbound", to, sender, service, body, segments_of(body), now, now, "received",
            sent_at=now, history=[["received", now]],
        )  # fmt: skip
        self._state.add(message)
        self._opt(account.account_sid, sender, service or to, OPT_OUT.get(body.strip().upper()))
        self._webhooks.incoming(message)
        return message

    def resume(self) -> None:
        for message in self._state.all():
            if message.status == "scheduled":
                self._wait_for(message)
            elif message.direction != "inbound" and message.status in (*_WAITING, "sent"):
                self._go_on(message)

    def _opt(self, account_sid: str, number: str, sender: str, word: str | None) -> None:
        recipient: Recipient = self._state.recipient(account_sid, number)
        others = tuple(one for one in recipient.opted_out_of if one != sender)
        if word == "STOP":
            recipient.opted_out_of = (*others, sender)
        elif word == "START":
            recipient.opted_out_of = others
        self._state.put_recipient(recipient)

    def _wait_for(self, message: Message) -> None:
        def due() -> None:
            if message.status == "scheduled":
                self._send(message)

        self._world.timers.at(message.send_at or 0.0, due, account=message.account)

    def _send(self, message: Message) -> None:
        """The time of a scheduled message has come."""
        self._become(message, "accepted")
        self._take(message)

    def _take(self, message: Message) -> None:
        """From here on it reaches a person: this is the effect."""
        self._world.ledger.record(
            provider=NAME,
            account=message.account,
            kind="sms.sent",
            reference=message.reference,
            object_id=message.sid,
            amount=0,
            currency="USD",
            at=self._now(message.account),
        )
        self._go_on(message)

    def _go_on(self, message: Message) -> None:
        """By itself, where nobody decides."""
        account = self._state.accounts.get(message.account)
        if account is None or account.delivery == "manual":
            return
        recipient = self._state.recipient(message.account, message.to)

        def sent() -> None:
            if message.status in _WAITING:
                self._sent(message)

        def ended() -> None:
            if message.status == "sent":
                self.decide(message, recipient.fate, recipient.error_code)  # type: ignore[arg-type]

        now = self._now(message.account)
        self._world.timers.at(now + account.sent_after_s, sent, account=message.account)
        if recipient.fate != "sent":
            after_s = max(account.sent_after_s, account.delivered_after_s)
            self._world.timers.at(now + after_s, ended, account=message.account)

    def _sent(self, message: Message) -> None:
        account = self._state.accounts[message.account]
        message.sent_at = self._now(message.account)
        if message.sender is None and message.service_sid is not None:
            message.sender = pool(account, message.service_sid)[0]
        self._become(message, "sent")

        def price() -> None:
            message.price = f"-{Decimal(account.price_per_segment) * message.segments}"
            self._state.changed(message)

        if account.priced_after_s:
            self._world.timers.at(message.sent_at + account.priced_after_s, price, account=message.account)
        else:
            price()

    def _become(self, message: Message, status: str) -> None:
        message.status = status
        message.updated_at = self._now(message.account)
        message.history.append([status, message.updated_at])
        self._state.changed(message)
        self._webhooks.status(message)

    def _keep_pace(self, account: Account) -> None:
        """Raises Refused when more than the account's share came within the last second."""
        if account.messages_per_s is None:
            return
        now, recent = self._world.clock.now(), self._recent.setdefault(account.account_sid, deque())
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if len(recent) >= account.messages_per_s:
            raise Refused(20429)
        recent.append(now)

    def _now(self, account_sid: str) -> float:
        return self._world.clocks.of(account_sid).now()


def _marker(url: str | None) -> str | None:
    return None if url is None else parse_qs(urlsplit(url).query).get(MARKER, [None])[0]
