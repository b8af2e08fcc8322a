"""Twilio's requests to its customers: a form, signed over the address and every parameter."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import urldefrag, urlencode

from onerouter_sandbox.callbacks import Callback
from onerouter_sandbox.ids import random_id
from onerouter_sandbox.twilio.shapes import VERSION
from onerouter_sandbox.twilio.state import NAME, Message, State
from onerouter_sandbox.world import World

OPT_OUT: Final = {
    "STOP": "STOP",
    "STOPALL": "STOP",
    "UNSUBSCRIBE": "STOP",
    "START": "START",
    "UNSTOP": "START",
    "HELP": "HELP",
}

_INCOMING: Final = "message.received"
_TWIML: Final = frozenset({"text/xml", "application/xml", "text/html", "text/plain"})


def judge(callback: Callback, content_type: str, body: bytes) -> str | None:
    """What Twilio's debugger would show: an incoming message is answered with TwiML, with text, or with nothing."""
    if callback.event != _INCOMING or not body or content_type in _TWIML:
        return None
    return f"12300 Invalid Content-Type: {content_type}"


class Webhooks:
    """Makes and signs requests and owes them to the message's own address, or for incoming messages to the account's."""

    def __init__(self, state: State, world: World) -> None:
        self._state = state
        self._world = world

    def status(self, message: Message) -> None:
        """What a message has become."""
        if message.callback_url is None:
            return
        fields = {
            **_head(message),
            "SmsStatus": message.status,
            "MessageStatus": message.status,
            **({"MessagingServiceSid": message.service_sid} if message.service_sid else {}),
            **({"ErrorCode": str(message.error_code)} if message.error_code is not None else {}),
            **({"RawDlrDoneDate": "2611211646"} if message.status in ("delivered", "undelivered") else {}),
        }
        self._owe(message, fields, message.callback_url, f"message.{message.status}")

    def incoming(self, message: Message) -> None:
        account = self._state.accounts[message.account]
        if account.callback_url is None:
            return
        opt_out = OPT_OUT.get(message.body.strip().upper())
        fields = {
            **_head(message),
            "SmsStatus": "received",
            "Body": message.body,
            "NumMedia": "0",
            "NumSegments": str(message.segments),
            **({"OptOutType": opt_out} if message.service_sid and opt_out else {}),
        }
        self._owe(message, fields, account.callback_url, _INCOMING)

    def _owe(self, message: Message, fields: Mapping[str, str], address: str, event: str) -> None:
        url = urldefrag(address).url  # what follows the # is for Twilio, and neither sent nor signed
        token = self._state.accounts[message.account].auth_token
        self._world.callbacks.emit(
            provider=NAME,
            account=message.account,
            event=event,
            event_id=f"{message.sid}:{event}",
            group=message.sid,
            body=urlencode(fields).encode(),
            headers={
                "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
                "User-Agent": "TwilioProxy/1.1",
                "X-Twilio-Signature": sign(token, url, fields),
                "I-Twilio-Idempotency-Token": random_id("", 32),
            },
            url=url,
        )


def sign(token: str, url: str, fields: Mapping[str, str]) -> str:
    said = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), said.encode(), hashlib.sha1).digest()).decode()


def _head(message: Message) -> dict[str, str]:
    return {
        "ApiVersion": VERSION,
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "AccountSid": message.account,
        "From": message.sender or "",
        "To": message.to,
    }
