"""`POST /api/v1/services/{sms,email}`: the same commands as of `/v1`, in the words of older clients."""

import base64
from typing import Any
from uuid import uuid4

import pytest

from onerouter_gateway.compatibility.messages import MESSAGE_ACTIONS, snake_case

DOOR = "/api/v1/services"
SMS = {"to": "+14155552671", "body": "Your code is 481-223."}
MAIL = {"to": "ada@example.com", "subject": "S", "text_body": "t"}


class TestSend:
    @pytest.mark.parametrize(("channel", "body"), [("sms", SMS), ("email", MAIL)])
    async def test_both_doors_are_one_request(self, shop: Any, channel: str, body: dict[str, Any]) -> None:
        key = str(uuid4())
        first = await shop.ask("POST", f"{DOOR}/{channel}", {"action": "send", "data": body}, idempotency_key=key)
        again = await shop.ask("POST", f"/v1/{channel}", body, idempotency_key=key)
        assert (first.status_code, again.status_code) == (201, 201), first.text
        assert first.json() == again.json()
        assert again.headers["idempotency-replayed"] == "true"

    @pytest.mark.parametrize(
        "data",
        [
            {"to": SMS["to"], "body": "b", "fromNumber": "ACME", "metadata": {"userId": 1}},
            {"to": SMS["to"], "body": "b", "from_number": "ACME", "metadata": {"userId": 1}},
        ],
    )
    async def test_humps_will_do_and_names_of_the_callers_own_stay(self, shop: Any, data: dict[str, Any]) -> None:
        payload = (await shop.command("POST", f"{DOOR}/sms", {"action": "send", "params": data})).payload
        assert (payload["sender"], payload["metadata"]) == ("ACME", {"userId": "1"})

    async def test_the_key_may_be_in_the_data(self, shop: Any) -> None:
        for name in ("idempotency_key", "idempotencyKey"):
            body = {"action": "send", "data": {**SMS, name: str(uuid4())}}
            answers = [await shop.ask("POST", f"{DOOR}/sms", body) for _ in range(2)]
            assert answers[0].json() == answers[1].json()
            assert answers[1].headers["idempotency-replayed"] == "true"

    async def test_files_are_taken_here_too(self, world: Any, shop: Any) -> None:
        content = base64.b64encode(b"%PDF-1.7\n" + b"x" * 1_500_000).decode()
        data = {**MAIL, "attachments": [{"filename": "a.pdf", "content": content, "contentType": "application/pdf"}]}
        payload = (await shop.command("POST", f"{DOOR}/email", {"action": "send", "data": data})).payload
        assert payload["attachments"][0]["content_type"] == "application/pdf"
        assert len(world.desk.files(shop.tenant.id)) == 1

    @pytest.mark.parametrize("action", ["bulk_send", "send_bulk", " Bulk_Send "])
    async def test_many_at_once(self, shop: Any, action: str) -> None:
        data = {"body": "b", "recipients": [{"to": SMS["to"]}, {"to": "x"}]}
        command = await shop.command("POST", f"{DOOR}/sms", {"action": action, "data": data})
        assert command.operation == "sms_batch.create"
        assert len(command.payload["rejected"]) == 1

    async def test_what_is_wrong_is_named(self, shop: Any) -> None:
        for body, field in (
            ({"action": "fly", "data": SMS}, "action"),
            ({"data": SMS}, "action"),
            ({"action": "send", "data": {"to": SMS["to"]}}, "body"),
            ({"action": "send", "data": {**SMS, "fromNumber": "A", "from_number": "B"}}, "data.from_number"),
            ({"action": "status_check", "data": {}}, "data.message_id"),
            ({"action": "status_check", "data": {"message_id": "a", "messageId": "b"}}, "data.messageId"),
            ({"action": "cancel", "data": {"id": 5}}, "data.message_id"),
            ({"action": "templates", "data": {"operation": "burn"}}, "data.operation"),
            ({"action": "templates", "data": {"operation": "list", "status": "sent"}}, "data.status"),
            ({"action": "list", "data": {"tenant_id": "theirs"}}, "data.tenant_id"),
            ({"action": "list", "data": {"status": ["sent"]}}, "data.status"),
            ({"action": "list", "data": {"to": "x"}}, "to"),
            ({"action": "templates", "data": {"operation": ["list"]}}, "data.operation"),
            ({"action": "templates", "data": {"operation": "get"}}, "data.template_id"),
        ):
            assert await shop.names("POST", f"{DOOR}/sms", body) == field

    async def test_a_card_number_is_refused_and_a_phone_number_is_not(self, shop: Any) -> None:
        body = {"action": "send", "data": {**SMS, "to": "+49 1511 234567890"}}
        assert "card" not in (await shop.ask("POST", f"{DOOR}/sms", body)).text
        body = {"action": "send", "data": {**SMS, "body": "4111 1111 1111 1111"}}
        assert await shop.names("POST", f"{DOOR}/sms", body) == "data.body"


class TestReads:
    @pytest.mark.parametrize("action", ["get", "status", "status_check"])
    @pytest.mark.parametrize("name", ["message_id", "messageId", "id", "smsId"])
    async def test_a_message_is_found_by_any_word_for_its_id(
        self, world: Any, shop: Any, action: str, name: str
    ) -> None:
        id_ = world.desk.add_message(shop.tenant.id, "sms", status="delivered")
        answer = await shop.ask("POST", f"{DOOR}/sms", {"action": action, "data": {name: id_}})
        assert (answer.status_code, answer.json()["status"]) == (200, "delivered")

    async def test_lists_batches_and_cancels(self, world: Any, shop: Any) -> None:
        data = {"status": "sent", "batchId": "bat_1", "limit": 5, "tag": "news"}
        await shop.ask("POST", f"{DOOR}/email", {"action": "list", "data": data})
        last = world.desk.told[-1]
        assert (last.path, last.query) == ("/internal/messages/email", "status=sent&batch_id=bat_1&tag=news&limit=5")
        await shop.ask("POST", f"{DOOR}/email", {"action": "batch", "data": {"batch_id": "bat_1"}})
        assert world.desk.told[-1].path == "/internal/batches/email/bat_1"
        id_ = world.desk.add_message(shop.tenant.id, "email")
        command = await shop.command("POST", f"{DOOR}/email", {"action": "cancel", "data": {"emailId": id_}})
        assert (command.operation, command.resource_id) == ("email.cancel", id_)

    async def test_templates_have_operations_of_their_own(self, world: Any, shop: Any) -> None:
        for data, method, rest in (
            ({}, "GET", ""),
            ({"operation": "create", "name": "n", "body": "b"}, "POST", ""),
            ({"operation": "get", "templateId": "tpl_1"}, "GET", "/tpl_1"),
            ({"operation": "update", "template_id": "tpl_1", "body": "b"}, "PATCH", "/tpl_1"),
            ({"operation": "publish", "template_id": "tpl_1"}, "POST", "/tpl_1/publish"),
            ({"operation": "preview", "id": "tpl_1", "variables": {"aB": 1}}, "POST", "/tpl_1/preview"),
            ({"operation": "delete", "id": "tpl_1"}, "DELETE", "/tpl_1"),
            ({"operation": "versions", "id": "tpl_1", "limit": 3}, "GET", "/tpl_1/versions"),
            ({"operation": "list", "name": "Code"}, "GET", ""),
        ):
            answer = await shop.ask("POST", f"{DOOR}/sms", {"action": "templates", "data": data})
            assert answer.is_success, answer.text
            last = world.desk.told[-1]
            assert (last.method, last.path) == (method, f"/internal/templates/sms{rest}")
            if rest.endswith("preview"):
                assert last.json() == {"variables": {"aB": 1}}
        assert last.query == "name=Code"


class TestScopes:
    async def test_each_action_needs_its_own(self, world: Any, shop: Any) -> None:
        reader = world.tenant(scopes=["sms:read"])
        id_ = world.desk.add_message(reader.id, "sms")
        refused = []
        for action in MESSAGE_ACTIONS["sms"]:
            data = {} if action in {"list", "templates"} else {"message_id": id_, "batch_id": "bat_1"}
            answer = await shop.ask("POST", f"{DOOR}/sms", {"action": action, "data": data}, auth=reader.auth)
            assert answer.status_code in {200, 403}, answer.text
            if answer.status_code == 403:
                refused.append(action)
        assert sorted(refused) == ["bulk_send", "cancel", "send", "send_bulk"]
        for operation in ("create", "update", "publish", "delete"):
            data = {"operation": operation, "template_id": "tpl_1", "name": "n"}
            answer = await shop.ask("POST", f"{DOOR}/sms", {"action": "templates", "data": data}, auth=reader.auth)
            assert answer.status_code == 403
        assert (await shop.ask("POST", f"{DOOR}/email", {"action": "list"}, auth=reader.auth)).status_code == 403


def test_only_our_own_names_lose_their_humps() -> None:
    given = {"toNumber": 1, "recipients": [{"sendTo": {"aB": 1}}, "x"], "metadata": {"aB": 1}, "HTML": 2}
    assert snake_case(given) == {
        "to_number": 1,
        "recipients": [{"send_to": {"aB": 1}}, "x"],
        "metadata": {"aB": 1},
        "html": 2,
    }
