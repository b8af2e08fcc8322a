"""Twilio's own Python client, its address changed and nothing else."""

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from .conftest import NUMBER, TO, TOKEN

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver

    from .conftest import Phone

twilio_rest = pytest.importorskip("twilio.rest", reason="Twilio's client is not among the development dependencies")


async def test_send_read_list_and_refuse(phone: "Phone") -> None:
    http_client, exceptions = import_module("twilio.http.http_client"), import_module("twilio.base.exceptions")

    class Redirected(http_client.TwilioHttpClient):  # type: ignore[misc, name-defined]
        def request(self, method: str, url: str, *rest: Any, **more: Any) -> Any:
            parts = urlsplit(url)
            query = f"?{parts.query}" if parts.query else ""
            return super().request(method, f"{phone.sandbox.url}/twilio{parts.path}{query}", *rest, **more)

    client = twilio_rest.Client(phone.sid, TOKEN, http_client=Redirected())
    do = asyncio.to_thread
    made = await do(client.messages.create, to=TO, from_=NUMBER, body="Hello.")
    assert made.status == "queued"
    assert (await do(client.messages(made.sid).fetch)).body == "Hello."
    assert [each.sid for each in await do(client.messages.list, to=TO, limit=5)] == [made.sid]
    with pytest.raises(exceptions.TwilioRestException) as caught:
        await do(client.messages.create, to="+15005550001", from_=NUMBER, body="Hello.")
    assert caught.value.code == 21211


async def test_its_validator_accepts_our_callbacks(phone: "Phone", receiver: "Receiver") -> None:
    validator = import_module("twilio.request_validator").RequestValidator(TOKEN)
    address = f"{receiver.url}?onerouter_message=sms_01"
    await phone.send(StatusCallback=address)
    for delivery in await receiver.wait(3):
        fields = dict(parse_qsl(delivery.body.decode(), keep_blank_values=True))
        assert validator.validate(address, fields, delivery.headers["X-Twilio-Signature"])
        assert not validator.validate(address + "&more=1", fields, delivery.headers["X-Twilio-Signature"])
