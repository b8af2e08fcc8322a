import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.providers.email.openapi import Description
from tests.services.sandbox.conftest import NO_TLS
from tests.services.sandbox.resend.conftest import EMAIL, speak_to

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver
    from tests.services.sandbox.resend.conftest import Team

DAY_S = 86_400


class TestKeys:
    async def test_a_repeat_has_the_first_answer_and_no_effect(self, team: "Team") -> None:
        assert await team.sent("k1") == await team.sent("k1")
        assert await team.effects() == ["eml_01"]

    async def test_another_body_is_refused(self, team: "Team") -> None:
        await team.sent("k1")
        answer = await team.send("k1", subject="Other")
        assert (answer.status_code, answer.json()["name"]) == (409, "invalid_idempotent_request")

    async def test_a_day_later_it_is_forgotten(self, team: "Team") -> None:
        first = await team.sent("k1")
        await team.advance(DAY_S + 1)
        assert await team.sent("k1") != first

    async def test_what_was_refused_is_not_remembered(self, team: "Team") -> None:
        assert (await team.send("k1", to="nonsense")).status_code == 422
        await team.sent("k1")

    async def test_without_a_key_each_is_another(self, team: "Team") -> None:
        assert await team.sent() != await team.sent()
        assert await team.effects() == ["eml_01", "eml_01"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "status", "name", "words"),
        [
            ({"to": None}, 422, "missing_required_field", "`to`"),
            ({"subject": ""}, 422, "missing_required_field", "`subject`"),
            ({"text": None}, 422, "missing_required_field", "`html`"),
            ({"to": "nobody@nowhere"}, 422, "validation_error", "`to`"),
            ({"to": [f"u{number}@example.net" for number in range(51)]}, 422, "validation_error", "50"),
            ({"from": "nonsense"}, 422, "validation_error", "`from`"),
            ({"from": "a@elsewhere.example"}, 403, "validation_error", "not verified"),
            ({"tags": [{"name": "a b", "value": "1"}]}, 422, "validation_error", "Tags"),
            ({"attachments": [{"filename": "a"}]}, 422, "invalid_attachment", "content"),
            ({"scheduled_at": "2999-01-01T00:00:00Z"}, 422, "validation_error", "30 days"),
            ({"template": {"id": "none"}}, 422, "validation_error", "template"),
            ({"template": {"id": "none"}, "text": None}, 404, "not_found", "Template"),
        ],
    )
    async def test_of_a_request(
        self, team: "Team", changes: dict[str, Any], status: int, name: str, words: str
    ) -> None:
        answer = await team.send(**changes)
        assert (answer.status_code, answer.json()["statusCode"], answer.json()["name"]) == (status, status, name)
        assert words in answer.json()["message"]
        assert await team.effects() == []

    async def test_of_who_asks(self, team: "Team") -> None:
        async with httpx.AsyncClient(base_url=f"{team.url}/resend", verify=NO_TLS) as nobody:
            assert (await nobody.get("/domains")).json()["name"] == "missing_api_key"
            wrong = await nobody.get("/domains", headers={"Authorization": "Bearer re_wrong_key_1"})
            assert (wrong.status_code, wrong.json()["name"]) == (403, "invalid_api_key")
            unnamed = await nobody.get("/domains", headers={"User-Agent": ""})
            assert (unnamed.status_code, unnamed.text) == (403, "error code: 1010")
        await team.register(key_permission="sending_access")
        assert (await team.api.get("/domains")).json()["name"] == "restricted_api_key"
        await team.sent()

    async def test_of_a_path(self, team: "Team") -> None:
        assert (await team.api.delete("/emails")).json()["name"] == "method_not_allowed"
        assert (await team.api.get("/emails/1/2/3")).json()["name"] == "not_found"

    async def test_another_teams_emails_do_not_exist(self, team: "Team") -> None:
        email_id = await team.sent()
        async with speak_to(team.url, "team_other") as other:
            await other.register()
            assert (await other.api.get(f"/emails/{email_id}")).status_code == 404
            assert (await other.got("/emails"))["data"] == []
            await other.control.delete("/resend/accounts/team_other")


class TestFates:
    @pytest.mark.parametrize(
        ("address", "last_event"),
        [
            ("delivered@resend.dev", "delivered"),
            ("bounced+x@resend.dev", "bounced"),
            ("complained@resend.dev", "complained"),
            ("suppressed@resend.dev", "suppressed"),
            ("somebody@example.net", "opened"),
        ],
    )
    async def test_addresses_choose_and_the_team_for_the_others(
        self, team: "Team", address: str, last_event: str
    ) -> None:
        await team.register(fate="opened")
        email_id = await team.sent(to=address)
        assert (await team.got(f"/emails/{email_id}"))["last_event"] == last_event

    async def test_they_may_take_their_time(self, team: "Team") -> None:
        await team.register(fate_delay_s=60)
        email_id = await team.sent()
        assert (await team.got(f"/emails/{email_id}"))["last_event"] == "queued"
        await team.advance(61)
        assert (await team.got(f"/emails/{email_id}"))["last_event"] == "delivered"

    async def test_what_waits_can_be_moved(self, team: "Team") -> None:
        soon, later = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, 3))
        email_id = await team.sent(scheduled_at=soon.isoformat())
        await team.api.patch(f"/emails/{email_id}", json={"scheduled_at": later.isoformat()})
        await team.advance(2 * 3_600)
        assert await team.effects() == []
        await team.advance(2 * 3_600)
        assert await team.effects() == ["eml_01"]


class TestLists:
    async def test_pages_are_newest_first(self, team: "Team") -> None:
        ids = [await team.sent() for _ in range(3)]
        first = await team.got("/emails", limit=2)
        rest = await team.got("/emails", limit=2, after=first["data"][-1]["id"])
        assert [each["id"] for each in (*first["data"], *rest["data"])] == ids[::-1]
        assert (first["has_more"], rest["has_more"]) == (True, False)

    async def test_what_is_young_is_in_no_list_yet(self, team: "Team") -> None:
        await team.register(list_lag_s=60)
        await team.sent()
        assert (await team.got("/emails"))["data"] == []
        await team.advance(61)
        assert len((await team.got("/emails"))["data"]) == 1

    async def test_calls_are_written_down_with_what_was_asked(self, team: "Team") -> None:
        email_id = await team.sent()
        await team.send(to="nonsense")
        refused, accepted = (await team.got("/logs"))["data"]
        assert (refused["response_status"], accepted["response_status"]) == (422, 200)
        call = await team.got(f"/logs/{accepted['id']}")
        assert (call["request_body"], call["response_body"]) == (EMAIL, {"id": email_id})


async def test_callbacks_are_as_described(team: "Team", receiver: "Receiver", specs: Path) -> None:
    await team.register(webhook_url=receiver.url, fate="none")
    happenings = ("sent", "delivery_delayed", "delivered", "opened", "clicked", "complained", "bounced", "failed")
    email_id = await team.sent(headers={"X-Order": "7"})
    for event in (*happenings, "suppressed"):
        await team.ask(f"/resend/emails/{email_id}/events", event=event)
    await team.sent(scheduled_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    description = Description(specs / "resend.openapi.json")
    seen = set()
    for delivery in await receiver.wait(10):
        body = json.loads(delivery.body)
        seen.add(body["type"])
        name = "".join(word.capitalize() for word in body["type"].replace(".", "_").split("_")) + "Event"
        assert description.problems(description.content["components"]["schemas"][name], body, sent=False) == []
    assert seen == {f"email.{event}" for event in (*happenings, "suppressed", "scheduled")}


async def test_everything_survives_a_restart(running: Any, tmp_path: Path) -> None:
    settings = {"data_file": tmp_path / "sandbox.sqlite"}
    async with running(**settings) as sandbox, speak_to(sandbox.url, "team_1") as team:
        await team.register(fate_delay_s=1)
        first = await team.sent("k1")
        waiting = await team.sent(scheduled_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    async with running(**settings) as sandbox, speak_to(sandbox.url, "team_1") as team:
        assert await team.sent("k1") == first
        assert await team.effects() == ["eml_01"]
        await team.advance(3_700)
        for email_id in (first, waiting):
            assert (await team.got(f"/emails/{email_id}"))["last_event"] == "delivered"
        assert await team.effects() == ["eml_01", "eml_01"]
        assert len((await team.got("/logs"))["data"]) == 3
