"""SMS and email over the whole stack: one story per capability, told at every provider that has it."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from tests.e2e.addressees import ADDRESSEES, EMAILS, Addressee, arrived
from tests.e2e.payers import key, make
from tests.e2e.world import World, check_problem, until

IN_TIME_S: Final = 2.0
"""How late a planned message may be."""
_SOON_S: Final = 2.0
_ELSEWHERE: Final = [
    ("twilio", "sns"),
    ("resend", "sendgrid"),
    ("sendgrid", "mailgun"),
    ("mailgun", "ses"),
    ("ses", "resend"),
]
PNG: Final = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(24)).decode()


@pytest.fixture(params=sorted(ADDRESSEES))
def addressee(request: pytest.FixtureRequest) -> Addressee:
    """At each provider."""
    return ADDRESSEES[request.param]


@pytest.fixture(params=sorted(EMAILS))
def mail(request: pytest.FixtureRequest) -> Addressee:
    """At each provider of email."""
    return ADDRESSEES[request.param]


async def test_a_message_arrives_and_every_step_is_told(world: World, addressee: Addressee) -> None:
    to = addressee.new_address()
    # Ours to keep: names and values that one provider or the other could not be told.
    metadata = {"order": "17", "customer": "Ada Lovelace", "type": "code", "onerouter_id": "mine"}
    message = await addressee.delivered(world, to, metadata=metadata, tags=["order", "status"])
    assert (message["provider"], message["metadata"], message["tags"]) == (
        addressee.provider,
        metadata,
        ["order", "status"],
    )
    exactly = "at_most_once" if addressee.idempotency == "none" else "exactly_once"
    assert message["effect_guarantee"] == exactly
    came = await arrived(world, addressee, to)
    assert "481-223" in (came["body"] if addressee.channel == "sms" else came["text"])
    events = await world.events_of(message["id"], f"{addressee.channel}.{addressee.last_status}")
    assert [event.body["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1].data["status"] == addressee.last_status
    listed = (await world.api.get(addressee.path, params={"to": to})).json()["data"]
    assert [each["id"] for each in listed] == [message["id"]]
    by_their_id = await world.api.get(f"{addressee.path}/{message['provider_message_id']}")
    assert by_their_id.json()["id"] == message["id"]


async def test_what_the_description_shows_as_an_example_is_sent(world: World, mail: Addressee) -> None:
    description = (await world.api.get("/openapi.json")).json()
    example = description["components"]["schemas"]["EmailSend"]["examples"][0]
    del example["from_email"]  # of a domain that would have to be ours
    to = mail.new_address()
    await make(world, mail.path, **{**example, "to": f"Ada <{to}>", "provider": mail.provider})
    assert (await arrived(world, mail, to))["subject"] == example["subject"]


async def test_a_repeated_request_is_one_message(world: World, addressee: Addressee) -> None:
    to, headers = addressee.new_address(), key()
    answers = [await world.api.post(addressee.path, json=addressee.message(to), headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    await arrived(world, addressee, to)


async def test_an_answer_that_was_lost_sends_nothing_twice(world: World, addressee: Addressee) -> None:
    to = addressee.new_address()
    await addressee.loses_an_answer(world)
    headers = {**key(), "Prefer": "respond-async"}
    accepted = await world.api.post(addressee.path, json=addressee.message(to), headers=headers)
    assert accepted.status_code == 202, accepted.text
    where, seen = accepted.headers["location"], dict[str, Any]()
    # Where nobody can be asked it is unknown, and never tried again; of SES's message its events tell.
    wanted = {"succeeded", "unknown"} if addressee.idempotency == "none" else {"succeeded"}

    async def has_ended() -> bool:
        answer = await world.api.get(where)
        seen.update(answer.json() if answer.is_success else {})
        return seen.get("status") in wanted

    await until(has_ended, f"the operation to be one of {wanted}", lambda: seen, timeout_s=40)
    if addressee.is_told:
        await world.reached(f"{addressee.path}/{seen['resource']['id']}", "delivered")
    else:
        await asyncio.sleep(2)
        assert (await world.api.get(where)).json()["status"] == "unknown"
    await arrived(world, addressee, to)


@pytest.mark.parametrize(("first", "second"), _ELSEWHERE)
async def test_what_one_provider_does_not_take_goes_by_the_next(world: World, first: str, second: str) -> None:
    one, other = ADDRESSEES[first], ADDRESSEES[second]
    to = one.new_address()
    body = {name: value for name, value in one.message(to).items() if name != "provider"}
    async with one.refuses_us(world):
        message = await make(world, one.path, **body, providers=[first, second])
    assert message["provider"] == second
    await arrived(world, other, to)
    assert await one.received(world, to) == []


async def test_a_planned_message_goes_at_its_time_and_a_canceled_one_never(world: World, addressee: Addressee) -> None:
    send_at = datetime.now(UTC) + timedelta(seconds=_SOON_S)
    kept_to, canceled_to = addressee.new_address(), addressee.new_address()
    kept = await addressee.sent(world, kept_to, send_at=send_at.isoformat())
    canceled = await addressee.sent(world, canceled_to, send_at=send_at.isoformat())
    assert (kept["status"], canceled["status"]) == ("scheduled", "scheduled")
    assert await addressee.received(world, kept_to) == []
    ended = await world.api.post(f"{addressee.path}/{canceled['id']}/cancel", headers=key())
    assert (ended.status_code, ended.json()["status"]) == (200, "canceled"), ended.text
    sent = await world.reached(f"{addressee.path}/{kept['id']}", addressee.last_status)
    came = await arrived(world, addressee, kept_to)
    assert 0 <= came["at"] - send_at.timestamp() <= IN_TIME_S
    assert sent["send_at"] is not None
    assert await addressee.received(world, canceled_to) == []
    shown = (await world.api.get(f"{addressee.path}/{canceled['id']}")).json()
    assert shown["status"] == "canceled"
    types = [event.type for event in await world.events_of(canceled["id"], f"{addressee.channel}.canceled")]
    assert types == [f"{addressee.channel}.scheduled", f"{addressee.channel}.canceled"]


async def test_a_template_is_sent_as_it_was_published(world: World, addressee: Addressee) -> None:
    path = f"{addressee.path}/templates"
    texts: dict[str, Any] = {"body": "{{ code }} is your code for {{ shop }}."}
    if addressee.channel == "email":
        texts = {"subject": "Code {{ code }}", "html": "<p>{{ code }} is your code for {{ shop }}.</p>"}
    made = await make(
        world, path, name=f"Codes by {addressee.provider} {addressee.new_address()}", defaults={"shop": "us"}, **texts
    )
    where = f"{path}/{made['id']}"
    await make(world, f"{where}/publish", 200)
    changed = await world.api.patch(where, json={name: text.replace("us", "you") for name, text in texts.items()})
    assert changed.status_code == 200, changed.text
    preview = await make(world, f"{where}/preview", 200, variables={"code": "<4711>"})
    shown = preview["body"] if addressee.channel == "sms" else preview["html"]
    assert ("&lt;4711&gt;" if addressee.channel == "email" else "<4711>") in shown
    to = addressee.new_address()
    message = await addressee.delivered(world, to, template_id=made["id"], variables={"code": "4711"})
    assert message["template"] == {"id": made["id"], "version": 1}
    came = await arrived(world, addressee, to)
    assert "4711 is your code for us." in (came["body"] if addressee.channel == "sms" else came["html"])
    if addressee.channel == "email":
        assert (came["subject"], came["text"].strip()) == ("Code 4711", "4711 is your code for us.")
    missing = await world.api.post(addressee.path, json=addressee.message(to, template_id=made["id"]), headers=key())
    problem = check_problem(missing, 422, "VALIDATION_ERROR")
    assert [error["field"] for error in problem["errors"]] == ["variables.code"]


class TestSuppression:
    async def test_who_bounced_is_not_written_to_again(self, world: World, mail: Addressee) -> None:
        to = mail.new_address()
        message = await mail.delivered(world, to)
        await mail.happens(world, message, "failed")
        await world.events_of(message["id"], "email.bounced")
        assert await _reasons(world, mail, to) == ["bounce"]
        await _is_refused(world, mail, to)
        override: dict[str, Any] = {"suppression_override": {"reason": "They asked us to try again."}}
        again = await mail.sent(world, to, **override)
        assert again["status"] in ("queued", "sent", "delivered")

    async def test_nor_who_complained(self, world: World, mail: Addressee) -> None:
        to = mail.new_address()
        message = await mail.delivered(world, to)
        await mail.happens(world, message, "complained")
        await world.events_of(message["id"], "email.complained")
        assert await _reasons(world, mail, to) == ["complaint"]
        await _is_refused(world, mail, to)

    async def test_whoever_says_stop_is_heard_until_they_say_start(self, world: World) -> None:
        phone = ADDRESSEES["twilio"]
        to = phone.new_address()
        message = await phone.delivered(world, to)
        await phone.replies(world, message, "STOP")
        inbound = await _came_in(world, to, "STOP")
        assert inbound["direction"] == "inbound"
        assert await _reasons(world, phone, to) == ["stop"]
        await _is_refused(world, phone, to)
        # Consent follows the recipient, not the provider.
        await _is_refused(world, ADDRESSEES["sns"], to)
        await phone.replies(world, message, "START")
        await _came_in(world, to, "START")
        await phone.delivered(world, to)

    async def test_what_a_tenant_lists_itself(self, world: World, addressee: Addressee) -> None:
        to = addressee.new_address()
        listed = await make(world, "/v1/suppressions", channel=addressee.channel, address=to, note="Left us.")
        await _is_refused(world, addressee, to)
        removed = await world.api.delete(f"/v1/suppressions/{listed['id']}")
        assert removed.status_code == 200, removed.text
        await addressee.delivered(world, to)


async def test_openings_and_clicks_are_counted_and_told(world: World, mail: Addressee) -> None:
    to = mail.new_address()
    link = '<p><a href="https://shop.example/offer">Look</a></p>'
    message = await mail.delivered(world, to, html_body=link)
    await mail.happens(world, message, "opened")
    await mail.happens(world, message, "clicked")
    await world.events_of(message["id"], "email.opened")
    events = await world.events_of(message["id"], "email.clicked")
    clicked = next(event for event in events if event.type == "email.clicked")
    assert clicked.data["event"]["url"].startswith("https://")
    shown = (await world.api.get(f"/v1/email/{message['id']}")).json()
    assert (shown["status"], shown["opened"]["count"], shown["clicked"]["count"]) == ("delivered", 1, 1)


async def test_an_email_brings_all_that_was_asked_for(world: World, mail: Addressee) -> None:
    to, copy, hidden = mail.new_address(), mail.new_address(), mail.new_address()
    files = [
        {"filename": "invoice.txt", "content": base64.b64encode(b"12.00").decode(), "content_type": "text/plain"},
        {"filename": "logo.png", "content": PNG, "content_type": "image/png", "content_id": "logo"},
    ]
    asked = await mail.sent(
        world,
        {"email": to, "name": "Zoë"},  # type: ignore[arg-type]
        cc=copy,
        bcc=[hidden],
        reply_to="help@example.com",
        html_body="<p>Hello <img src='cid:logo'></p>",
        headers={"X-Campaign": "winter"},
        attachments=files,
    )
    message = await _delivered_to(world, asked["id"], to)
    assert [(one["filename"], one["size_bytes"]) for one in message["attachments"]] == [
        ("invoice.txt", 5),
        ("logo.png", 32),
    ]
    assert {one["email"] for one in message["recipients"]} == {to, copy, hidden}
    came = (await mail.received(world, to))[0]
    assert set(came["recipients"]) == {to, copy, hidden}
    assert came["reply_to"] and "help@example.com" in came["reply_to"][0]
    assert {"name": "X-Campaign", "value": "winter"} in came["headers"]
    contents = [(await world.sandbox.get(file["url"])).content for file in came["files"]]
    assert sorted(contents) == sorted([b"12.00", base64.b64decode(PNG)])
    whole = (await world.api.get(f"/v1/email/{message['id']}", params={"include": "content"})).json()
    assert whole["html"].startswith("<p>Hello")


async def test_what_somebody_writes_to_us_is_told(world: World) -> None:
    phone = ADDRESSEES["twilio"]
    to = phone.new_address()
    message = await phone.delivered(world, to)
    await phone.replies(world, message, "Is 9:30 fine? 👍")
    inbound = await _came_in(world, to, "Is 9:30 fine? 👍")
    assert (inbound["direction"], inbound["from"], inbound["status"]) == ("inbound", to, "received")
    listed = (await world.api.get("/v1/sms", params={"direction": "inbound", "limit": 100})).json()["data"]
    assert inbound["id"] in {each["id"] for each in listed}
    told: list[dict[str, Any]] = []

    async def is_answered() -> bool:
        params = {"provider": "twilio", "group": inbound["provider_message_id"]}
        told[:] = (await world.sandbox.get("/control/callbacks", params=params)).json()["data"]
        return all(each["state"] == "delivered" for each in told)

    await until(is_answered, "the callback to be answered")
    # Twilio carries out what it is answered: anything but TwiML or nothing is an error in the tenant's debugger.
    assert [each["tries"][-1]["error"] for each in told] == [None]


async def _came_in(world: World, number: str, body: str) -> dict[str, Any]:
    """The message, once it was told."""

    def found() -> list[dict[str, Any]]:
        events = [event for event in world.subscriber.received if event.type == "sms.inbound"]
        return [event.data for event in events if (event.data["from"], event.data["body"]) == (number, body)]

    await until(lambda: bool(found()), f"{body!r} to come in from {number}")
    return found()[0]


async def _reasons(world: World, addressee: Addressee, address: str) -> list[str]:
    """For which the address is on the list, once it is."""
    found: list[str] = []

    async def is_listed() -> bool:
        answer = await world.api.get(
            "/v1/suppressions/check", params={"channel": addressee.channel, "address": address}
        )
        assert answer.status_code == 200, answer.text
        kept = answer.json()["suppression"]
        found[:] = [] if kept is None else [kept["reason"]]
        return bool(found)

    await until(is_listed, f"{address} to be on the list")
    return found


async def _is_refused(world: World, addressee: Addressee, to: str) -> None:
    """Nothing is sent, and it is said why."""
    before = len(await addressee.received(world, to))
    answer = await world.api.post(addressee.path, json=addressee.message(to), headers=key())
    assert answer.status_code in (409, 422), answer.text
    assert answer.json()["code"] == "SUPPRESSED", answer.text
    assert len(await addressee.received(world, to)) == before


async def _delivered_to(world: World, email_id: str, address: str) -> dict[str, Any]:
    """The email, once it was delivered to one of its recipients: not every provider tells of copies."""
    seen: dict[str, Any] = {}

    async def is_there() -> bool:
        seen.update((await world.api.get(f"/v1/email/{email_id}")).json())
        return any((one["email"], one["status"]) == (address, "delivered") for one in seen["recipients"])

    await until(is_there, f"{email_id} to be delivered to {address}", lambda: seen)
    return seen
