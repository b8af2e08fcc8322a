"""Messages at Twilio's simulator: what is taken, what becomes of it, what is refused."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from .conftest import NO_TLS, NUMBER, SERVICE, TO, TOKEN

if TYPE_CHECKING:
    from .conftest import Phone

CALLBACK = "http://127.0.0.1:9/callbacks/twilio/t?onerouter_message=sms_01"


def in_minutes(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def until(phone: "Phone", sid: str, status: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while (message := await phone.get(f"/Messages/{sid}.json"))["status"] != status:
            await asyncio.sleep(0.01)
    return message


class TestSending:
    async def test_a_message_is_sent_and_delivered_by_itself(self, phone: "Phone") -> None:
        made = await phone.send(Body="a" * 161, StatusCallback=CALLBACK)
        assert (made["status"], made["num_segments"], made["price"]) == ("queued", "2", None)
        done = await until(phone, made["sid"], "delivered")
        assert (done["price"], done["price_unit"], done["error_code"]) == ("-0.01660", "USD", None)
        assert done["date_sent"] is not None
        assert await phone.events(made["sid"]) == ["message.queued", "message.sent", "message.delivered"]
        (effect,) = await phone.effects()
        assert (effect["kind"], effect["reference"], effect["object_id"]) == ("sms.sent", "sms_01", made["sid"])

    async def test_each_request_is_a_message_as_there_is_no_key(self, phone: "Phone") -> None:
        assert (await phone.send())["sid"] != (await phone.send())["sid"]
        assert len(await phone.effects()) == 2

    async def test_a_service_chooses_the_sender_when_it_sends(self, phone: "Phone") -> None:
        answer = await phone.post(To=TO, MessagingServiceSid=SERVICE, Body="Hello.")
        made = answer.json()
        assert (made["status"], made["from"], made["num_segments"]) == ("accepted", None, "0")
        done = await until(phone, made["sid"], "delivered")
        assert (done["from"], done["num_segments"], done["messaging_service_sid"]) == (NUMBER, "1", SERVICE)

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"To": ""}, (400, 21604)),
            ({"To": "12"}, (400, 21211)),
            ({"To": "+15005550001"}, (400, 21211)),
            ({"To": "+15005550002"}, (400, 21612)),
            ({"To": "+15005550003"}, (400, 21408)),
            ({"To": "+15005550004"}, (400, 21610)),
            ({"To": "+15005550009"}, (400, 21614)),
            ({"From": ""}, (400, 21603)),
            ({"From": "+14155559999"}, (400, 21606)),
            ({"From": "+15005550008"}, (429, 21611)),
            ({"MessagingServiceSid": "MG" + "0" * 32}, (404, 21701)),
            ({"Body": ""}, (400, 21602)),
            ({"Body": "x" * 1_601}, (400, 21617)),
            ({"StatusCallback": "http://bad_host.example/"}, (400, 21609)),
            ({"StatusCallback": "ftp://x/"}, (400, 21609)),
            ({"ScheduleType": "fixed", "SendAt": in_minutes(60)}, (400, 35118)),
            ({"ScheduleType": "fixed", "MessagingServiceSid": SERVICE}, (400, 35111)),
            ({"ScheduleType": "fixed", "MessagingServiceSid": SERVICE, "SendAt": in_minutes(2)}, (400, 35114)),
            ({"ScheduleType": "someday", "MessagingServiceSid": SERVICE, "SendAt": in_minutes(60)}, (400, 35117)),
        ],
    )
    async def test_what_is_wrong_is_refused_by_its_number(
        self, phone: "Phone", change: dict[str, str], expected: tuple[int, int]
    ) -> None:
        assert await phone.refused(**{"To": TO, "From": NUMBER, "Body": "Hello.", **change}) == expected
        assert await phone.effects() == []

    async def test_recipients_fare_as_asked(self, phone: "Phone") -> None:
        await phone.ask(f"/accounts/{phone.sid}/recipients", number=TO, refused_with=21618)
        assert await phone.refused(To=TO, From=NUMBER, Body="Hello.") == (400, 21618)
        await phone.ask(f"/accounts/{phone.sid}/recipients", number=TO, fate="undelivered", error_code=30006)
        done = await until(phone, (await phone.send())["sid"], "undelivered")
        assert (done["error_code"], done["error_message"]) == (30006, "Landline or unreachable carrier")

    async def test_the_pace_of_an_account_is_kept(self, phone: "Phone") -> None:
        await phone.register(messages_per_s=2)
        statuses = [(await phone.post(To=TO, From=NUMBER, Body="Hello.")).status_code for _ in range(3)]
        assert statuses == [201, 201, 429]

    async def test_a_suspended_account_sends_nothing(self, phone: "Phone") -> None:
        await phone.register(active=False)
        assert await phone.refused(To=TO, From=NUMBER, Body="Hello.") == (403, 20005)


class TestScheduling:
    async def schedule(self, phone: "Phone") -> str:
        answer = await phone.post(
            To=TO, MessagingServiceSid=SERVICE, Body="Later.", ScheduleType="fixed", SendAt=in_minutes(60),
            StatusCallback=CALLBACK,
        )  # fmt: skip
        assert answer.json()["status"] == "scheduled"
        return str(answer.json()["sid"])

    async def test_it_goes_when_its_time_comes_and_nobody_is_told_before(self, phone: "Phone") -> None:
        sid = await self.schedule(phone)
        assert (await phone.events(sid), await phone.effects()) == ([], [])
        await phone.advance(3_700)
        await until(phone, sid, "delivered")
        assert await phone.events(sid) == ["message.accepted", "message.sent", "message.delivered"]

    async def test_it_can_be_canceled_until_then(self, phone: "Phone") -> None:
        sid = await self.schedule(phone)
        for _ in range(2):
            answer = await phone.post(f"/Messages/{sid}.json", Status="canceled")
            assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
        await phone.advance(3_700)
        assert await phone.effects() == []
        sent = (await phone.send())["sid"]
        answer = await phone.post(f"/Messages/{sent}.json", Status="canceled")
        assert (answer.status_code, answer.json()["code"]) == (409, 30409)

    async def test_it_survives_a_restart(self, running: Callable[..., Any], tmp_path: Path) -> None:
        from .conftest import Phone

        account = f"AC{'5' * 32}"
        settings = {"data_file": tmp_path / "sandbox.db"}
        for run in range(2):
            async with running(**settings) as sandbox:
                base = f"{sandbox.url}/twilio/2010-04-01/Accounts/{account}"
                async with httpx.AsyncClient(
                    base_url=base, auth=(account, TOKEN), trust_env=False, verify=NO_TLS
                ) as http:
                    phone = Phone(sandbox, account, http)
                    if run == 0:
                        await phone.register()
                        sid = await self.schedule(phone)
                    else:
                        await phone.advance(3_700)
                        await until(phone, sid, "delivered")
                        assert len(await phone.effects()) == 1


class TestReading:
    async def test_lists_are_newest_first_filtered_and_paged(self, phone: "Phone") -> None:
        sids = [(await phone.send(Body=str(number)))["sid"] for number in range(5)]
        await phone.send(To="+14155550112")
        found: list[str] = []
        page = await phone.get("/Messages.json", To=TO, PageSize=2)
        while True:
            found += [each["sid"] for each in page["messages"]]
            if page["next_page_uri"] is None:
                break
            page = await phone.get(page["next_page_uri"].partition(phone.sid)[2])
        assert found == sids[::-1]

    async def test_a_filter_by_date_shows_no_message_that_waits(self, phone: "Phone") -> None:
        await phone.register(delivery="manual")
        sid = (await phone.send())["sid"]
        assert (await phone.get("/Messages.json", **{"DateSent>": "2020-01-01"}))["messages"] == []
        await phone.ask(f"/messages/{sid}/decide", status="sent")
        for filtered in ({"DateSent>": "2020-01-01"}, {"DateSent<": "2100-01-01"}):
            assert len((await phone.get("/Messages.json", **filtered))["messages"]) == 1

    async def test_lists_may_be_behind(self, phone: "Phone") -> None:
        await phone.register(listed_after_s=60)
        sid = (await phone.send())["sid"]
        assert (await phone.get("/Messages.json"))["messages"] == []
        assert (await phone.get(f"/Messages/{sid}.json"))["sid"] == sid
        await phone.advance(61)
        assert len((await phone.get("/Messages.json"))["messages"]) == 1

    async def test_what_is_redacted_or_deleted_is_gone(self, phone: "Phone") -> None:
        sid = (await phone.send())["sid"]
        assert (await phone.post(f"/Messages/{sid}.json", Body="")).json()["body"] == ""
        assert (await phone.http.delete(f"/Messages/{sid}.json")).status_code == 204
        assert (await phone.http.get(f"/Messages/{sid}.json")).status_code == 404

    async def test_others_are_told_nothing(self, phone: "Phone") -> None:
        sid = (await phone.send())["sid"]
        for auth in (("AC" + "0" * 32, TOKEN), (phone.sid, "x" * 32)):
            answer = await phone.http.get(f"/Messages/{sid}.json", auth=auth)
            assert (answer.status_code, answer.json()["code"]) == (401, 20003)
        other = str(phone.http.base_url).replace(phone.sid, "AC" + "0" * 32)
        assert (await phone.http.get(f"{other}/Messages/{sid}.json")).status_code == 404
