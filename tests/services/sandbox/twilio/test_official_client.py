"""Twilio's own Python client, its address changed and nothing else."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from .conftest import NUMBER, SERVICE, TO, TOKEN

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver

    from .conftest import Phone

do = asyncio.to_thread


class Redirected(TwilioHttpClient):  # type: ignore[misc]
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def request(self, method: str, url: str, *rest: Any, **more: Any) -> Any:
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return super().request(method, f"{self._url}/twilio{parts.path}{query}", *rest, **more)


def client_of(phone: "Phone", token: str = TOKEN) -> Client:
    return Client(phone.sid, token, http_client=Redirected(phone.sandbox.url))


async def test_send_read_list_and_refuse(phone: "Phone") -> None:
    client = client_of(phone)
    made = await do(client.messages.create, to=TO, from_=NUMBER, body="Hello.")
    assert made.status == "queued"
    assert (await do(client.messages(made.sid).fetch)).body == "Hello."
    assert [each.sid for each in await do(client.messages.list, to=TO, limit=5)] == [made.sid]
    with pytest.raises(TwilioRestException) as caught:
        await do(client.messages.create, to="+15005550001", from_=NUMBER, body="Hello.")
    assert caught.value.code == 21211


async def test_its_validator_accepts_our_callbacks(phone: "Phone", receiver: "Receiver") -> None:
    validator = RequestValidator(TOKEN)
    address = f"{receiver.url}?onerouter_message=sms_01"
    await phone.send(StatusCallback=address)
    for delivery in await receiver.wait(3):
        fields = dict(parse_qsl(delivery.body.decode(), keep_blank_values=True))
        assert validator.validate(address, fields, delivery.headers["X-Twilio-Signature"])
        assert not validator.validate(address + "&more=1", fields, delivery.headers["X-Twilio-Signature"])


async def test_schedule_and_cancel(phone: "Phone") -> None:
    client = client_of(phone)
    at = datetime.now(UTC) + timedelta(hours=1)
    later = {"to": TO, "messaging_service_sid": SERVICE, "body": "Hello.", "schedule_type": "fixed", "send_at": at}
    kept, canceled = await do(client.messages.create, **later), await do(client.messages.create, **later)
    assert (kept.status, kept.num_segments) == ("scheduled", "0")
    assert (await do(client.messages(canceled.sid).update, status="canceled")).status == "canceled"
    await phone.advance(3_600)
    assert (await do(client.messages(kept.sid).fetch)).status != "scheduled"
    with pytest.raises(TwilioRestException) as caught:
        await do(client.messages(kept.sid).update, status="canceled")
    assert caught.value.code == 30409
    assert [each["object_id"] for each in await phone.effects()] == [kept.sid]


async def test_pages_of_the_list(phone: "Phone") -> None:
    client = client_of(phone)
    made = [(await do(client.messages.create, to=TO, from_=NUMBER, body=f"{number}")).sid for number in range(5)]
    listed = await do(lambda: [each.sid for each in client.messages.stream(from_=NUMBER, page_size=2)])
    assert listed == made[::-1]


@pytest.mark.parametrize(("token", "pace", "status", "code"), [("9" * 32, None, 401, 20003), (TOKEN, 1, 429, 20429)])
async def test_refusals_of_any_request(phone: "Phone", token: str, pace: int | None, status: int, code: int) -> None:
    await phone.register(messages_per_s=pace)
    client = client_of(phone, token)
    with pytest.raises(TwilioRestException) as caught:
        for _ in range(2):
            await do(client.messages.create, to=TO, from_=NUMBER, body="Hello.")
    assert (caught.value.status, caught.value.code) == (status, code)
