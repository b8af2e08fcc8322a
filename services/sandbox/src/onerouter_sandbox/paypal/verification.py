"""The API that a merchant asks whether a callback is PayPal's.

The signature is over the very bytes of the event, so they are taken from the question as they stand there: an event that was
read and written again on its way is FAILURE, as at PayPal.
Source: PayPal's notifications_webhooks_v1 file (2024-02-03).
"""

import json
import re
from typing import Final

from fastapi import APIRouter

from onerouter_sandbox.paypal.fields import Fields
from onerouter_sandbox.paypal.routing import Asked, Route, Table
from onerouter_sandbox.paypal.shapes import answer
from onerouter_sandbox.paypal.signing import ALGORITHM, Signer, signed_message
from onerouter_sandbox.paypal.validation import parse_json
from onerouter_sandbox.wire import Reply

OPERATION: Final = "webhooks.verify"
_TEXTS: Final = {
    "auth_algo": 100,
    "cert_url": 500,
    "transmission_id": 50,
    "transmission_sig": 500,
    "transmission_time": 100,
    "webhook_id": 50,
}
_SPACE: Final = re.compile(r"[ \t\r\n]*")


class Verification:
    """A `Feature`."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    @property
    def routes(self) -> Table:
        return {"POST v1/notifications/verify-webhook-signature": Route(OPERATION, self.verify)}

    def resume(self) -> None:
        """Nothing waits."""

    def pages(self) -> APIRouter:
        return APIRouter()

    def control(self) -> APIRouter:
        return APIRouter()

    def verify(self, asked: Asked) -> Reply:
        fields = Fields(parse_json(asked.request.body, OPERATION), OPERATION)
        told = {name: fields.needed_text(name, most) for name, most in _TEXTS.items()}
        fields.needed("webhook_event")
        event = raw_member(asked.request.body.decode("utf-8", "surrogateescape"), "webhook_event")
        message = signed_message(
            told["transmission_id"],
            told["transmission_time"],
            told["webhook_id"],
            event.encode("utf-8", "surrogateescape"),
        )
        good = (
            told["webhook_id"] == asked.account.webhook_id
            and told["auth_algo"] == ALGORITHM
            and told["cert_url"].endswith(f"/v1/notifications/certs/{self._signer.chain.id}")
            and self._signer.signed(message, told["transmission_sig"])
        )
        return answer(200, {"verification_status": "SUCCESS" if good else "FAILURE"})


def raw_member(text: str, name: str) -> str:
    """The text of one member of a JSON object, as it stands there; of several the last, which is the one that counts.

    `text` has been read as an object before. Empty when there is no such member.
    """
    decoder, found = json.JSONDecoder(), ""
    place = _skip(text, _skip(text, 0) + 1)
    while text[place] == '"':
        key, place = decoder.raw_decode(text, place)
        first = _skip(text, _skip(text, place) + 1)
        _, place = decoder.raw_decode(text, first)
        if key == name:
            found = text[first:place]
        place = _skip(text, place)
        if text[place] != ",":
            break
        place = _skip(text, place + 1)
    return found


def _skip(text: str, place: int) -> int:
    space = _SPACE.match(text, place)
    return place if space is None else space.end()
