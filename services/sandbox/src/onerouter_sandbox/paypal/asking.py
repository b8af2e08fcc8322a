"""`POST /v1/notifications/verify-webhook-signature`: whether a callback is ours, as PayPal says it to who asks.

The signature is checked over the bytes of `webhook_event` as they stand in the question: who writes the event anew fails,
as at PayPal.
"""

import base64
import binascii
import json
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from fastapi import APIRouter

from onerouter_sandbox.paypal.errors import bad_request
from onerouter_sandbox.paypal.fields import Fields
from onerouter_sandbox.paypal.routing import Asked, Route, Table
from onerouter_sandbox.paypal.shapes import answer
from onerouter_sandbox.paypal.signing import ALGORITHM, Signer, signed_message
from onerouter_sandbox.paypal.validation import parse_json
from onerouter_sandbox.wire import Reply

_OPERATION: Final = "webhooks.verify"
_MOST: Final = {
    "auth_algo": 100,
    "cert_url": 500,
    "transmission_id": 50,
    "transmission_sig": 500,
    "transmission_time": 100,
    "webhook_id": 50,
}
_BLANK: Final = (" ", "\t", "\r", "\n")


class AskingAboutCallbacks:
    """A `Feature`."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    @property
    def routes(self) -> Table:
        return {"POST v1/notifications/verify-webhook-signature": Route(_OPERATION, self.verify)}

    def resume(self) -> None:
        """Nothing waits."""

    def control(self) -> APIRouter:
        return APIRouter()

    def pages(self) -> APIRouter:
        return APIRouter()

    def verify(self, asked: Asked) -> Reply:
        fields = Fields(parse_json(asked.request.body, _OPERATION), _OPERATION)
        fields.needed("webhook_event")
        given = {name: fields.needed_text(name, most) for name, most in _MOST.items()}
        event = raw_value(asked.request.body.decode(), "webhook_event")
        if event is None:
            raise bad_request("INVALID_PARAMETER_SYNTAX", "/webhook_event", _OPERATION)
        is_ours = (
            given["webhook_id"] == asked.account.webhook_id
            and given["auth_algo"] == ALGORITHM
            and given["cert_url"].endswith(f"/{self._signer.chain.id}")
            and self._has_signed(given, event.encode())
        )
        return answer(200, {"verification_status": "SUCCESS" if is_ours else "FAILURE"})

    def _has_signed(self, given: dict[str, str], event: bytes) -> bool:
        message = signed_message(given["transmission_id"], given["transmission_time"], given["webhook_id"], event)
        try:
            self._signer.check(message, base64.b64decode(given["transmission_sig"], validate=True))
        except (InvalidSignature, binascii.Error):
            return False
        return True


def raw_value(text: str, name: str) -> str | None:
    """The text of a member of a JSON object, as it stands there."""
    decoder, place, found = json.JSONDecoder(), _skip(text, 0, "{"), None
    while place < len(text) and text[place] == '"':
        key, place = _read(decoder, text, place)
        start = _skip(text, place, ":")
        _, place = _read(decoder, text, start)
        if key == name:
            found = text[start:place]
        place = _skip(text, place, ",")
    return found


def _read(decoder: json.JSONDecoder, text: str, place: int) -> tuple[Any, int]:
    value, end = decoder.raw_decode(text, place)
    return value, end


def _skip(text: str, place: int, mark: str) -> int:
    """The place after the blanks, the mark where it stands, and the blanks behind it."""
    place = _after_blanks(text, place)
    return _after_blanks(text, place + 1) if text[place : place + 1] == mark else place


def _after_blanks(text: str, place: int) -> int:
    while text[place : place + 1] in _BLANK and place < len(text):
        place += 1
    return place
