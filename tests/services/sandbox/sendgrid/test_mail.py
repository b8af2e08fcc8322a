import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.providers.email.openapi import Description
from tests.services.sandbox.sendgrid.conftest import mail, speak_to

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver
    from tests.services.sandbox.sendgrid.conftest import Shop

HOUR_S = 3_600
WHO = {"to": [{"email": "ada@example.net"}]}


class TestSend:
    async def test_each_envelope_is_one_effect_and_each_recipient_a_line(self, shop: "Shop") -> None:
        people = [{**WHO, "custom_args": {"onerouter_id": f"eml_{number}"}} for number in range(2)]
        people[0] = {**people[0], "cc": [{"email": "c@example.net"}], "bcc": [{"email": "d@example.net"}]}
        message_id = await shop.sent(personalizations=people)
        assert await shop.effects() == ["eml_0", "eml_1"]
        lines = await shop.logged()
        assert sorted(line["to_email"] for line in lines) == [
            "ada@example.net",
            "ada@example.net",
            "c@example.net",
            "d@example.net",
        ]
        assert len({line["sg_message_id"] for line in lines}) == 4
        assert {line["sg_message_id"].partition(".")[0] for line in lines} == {message_id}

    async def test_a_repeat_is_another_message(self, shop: "Shop") -> None:
        assert await shop.sent() != await shop.sent()
        assert await shop.effects() == ["eml_01", "eml_01"]

    async def test_in_sandbox_mode_nothing_happens(self, shop: "Shop") -> None:
        answer = await shop.send(mail(mail_settings={"sandbox_mode": {"enable": True}}))
        assert (answer.status_code, "x-message-id" in answer.headers) == (200, False)
        assert await shop.effects() == []

    @pytest.mark.parametrize(
        ("changes", "status", "field"),
        [
            ({"personalizations": []}, 400, "personalizations"),
            ({"personalizations": [{"to": []}]}, 400, "personalizations.0.to"),
            ({"personalizations": [{"to": [{"email": "nobody@nowhere"}]}]}, 400, "personalizations.0.to.0.email"),
            ({"personalizations": [{**WHO, "cc": [{"email": "ADA@example.net"}]}]}, 400, "personalizations.0"),
            ({"personalizations": [{**WHO, "custom_args": {"a": 1}}]}, 400, "personalizations.0.custom_args"),
            ({"from": {"email": "nonsense"}}, 400, "from.email"),
            ({"from": {"email": "a@elsewhere.example"}}, 403, "from"),
            ({"subject": ""}, 400, "subject"),
            ({"content": []}, 400, "content"),
            (
                {"content": [{"type": "text/html", "value": "1"}, {"type": "text/plain", "value": "1"}]},
                400,
                "content",
            ),
            ({"headers": {"Reply-To": "x"}}, 400, "headers.Reply-To"),
            ({"reply_to": {"email": "a@b.example"}, "reply_to_list": []}, 400, "reply_to_list"),
            ({"categories": ["a", "a"]}, 400, "categories"),
            ({"attachments": [{"filename": "a", "content": "%"}]}, 400, "attachments.0.content"),
            ({"template_id": "welcome"}, 400, "template_id"),
            ({"template_id": "d-" + "0" * 32}, 400, "template_id"),
            ({"send_at": int(time.time()) + 73 * HOUR_S}, 400, "send_at"),
            ({"batch_id": "nobodys"}, 400, "batch_id"),
            ({"cc": []}, 400, "cc"),
        ],
    )
    async def test_refusals_name_the_field(
        self, shop: "Shop", changes: dict[str, Any], status: int, field: str
    ) -> None:
        answer = await shop.send(mail(**changes))
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)
        assert await shop.effects() == []

    async def test_refusals_of_who_asks(self, shop: "Shop") -> None:
        assert (await shop.api.get("/scopes", headers={"Authorization": "Bearer SG.x.y"})).status_code == 401
        assert (await shop.api.get("/mail/send")).status_code == 405
        assert (await shop.api.get("/nothing")).status_code == 404
        await shop.register(scopes=[])
        assert (await shop.send(mail())).status_code == 403

    async def test_what_is_too_large_is_refused_in_front(self, shop: "Shop") -> None:
        answer = await shop.api.post("/mail/send", content=b" " * 30_000_001)
        assert answer.status_code == 413
        with pytest.raises(ValueError, match=r".+"):
            answer.json()


class TestSuppressions:
    @pytest.mark.parametrize(
        ("fate", "reason"),
        [
            ("bounced", "Bounced Address"),
            ("spamreport", "Spam Reporting Address"),
            ("unsubscribed", "Unsubscribed Address"),
        ],
    )
    async def test_the_next_email_is_dropped_until_it_is_lifted(self, shop: "Shop", fate: str, reason: str) -> None:
        await shop.register(fates={"ada@example.net": fate})
        await shop.sent()
        await shop.sent()
        dropped, _ = await shop.logged()
        assert (dropped["status"], dropped["reason"]) == ("dropped", reason)
        await shop.register(fate="delivered")
        await shop.control.delete(f"/sendgrid/accounts/{shop.account_id}/suppressions")
        await shop.sent()
        assert (await shop.logged())[0]["status"] == "delivered"


class TestScheduled:
    async def test_what_waits_is_in_no_log_and_goes_at_its_time(self, shop: "Shop") -> None:
        await shop.sent(send_at=int(time.time()) + HOUR_S, batch_id=await shop.batch())
        assert (await shop.logged(), await shop.effects()) == ([], [])
        await shop.advance(HOUR_S + 1)
        assert (len(await shop.logged()), await shop.effects()) == (1, ["eml_01"])

    async def test_a_batch_is_stopped_once_and_changed_then(self, shop: "Shop") -> None:
        batch_id = await shop.batch()
        await shop.sent(send_at=int(time.time()) + HOUR_S, batch_id=batch_id)
        stop = {"batch_id": batch_id, "status": "pause"}
        path = f"/user/scheduled_sends/{batch_id}"
        assert (await shop.api.patch(path, json={"status": "cancel"})).status_code == 404
        assert (await shop.api.post("/user/scheduled_sends", json=stop)).status_code == 201
        assert (await shop.api.post("/user/scheduled_sends", json=stop)).status_code == 400
        assert (await shop.api.patch(path, json={"status": "cancel"})).status_code == 204
        assert (await shop.api.get(path)).json() == [{"batch_id": batch_id, "status": "cancel"}]
        await shop.advance(HOUR_S + 1)
        assert await shop.effects() == []

    async def test_a_stop_that_is_lifted_lets_it_go(self, shop: "Shop") -> None:
        batch_id = await shop.batch()
        await shop.sent(send_at=int(time.time()) + HOUR_S, batch_id=batch_id)
        await shop.api.post("/user/scheduled_sends", json={"batch_id": batch_id, "status": "cancel"})
        await shop.api.delete(f"/user/scheduled_sends/{batch_id}")
        await shop.advance(HOUR_S + 1)
        assert await shop.effects() == ["eml_01"]

    async def test_no_more_than_ten_are_stopped_at_once(self, shop: "Shop") -> None:
        answers = []
        for _ in range(11):
            batch_id = await shop.batch()
            await shop.sent(send_at=int(time.time()) + HOUR_S, batch_id=batch_id)
            stop = {"batch_id": batch_id, "status": "cancel"}
            answers.append((await shop.api.post("/user/scheduled_sends", json=stop)).status_code)
        assert answers == [201] * 10 + [400]


class TestLogs:
    async def test_conditions_are_joined(self, shop: "Shop") -> None:
        began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        await shop.register(fates={"b@example.net": "bounced"})
        await shop.sent("o'neil@example.net", subject="A AND B", categories=["spring"])
        await shop.sent("b@example.net")
        for query, found in {
            "to_email = 'o''neil@example.net'": 1,
            "to_email = 'o''neil@example.net' AND subject = 'A AND B'": 1,
            "to_email = 'o''neil@example.net' AND subject = 'A'": 0,
            "status IN ('bounced', 'blocked')": 1,
            "categories IN ('spring')": 1,
            f'sg_message_id_created_at >= TIMESTAMP "{began}"': 2,
            f'sg_message_id_created_at < TIMESTAMP "{began}"': 0,
        }.items():
            assert len(await shop.logged(query)) == found, query
        assert len(await shop.logged(limit=1)) == 1

    @pytest.mark.parametrize(
        "query", ["nonsense", "to_email = 'a' OR 1", "to_email = 'a'b'", "custom_args = 'a'", "to_email ="]
    )
    async def test_what_is_no_query_is_refused(self, shop: "Shop", query: str) -> None:
        answer = await shop.api.post("/logs", json={"query": query})
        assert answer.status_code == 400

    async def test_details_are_as_described(self, shop: "Shop", specs: Path) -> None:
        await shop.register(fate="none")
        message_id = await shop.sent()
        events = ("deferred", "delivered", "open", "click", "unsubscribe", "group_unsubscribe", "group_resubscribe")
        for event in (*events, "spamreport", "bounce", "blocked", "dropped"):
            await shop.ask(f"/sendgrid/messages/{message_id}/events", event=event)
        (line,) = await shop.logged()
        details = (await shop.api.get(f"/logs/{line['sg_message_id']}")).json()
        assert len(details["events"]) == 12
        description = Description(specs / "sendgrid-logs.openapi.json")
        schemas = description.content["components"]["schemas"]
        assert description.problems(schemas["EmailLogsGetMessageByIdResponse"], details, sent=False) == []


async def test_callbacks_are_signed_batches(shop: "Shop", receiver: "Receiver") -> None:
    await shop.register(webhook_url=receiver.url, fate="opened")
    message_id = await shop.sent("a@example.net", "b@example.net")
    (delivery,) = await receiver.wait(1)
    assert delivery.body.endswith(b"]\r\n")
    events = json.loads(delivery.body)
    assert [each["event"] for each in events] == ["processed", "delivered", "open"] * 2
    assert {each["sg_message_id"].partition(".")[0] for each in events} == {message_id}
    assert {each["onerouter_id"] for each in events} == {"eml_01"}  # beside the event's own fields
    assert len({each["sg_event_id"] for each in events}) == 6
    assert "X-Twilio-Email-Event-Webhook-Signature" in delivery.headers


async def test_signing_is_for_the_account_to_turn_on(shop: "Shop", receiver: "Receiver") -> None:
    await shop.register(webhook_url=receiver.url, webhook_signed=False)
    await shop.sent()
    (delivery,) = await receiver.wait(1)
    assert not any(name.lower().startswith("x-twilio") for name in delivery.headers)


async def test_everything_survives_a_restart(running: Any, tmp_path: Path) -> None:
    settings = {"data_file": tmp_path / "sandbox.sqlite"}
    async with running(**settings) as sandbox, speak_to(sandbox.url, "sg1") as shop:
        key = (await shop.register(fate_delay_s=1))["webhook_public_key"]
        await shop.sent()
        batch_id = await shop.batch()
        await shop.sent(send_at=int(time.time()) + HOUR_S, batch_id=batch_id)
        await shop.sent(send_at=int(time.time()) + HOUR_S, batch_id=await shop.batch())
        await shop.api.post("/user/scheduled_sends", json={"batch_id": batch_id, "status": "cancel"})
    async with running(**settings) as sandbox, speak_to(sandbox.url, "sg1") as shop:
        assert await shop.effects() == ["eml_01"]
        await shop.advance(HOUR_S + 60)
        assert [line["status"] for line in await shop.logged()] == ["delivered", "delivered"]
        assert await shop.effects() == ["eml_01", "eml_01"]
        assert (await shop.register(fate_delay_s=1))["webhook_public_key"] == key
