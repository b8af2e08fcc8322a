"""The whole service on real engines: a command from the log to the provider's simulator, its answer, events and reads."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.services.messaging.stack import NUMBER, Stack, accounts, running

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.contracts.messages import CancelMessage, EmailAddress, SendEmail, SendSms
from onerouter_common.contracts.replies import Reply
from onerouter_common.ids import new_id

if TYPE_CHECKING:
    from onerouter_local.testing import Cluster

_numbers = itertools.count(10_000)


@pytest.fixture(scope="module")
async def stack(postgres: "Cluster", kafka_bootstrap: str) -> AsyncIterator[Stack]:
    database = await postgres.create("messaging")
    async with running(database, kafka_bootstrap) as opened:
        yield opened
    await postgres.drop(database)


def new_number() -> str:
    return f"+1415556{next(_numbers)}"


def an_sms(**changes: Any) -> SendSms:
    given = {"to": new_number(), "country": "US", "body": "Your code is 4711.", "providers": ["twilio"]}
    return SendSms.model_validate({**given, **changes})


def an_email(**changes: Any) -> SendEmail:
    given = {"to": [{"email": "ann@example.net"}], "subject": "Hello", "text": "Hello Ann", "html": "<p>Hello Ann</p>"}
    return SendEmail.model_validate({**given, **changes})


async def until(stack: Stack, message_id: str, wanted: Any) -> dict[str, Any]:
    """The message, once it is as wanted."""
    channel = "sms" if message_id.startswith("sms") else "email"
    async with asyncio.timeout(60):
        while not wanted(shown := await stack.read(f"/messages/{channel}/{message_id}")):
            await asyncio.sleep(0.05)
    return shown


def view(reply: Reply) -> dict[str, Any]:
    assert reply.result is not None, reply.problem
    return dict(reply.result)


async def test_an_sms_lives_its_life(stack: Stack) -> None:
    command = an_sms(metadata={"order": "7"})
    sent = view(await stack.ask("sms.send", command))
    assert (sent["status"], sent["provider"], sent["body"]) == ("queued", "twilio", command.body)
    assert (sent["segments"], sent["encoding"], sent["effect_guarantee"]) == (1, "GSM-7", "exactly_once")
    assert (sent["cost"], sent["currency"], sent["cost_estimated"]) == (0.0083, "USD", True)
    assert sent["delivery_tracking"] == "callbacks"
    born = await stack.event("sms.queued", sent["id"])
    assert (born.sequence, born.data["metadata"]) == (1, {"order": "7"})

    await stack.control(f"/twilio/messages/{sent['provider_message_id']}/decide", {"status": "delivered"})
    told = await stack.event("sms.delivered", sent["id"])
    assert told.data["status"] == "delivered"
    shown = await until(stack, sent["id"], lambda message: message["status"] == "delivered")
    assert shown["delivered_at"] is not None
    assert await stack.effects("sms.sent", sent["id"]) == 1
    assert await stack.read(f"/messages/sms/{sent['provider_message_id']}") == shown
    found = await stack.read(f"/messages/sms?to=%2B{command.to[1:]}&status=delivered")
    assert [one["id"] for one in found["data"]] == [sent["id"]]
    operations = await stack.read(f"/operations?resource_id={sent['id']}")
    assert operations["data"][0]["cost"]["currency"] == "USD"


async def test_an_email_lives_its_life(stack: Stack) -> None:
    sent = view(await stack.ask("email.send", an_email(cc=[{"email": "bob@example.net"}])))
    assert (sent["from"], sent["status"]) == ({"email": "shop@example.com", "name": "Shop"}, "queued")
    assert "html" not in sent
    assert (await stack.read(f"/messages/email/{sent['id']}?include=content"))["html"] == "<p>Hello Ann</p>"
    for event in ("delivered", "opened"):
        await stack.control(f"/resend/emails/{sent['provider_message_id']}/events", {"event": event})
    shown = await until(stack, sent["id"], lambda message: message["opened"])
    assert shown["opened"]["count"] >= 1
    bounced = {"event": "bounced", "details": {"type": "Permanent"}}
    other = view(await stack.ask("email.send", an_email(to=[{"email": "gone@example.net"}])))
    await stack.control(f"/resend/emails/{other['provider_message_id']}/events", bounced)
    told = await stack.event("email.bounced", other["id"])
    assert told.data["recipients"][0]["bounce_type"] == "hard"  # type: ignore[index,call-overload]
    again = await stack.ask("email.send", an_email(to=[{"email": "gone@example.net"}]))
    assert (again.state, again.problem and again.problem.code) == ("failed", "SUPPRESSED")
    assert (await stack.event("email.suppressed", again.resource_id)).data["status"] == "failed"


async def test_a_lost_answer_is_looked_for_and_found_once(stack: Stack) -> None:
    await stack.control(
        "/faults", {"kind": "timeout_after_effect", "provider": "twilio", "operation": "messages.create", "times": 1}
    )
    sent = view(await stack.ask("sms.send", an_sms()))
    assert sent["provider_message_id"] is not None
    assert await stack.effects("sms.sent", sent["id"]) == 1


async def test_a_call_that_did_nothing_is_made_again_once_that_is_proven(stack: Stack) -> None:
    await stack.control(
        "/faults", {"kind": "timeout_before_effect", "provider": "twilio", "operation": "messages.create", "times": 1}
    )
    sent = view(await stack.ask("sms.send", an_sms()))
    assert await stack.effects("sms.sent", sent["id"]) == 1


async def test_where_nobody_tells_of_delivery_sent_says_that_it_is_the_last_word(stack: Stack) -> None:
    sent = view(await stack.ask("sms.send", an_sms(providers=["sns"])))
    assert (sent["status"], sent["delivery_tracking"]) == ("sent", "unavailable")
    assert (await stack.event("sms.sent", sent["id"])).data["delivery_tracking"] == "unavailable"
    assert (await stack.read(f"/messages/sms/{sent['id']}"))["delivery_tracking"] == "unavailable"
    later = view(await stack.ask("sms.schedule", an_sms(send_at=datetime.now(UTC) + timedelta(hours=1))))
    assert (later["status"], later["delivery_tracking"]) == ("scheduled", None)


async def test_what_nobody_can_be_asked_about_stays_unknown(stack: Stack) -> None:
    fault = {"kind": "timeout_after_effect", "provider": "sns", "operation": "Publish", "times": 1}
    await stack.control("/faults", fault)
    command = an_sms(providers=["sns"])
    reply = await stack.ask("sms.send", command)
    assert (reply.state, reply.status) == ("unknown", 202)
    assert view(reply)["effect_guarantee"] == "at_most_once"
    key = accounts()["sns"].public["access_key_id"]
    published = await stack.sandbox.get(f"/control/sns/accounts/{key}/messages", params={"to": command.to})
    assert len(published.json()["data"]) == 1
    # Where a provider does tell, its word ends the doubt: nobody is asked, and nothing is sent again.
    id_ = view(reply)["id"]
    await stack.call_back(CallbackObject(kind="sms", status="delivered", reference=id_, provider_id="theirs"), "sns")
    async with asyncio.timeout(60):
        while (found := (await stack.read(f"/operations?resource_id={id_}"))["data"][0])["status"] != "succeeded":
            await asyncio.sleep(0.05)
    assert (found["result"]["status"], found["result"]["provider_message_id"]) == ("delivered", "theirs")


async def test_a_refused_sender_goes_elsewhere_and_a_suppressed_recipient_nowhere(stack: Stack) -> None:
    # The first account does not own the sender that the second one has.
    sent = view(await stack.ask("sms.send", an_sms(sender="+14155550100")))
    operation = (await stack.read(f"/operations?resource_id={sent['id']}"))["data"][0]
    assert operation["connection_id"] == stack.connections["twilio_2"]
    refused = await stack.ask("sms.send", an_sms(to="+15005550004"))
    assert (refused.state, refused.problem and refused.problem.effect) == ("failed", "none")
    failed = (await stack.read("/messages/sms?to=%2B15005550004"))["data"][0]
    assert (failed["status"], failed["error"]["code"]) == ("failed", "unsubscribed")
    # What the provider knew is known to us from now on: nobody is asked again.
    again = await stack.ask("sms.send", an_sms(to="+15005550004"))
    assert again.problem is not None
    assert again.problem.code == "SUPPRESSED"


async def test_what_one_provider_cannot_be_told_goes_by_another_that_can(stack: Stack) -> None:
    sent = view(await stack.ask("sms.send", an_sms(sender="Shop-1", providers=["twilio", "sns"])))
    assert (sent["status"], sent["provider"], sent["from"]) == ("sent", "sns", "Shop-1")
    refused = await stack.ask("sms.send", an_sms(sender="Shop-1"))
    assert refused.problem is not None
    assert (refused.status, [one["field"] for one in refused.problem.errors]) == (422, ["from_number"])


async def test_a_scheduled_message_is_sent_at_its_time(stack: Stack) -> None:
    at = datetime.now(UTC) + timedelta(seconds=1.5)
    planned = view(await stack.ask("sms.schedule", an_sms(send_at=at)))
    assert (planned["status"], planned["provider"]) == ("scheduled", None)
    assert (await stack.event("sms.scheduled", planned["id"])).sequence == 1
    assert await stack.effects("sms.sent", planned["id"]) == 0
    shown = await until(stack, planned["id"], lambda message: message["status"] == "queued")
    assert timedelta(0) <= datetime.now(UTC) - at < timedelta(seconds=2)
    assert await stack.effects("sms.sent", planned["id"]) == 1
    assert (await stack.event("sms.queued", planned["id"])).sequence == 2
    assert shown["send_at"] is not None


async def test_what_is_canceled_before_its_time_is_never_sent(stack: Stack) -> None:
    at = datetime.now(UTC) + timedelta(seconds=1)
    planned = view(await stack.ask("email.schedule", an_email(send_at=at)))
    cancel = CancelMessage(message_id=planned["id"])
    canceled = view(await stack.ask("email.cancel", cancel, message_id=planned["id"]))
    assert canceled["status"] == "canceled"
    assert view(await stack.ask("email.cancel", cancel, message_id=planned["id"])) == canceled
    async with asyncio.timeout(60):
        while True:
            found = await stack.read(f"/operations?resource_id={planned['id']}&operation=email.send")
            if found["data"] and found["data"][0]["status"] == "failed":
                break
            await asyncio.sleep(0.1)
    assert found["data"][0]["error"]["code"] == "MESSAGE_CANCELED"
    assert (await stack.read(f"/messages/email/{planned['id']}"))["version"] == canceled["version"]
    assert await stack.effects("email.sent", planned["id"]) == 0


async def test_what_is_with_a_provider_that_cannot_cancel_is_not_canceled(stack: Stack) -> None:
    sent = view(await stack.ask("sms.send", an_sms(providers=["twilio", "sns"], provider="sns")))
    assert sent["status"] == "sent"
    refused = await stack.ask("sms.cancel", CancelMessage(message_id=sent["id"]), message_id=sent["id"])
    assert refused.problem is not None
    assert (refused.status, refused.problem.code) == (409, "CONFLICT")


async def test_who_writes_stop_gets_no_more_until_they_write_start(stack: Stack) -> None:
    number = new_number()

    async def writes(word: str) -> dict[str, Any]:
        account = f"AC{'1' * 32}"
        came = await stack.control(
            f"/twilio/accounts/{account}/incoming", {"sender": number, "to": NUMBER, "body": word}
        )
        async with asyncio.timeout(60):
            while True:
                found = await stack.read(f"/messages/sms?to=%2B{NUMBER[1:]}&direction=inbound")
                for one in found["data"]:
                    if one["provider_message_id"] == came["sid"]:
                        return dict(one)
                await asyncio.sleep(0.05)

    came_in = await writes("Stop")
    assert (came_in["status"], came_in["from"], came_in["body"]) == ("received", number, "Stop")
    assert (await stack.event("sms.inbound", came_in["id"])).data["provider_data"] == {"keyword": "STOP"}
    refused = await stack.ask("sms.send", an_sms(to=number, providers=["sns"]))
    assert refused.problem is not None
    assert refused.problem.code == "SUPPRESSED"
    await writes("START")
    assert view(await stack.ask("sms.send", an_sms(to=number, providers=["sns"])))["status"] == "sent"


async def test_another_account_cannot_speak_of_a_message(stack: Stack) -> None:
    sent = view(await stack.ask("sms.send", an_sms()))
    sid = sent["provider_message_id"]
    forged = CallbackObject(kind="sms", status="delivered", reference=sent["id"], provider_id=sid)
    await stack.call_back(forged, "twilio_2")
    await stack.call_back(forged.model_copy(update={"provider_id": "SM" + "f" * 32}), "twilio")
    await stack.call_back(forged.model_copy(update={"status": "sent"}), "twilio")
    shown = await until(stack, sent["id"], lambda message: message["status"] != "queued")
    assert shown["status"] == "sent"


async def test_a_message_that_does_not_exist_is_not_found(stack: Stack) -> None:
    missing = new_id("sms")
    answer = await stack.messaging.get(f"/internal/messages/sms/{missing}", headers=stack.headers)
    assert answer.status_code == 404
    reply = await stack.ask("sms.cancel", CancelMessage(message_id=missing), message_id=missing)
    assert reply.status == 404


async def test_bad_addresses_of_one_kind_are_named(stack: Stack) -> None:
    reply = await stack.ask("email.schedule", an_email(to=[EmailAddress(email="ann@example.net").model_dump()]))
    assert reply.problem is not None
    assert (reply.status, reply.problem.errors[0]["field"]) == (422, "send_at")
