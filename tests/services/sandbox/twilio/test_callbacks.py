"""Callbacks of Twilio's simulator are signed as Twilio signs, and go where each message says."""

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from .conftest import NUMBER, SERVICE, TO, TOKEN

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Delivery, Receiver

    from .conftest import Phone


def fields_of(delivery: "Delivery", address: str) -> dict[str, str]:
    """The form, after its signature was computed again."""
    fields = dict(parse_qsl(delivery.body.decode(), keep_blank_values=True))
    said = address + "".join(name + fields[name] for name in sorted(fields))
    expected = base64.b64encode(hmac.new(TOKEN.encode(), said.encode(), hashlib.sha1).digest()).decode()
    assert delivery.headers["X-Twilio-Signature"] == expected
    return fields


async def test_each_status_goes_to_the_messages_own_address(phone: "Phone", receiver: "Receiver") -> None:
    address = f"{receiver.url}?onerouter_message=sms_01"
    made = await phone.send(StatusCallback=f"{address}#rc=5&rp=5xx,ct,rt", To="+14155550117")
    came = [fields_of(each, address) for each in await receiver.wait(3)]
    assert sorted(each["MessageStatus"] for each in came) == ["delivered", "queued", "sent"]
    assert {each["MessageSid"] for each in came} == {made["sid"]}
    assert {each["AccountSid"] for each in came} == {phone.sid}


async def test_a_failure_says_its_number(phone: "Phone", receiver: "Receiver") -> None:
    await phone.register(delivery="manual")
    made = await phone.send(StatusCallback=receiver.url)
    await phone.ask(f"/messages/{made['sid']}/decide", status="failed", error_code=30007)
    came = [fields_of(each, receiver.url) for each in await receiver.wait(2)]
    assert next(each["ErrorCode"] for each in came if each["MessageStatus"] == "failed") == "30007"


async def test_an_answer_that_twilio_could_not_carry_out_is_noted(phone: "Phone", receiver: "Receiver") -> None:
    await phone.register(webhook_url=receiver.url)
    noted: dict[str, str | None] = {}
    for said in ('{"received":true}', ""):
        receiver.says = said
        came = await phone.ask(f"/accounts/{phone.sid}/incoming", sender=TO, to=NUMBER, body="Hi")
        (told,) = await phone.delivered(came["sid"])
        noted[said] = told["tries"][0]["error"]
    assert noted == {'{"received":true}': "12300 Invalid Content-Type: application/json", "": None}


async def test_an_incoming_message_is_told_at_the_accounts_address(phone: "Phone", receiver: "Receiver") -> None:
    await phone.register(webhook_url=receiver.url)
    for body in ("Olá 👋 & co", "STOP"):
        await phone.ask(f"/accounts/{phone.sid}/incoming", sender=TO, to=NUMBER, body=body)
    came = {each["Body"]: each for each in (fields_of(one, receiver.url) for one in await receiver.wait(2))}
    assert came["Olá 👋 & co"].get("OptOutType") is None
    assert came["STOP"]["OptOutType"] == "STOP"
    # Who said stop to a service's number said it to the service.
    assert await phone.refused(To=TO, MessagingServiceSid=SERVICE, Body="Hello.") == (400, 21610)
    await phone.ask(f"/accounts/{phone.sid}/incoming", sender=TO, to=NUMBER, body="START")
    assert (await phone.post(To=TO, MessagingServiceSid=SERVICE, Body="Hello.")).status_code == 201
