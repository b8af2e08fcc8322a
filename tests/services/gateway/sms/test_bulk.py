"""`/v1/sms/bulk`: each recipient by itself, one command, one operation of the quota for each message."""

import time
from typing import Any
from uuid import uuid4

import pytest

BULK = "/v1/sms/bulk"


def numbers(count: int) -> list[dict[str, Any]]:
    return [{"to": f"+1415555{n:04d}"} for n in range(2_000, 2_000 + count)]


class TestBulk:
    async def test_it_is_one_command(self, shop: Any) -> None:
        command = await shop.command(
            "POST", BULK, {"body": "Hello", "recipients": numbers(1_000), "metadata": {"c": "7"}}
        )
        assert (command.operation, command.category, command.priority) == ("sms_batch.create", "sms", 1)
        assert command.resource_id.startswith("bat_")
        payload = command.payload
        assert payload["common"]["priority"] == "bulk"
        assert (payload["common"]["body"], payload["common"]["metadata"]) == ("Hello", {"c": "7"})
        assert [one["to"] for one in payload["recipients"]] == [one["to"] for one in numbers(1_000)]
        assert len({one["message_id"] for one in payload["recipients"]}) == 1_000
        assert payload["indexes"] == list(range(1_000))
        assert payload["rejected"] == []

    async def test_one_that_is_wrong_stops_no_other(self, shop: Any) -> None:
        wrong: list[Any] = [
            {"to": "nobody"},
            {},
            "+14155552671",
            None,
            {"to": 5},
            {"to": "+14155552671", "body": "x" * 1_601},
            {"to": "+14155552671", "variables": {"a": 1}},
            {"to": "+14155552671", "metadata": {"a": []}},
        ]
        good = [{"to": "+14155552671", "body": "Own", "metadata": {"n": 1}}, {"to": "+919876543210"}]
        recipients = [good[0], *wrong, good[1]]
        payload = (await shop.command("POST", BULK, {"body": "Hello", "recipients": recipients})).payload
        assert payload["indexes"] == [0, len(wrong) + 1]
        first, last = payload["recipients"]
        assert (first["body"], first["metadata"], last["country"]) == ("Own", {"n": "1"}, "IN")
        assert [one["index"] for one in payload["rejected"]] == list(range(1, len(wrong) + 1))
        assert payload["rejected"][0]["to"] == "nobody"
        assert all(one["message"].endswith(".") for one in payload["rejected"])

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"recipients": []}, "recipients"),
            ({"recipients": {}}, "recipients"),
            ({"recipients": [{"to": "+14155552671"}] * 1_001}, "recipients"),
            ({"recipients": [{"to": "x"}]}, "recipients.0.to"),
            ({"recipients": ["x"]}, "recipients.0.to"),
            ({"body": None}, "recipients.0.body"),
            ({"send_at": 1}, "send_at"),
            ({"provider": "moneybags"}, "provider"),
        ],
    )
    async def test_what_is_wrong_with_the_whole_is_named(self, shop: Any, said: dict[str, Any], field: str) -> None:
        body = {"body": "Hello", "recipients": [{"to": "+14155552671"}], **said}
        assert await shop.names("POST", BULK, {name: it for name, it in body.items() if it is not None}) == field

    async def test_when_all_are_wrong_they_are_named(self, shop: Any) -> None:
        errors = await shop.refused("POST", BULK, {"body": "Hello", "recipients": [{"to": "x"}] * 30})
        assert [one["field"] for one in errors] == [f"recipients.{n}.to" for n in range(20)]

    async def test_variables_are_those_of_the_whole_and_its_own(self, world: Any, shop: Any) -> None:
        id_ = world.desk.add_template(shop.tenant.id, "sms", "name", "shop", "user.city")
        recipients = [
            {"to": "+14155552671", "variables": {"name": "Ada"}},
            {"to": "+14155552672"},
            {"to": "+14155552673", "variables": {"name": "Cy", "user": {"town": "x"}}},
            {"to": "+14155552673", "variables": {"name": "Bo"}, "body": "own"},
        ]
        body = {"template_id": id_, "variables": {"shop": "S", "user": {"city": "B"}}, "recipients": recipients}
        payload = (await shop.command("POST", BULK, body)).payload
        assert payload["common"]["template"] == {"template_id": id_, "version": 1, "variables": body["variables"]}
        assert [one["variables"] for one in payload["recipients"]] == [{"name": "Ada"}]
        assert [(one["index"], one["message"]) for one in payload["rejected"]] == [
            (1, "variables.name is required by the template."),
            (2, "variables.user.city is required by the template."),
            (3, "body cannot be there beside a template."),
        ]

    @pytest.mark.parametrize("path", [BULK, "/api/v1/services/sms"])
    async def test_a_card_number_stops_only_its_own_recipient(self, shop: Any, path: str) -> None:
        bad = {"to": "+14155552671", "metadata": {"x": "4111 1111 1111 1111"}}
        asked = {"body": "b", "recipients": [*numbers(3), bad, {"to": "4111 1111 1111 1111"}]}
        command = await shop.command("POST", path, asked if path == BULK else {"action": "bulk_send", "data": asked})
        assert len(command.payload["recipients"]) == 3
        first, second = command.payload["rejected"]
        assert (first["index"], first["to"], second["index"], second["to"]) == (3, "+14155552671", 4, "")
        assert "metadata.x: this looks like a card number" in first["message"]
        assert "4111" not in command.model_dump_json()

    @pytest.mark.parametrize("channel", ["sms", "email"])
    @pytest.mark.parametrize("door", ["/v1/{}/bulk", "/api/v1/services/{}"])
    async def test_a_number_beyond_64_bits_stops_at_most_its_own_recipient(
        self, shop: Any, channel: str, door: str
    ) -> None:
        to = numbers(4) if channel == "sms" else [{"to": f"a{n}@example.com"} for n in range(4)]
        said: list[dict[str, Any]] = [
            {"metadata": {"order": 12345678901234567890123}},
            {"variables": {"a": 10**30}},
            {"unknown": [{"x": -(10**30)}]},
        ]
        recipients = [to[0], *({**one, **more} for one, more in zip(to[1:], said, strict=True))]
        text = {"body": "Hello"} if channel == "sms" else {"subject": "S", "text": "t"}
        asked: dict[str, Any] = {**text, "recipients": recipients}
        body = asked if door.startswith("/v1") else {"action": "bulk_send", "data": asked}
        payload = (await shop.command("POST", door.format(channel), body)).payload
        assert payload["indexes"] == [0, 1, 3]
        assert payload["recipients"][1]["metadata"] == {"order": "12345678901234567890123"}
        assert [one["index"] for one in payload["rejected"]] == [2]

    async def test_a_card_number_that_all_would_get_is_refused(self, shop: Any) -> None:
        card = "4111 1111 1111 1111"
        assert await shop.names("POST", BULK, {"body": card, "recipients": numbers(3)}) == "body"
        alone = {"body": "b", "recipients": [{"to": "+14155552671", "metadata": {"x": card}}]}
        assert await shop.names("POST", BULK, alone) == "recipients.0.metadata.x"

    async def test_what_no_record_holds_is_refused(self, shop: Any) -> None:
        recipients = [{**one, "body": "🙂" * 300} for one in numbers(1_000)]
        await shop.refused("POST", BULK, {"recipients": recipients}, status=413)

    async def test_it_is_read_in_time(self, shop: Any) -> None:
        began = time.process_time()
        await shop.command("POST", BULK, {"body": "Hello", "recipients": numbers(1_000)})
        assert time.process_time() - began < 10

    async def test_a_repeat_is_answered_before_anything_is_looked_at(self, world: Any, shop: Any) -> None:
        id_, key = world.desk.add_template(shop.tenant.id, "sms"), str(uuid4())
        body = {"template_id": id_, "recipients": numbers(2)}
        first = await shop.ask("POST", BULK, body, idempotency_key=key)
        command = shop.command_of(first.headers["x-onerouter-operation-id"])
        world.messaging.operations[command.operation_id] = shop.tenant.operation(
            command, state="succeeded", result=first.json(), made_by="cmd_first"
        )
        del world.desk.templates[id_]
        again = await shop.ask("POST", BULK, body, idempotency_key=key)
        assert (again.status_code, again.json()) == (201, first.json())


class TestQuota:
    async def test_each_message_counts(self, world: Any, shop: Any) -> None:
        """The registry of these tests lends nothing, so what is owed shows what was taken."""
        limited = world.tenant(quotas={"sms": 5})
        answer = await shop.ask("POST", BULK, {"body": "b", "recipients": numbers(6)}, auth=limited.auth)
        assert answer.status_code in {429, 503}, answer.text
        answer = await shop.ask("POST", BULK, {"body": "b", "recipients": numbers(5)}, auth=limited.auth)
        assert answer.status_code == 201, "what was taken for the first was not given back"
        answer = await shop.ask("POST", "/v1/sms", {"to": "+14155552671", "body": "b"}, auth=limited.auth)
        assert answer.status_code in {429, 503}, answer.text
