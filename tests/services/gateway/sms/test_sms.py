"""`/v1/sms`: what reaches the log, what is refused, and who may do it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onerouter_common.clock import isoformat

SMS = "/v1/sms"
TEXT = {"to": "+14155552671", "body": "Your code is 481-223."}


def later(**ahead: float) -> str:
    return isoformat(datetime.now(UTC) + timedelta(**ahead))


class TestSend:
    async def test_it_reaches_the_log(self, shop: Any) -> None:
        body = {
            **TEXT,
            "from_number": "ACME",
            "provider": "Twilio",
            "metadata": {"user": 77},
            "tags": ["code", "code"],
            "suppression_override": {"reason": "asked for it by phone"},
        }
        command = await shop.command("POST", SMS, body)
        assert (command.operation, command.category, command.priority) == ("sms.send", "sms", 0)
        assert command.resource_id.startswith("sms_")
        assert command.ordering_key == command.resource_id
        assert command.payload == {
            "to": "+14155552671",
            "country": "US",
            "body": "Your code is 481-223.",
            "sender": "ACME",
            "provider": "twilio",
            "providers": [],
            "metadata": {"user": "77"},
            "tags": ["code"],
            "priority": "transactional",
            "is_part": False,
            "variables": {},
            "override_suppression": "asked for it by phone",
        }

    async def test_a_template_of_the_providers_needs_its_provider(self, shop: Any) -> None:
        body = {"to": TEXT["to"], "provider_template": "HX" + "0" * 32, "variables": {"1": "Ada", "2": 7}}
        assert await shop.names("POST", SMS, body) == "provider"
        body["provider"] = "twilio"
        assert await shop.names("POST", SMS, {**body, "body": "Hi"}) == "provider_template"
        payload = (await shop.command("POST", SMS, body)).payload
        assert (payload["provider_template"], payload["variables"]) == (body["provider_template"], {"1": "Ada", "2": 7})
        assert "body" not in payload
        bulk = {**body, "recipients": [{"to": TEXT["to"], "variables": {"1": "Bo"}}, {"to": TEXT["to"], "body": "Own"}]}
        del bulk["to"]
        payload = (await shop.command("POST", f"{SMS}/bulk", bulk)).payload
        assert payload["common"]["provider_template"] == body["provider_template"]
        assert [one["variables"] for one in payload["recipients"]] == [{"1": "Bo"}]

    async def test_one_number_has_one_fingerprint(self, shop: Any) -> None:
        spelled = ["+14155552671", "+1 (415) 555-2671", " +1-415-555-2671"]
        commands = [await shop.command("POST", SMS, {**TEXT, "to": to}) for to in spelled]
        assert {command.payload["to"] for command in commands} == {"+14155552671"}
        assert len({command.fingerprint for command in commands}) == 1

    async def test_a_number_without_its_country_is_of_the_accounts_region(self, world: Any, shop: Any) -> None:
        indian = world.tenant(default_region="IN")
        answer = await shop.ask("POST", SMS, {**TEXT, "to": "098765 43210"}, auth=indian.auth)
        assert answer.status_code == 201, answer.text
        payload = shop.command_of(answer.headers["x-onerouter-operation-id"]).payload
        assert (payload["to"], payload["country"]) == ("+919876543210", "IN")
        assert await shop.names("POST", SMS, {**TEXT, "to": "098765 43210"}) == "to"

    async def test_the_text_stays_as_it_was_written(self, shop: Any) -> None:
        text = "  שלום 👋🏽\n\tsecond line  "
        assert (await shop.command("POST", SMS, {**TEXT, "body": text})).payload["body"] == text

    async def test_the_key_in_the_body_counts(self, shop: Any) -> None:
        body = {**TEXT, "idempotency_key": str(uuid4())}
        first, again = [await shop.ask("POST", SMS, body) for _ in range(2)]
        assert first.json() == again.json()
        assert again.headers["idempotency-replayed"] == "true"
        other = await shop.ask("POST", SMS, {**body, "body": "another"})
        assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")

    async def test_preferred_providers_are_passed_on_in_their_order(self, shop: Any) -> None:
        command = await shop.command("POST", SMS, {**TEXT, "providers": ["sns", "twilio"], "priority": "bulk"})
        assert (command.payload["providers"], command.priority) == (["sns", "twilio"], 1)

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"to": None}, "to"),
            ({"to": ""}, "to"),
            ({"to": "4155552671"}, "to"),
            ({"to": "+1"}, "to"),
            ({"to": "+99999999999999"}, "to"),
            ({"to": "+14155552671\r\nBcc: x"}, "to"),
            ({"to": "+1415555CALL"}, "to"),
            ({"to": "+14155552671;ext=5"}, "to"),
            ({"to": "١٢٣"}, "to"),
            ({"to": ["+14155552671"]}, "to"),
            ({"to": "+1" + "4" * 500}, "to"),
            ({"body": None}, "body"),
            ({"body": ""}, "body"),
            ({"body": " \n "}, "body"),
            ({"body": "x" * 1_601}, "body"),
            ({"body": "x" * 10_000}, "body"),
            ({"body": 5}, "body"),
            ({"from_number": "a name of twenty letters"}, "from_number"),
            ({"from_number": "<b>"}, "from_number"),
            ({"from_number": "x\r\ny"}, "from_number"),
            ({"provider": "moneybags"}, "provider"),
            ({"providers": ["twilio", "resend"]}, "providers.1"),
            ({"provider": "twilio", "providers": ["sns"]}, "providers"),
            ({"template_id": "tpl_1"}, "template_id"),
            ({"variables": {"a": 1}}, "variables"),
            ({"template_version": 1}, "template_version"),
            ({"tags": ["a b"]}, "tags.0"),
            ({"tags": [str(n) for n in range(11)]}, "tags"),
            ({"priority": "urgent"}, "priority"),
            ({"metadata": {"a": {"b": 1}}}, "metadata"),
            ({"send_at": later(hours=-1)}, "send_at"),
            ({"send_at": later(days=35, hours=1)}, "send_at"),
            ({"send_at": "2030-01-01T00:00:00"}, "send_at"),
            ({"suppression_override": {"reason": ""}}, "suppression_override.reason"),
            ({"suppression_override": True}, "suppression_override"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Any, said: dict[str, Any], field: str) -> None:
        body = {name: value for name, value in {**TEXT, **said}.items() if value is not None}
        assert await shop.names("POST", SMS, body) == field

    async def test_what_is_not_connected_is_said(self, world: Any, shop: Any) -> None:
        bare = world.tenant(services={"payments": ["razorpay"], "email": ["resend"]})
        answer = await shop.ask("POST", SMS, TEXT, auth=bare.auth)
        assert (answer.status_code, answer.json()["code"]) == (422, "SERVICE_NOT_CONFIGURED")
        one = world.tenant(services={"sms": ["sns"]})
        for said in ({"provider": "twilio"}, {"providers": ["twilio"]}):
            answer = await shop.ask("POST", SMS, {**TEXT, **said}, auth=one.auth)
            assert (answer.status_code, answer.json()["code"]) == (422, "SERVICE_NOT_CONFIGURED")

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        body=st.fixed_dictionaries(
            {},
            optional={
                "to": st.one_of(
                    st.text(max_size=60), st.integers(), st.from_regex(r"\+?[0-9 ()\-]{0,25}", fullmatch=True)
                ),
                "body": st.one_of(st.text(max_size=1_700), st.none(), st.lists(st.text(max_size=3))),
                "from_number": st.text(max_size=40),
                "providers": st.lists(st.text(max_size=8), max_size=12),
                "metadata": st.dictionaries(
                    st.text(max_size=70), st.one_of(st.text(max_size=10), st.floats()), max_size=5
                ),
                "variables": st.recursive(
                    st.one_of(st.none(), st.integers(), st.text(max_size=5)),
                    lambda inner: st.dictionaries(st.text(max_size=5), inner, max_size=3),
                    max_leaves=6,
                ),
                "send_at": st.one_of(st.integers(), st.text(max_size=30), st.datetimes().map(str)),
                "template_id": st.text(max_size=20),
            },
        )
    )
    async def test_hostile_input_is_sent_as_it_is_or_named(self, shop: Any, body: dict[str, Any]) -> None:
        before = len(shop.commands())
        answer = await shop.ask("POST", SMS, body)
        assert answer.status_code in {201, 400, 422}, answer.text
        if answer.status_code == 201:
            payload = shop.command_of(answer.headers["x-onerouter-operation-id"]).payload
            assert payload["to"].startswith("+")
            assert payload["to"][1:].isascii()
            assert payload["body"] == body["body"]
        else:
            assert len(shop.commands()) == before
            assert answer.json()["detail"]


class TestSchedule:
    async def test_it_is_another_operation_with_its_time(self, shop: Any) -> None:
        at = later(days=34)
        command = await shop.command("POST", SMS, {**TEXT, "send_at": at})
        assert (command.operation, command.payload["send_at"]) == ("sms.schedule", at)

    async def test_a_clock_that_is_behind_is_forgiven(self, shop: Any) -> None:
        assert (await shop.command("POST", SMS, {**TEXT, "send_at": later(seconds=-20)})).operation == "sms.schedule"

    async def test_a_repeat_after_its_time_is_what_it_was(self, world: Any, shop: Any) -> None:
        key, body = str(uuid4()), {**TEXT, "send_at": later(hours=1)}
        first = await shop.ask("POST", SMS, body, idempotency_key=key)
        command = shop.command_of(first.headers["x-onerouter-operation-id"])
        world.messaging.operations[command.operation_id] = shop.tenant.operation(
            command, state="succeeded", result=first.json(), made_by="cmd_first"
        )
        again = await shop.ask("POST", SMS, body, idempotency_key=key)
        assert (again.status_code, again.json()) == (201, first.json())
        late = await shop.ask("POST", SMS, {**body, "send_at": later(hours=-1)}, idempotency_key=key)
        assert late.json()["code"] == "IDEMPOTENCY_KEY_REUSED", "the first request is not looked up before the time is"


class TestTemplate:
    async def test_its_version_is_that_of_the_moment(self, world: Any, shop: Any) -> None:
        id_ = world.desk.add_template(shop.tenant.id, "sms", "code")
        body = {"to": TEXT["to"], "template_id": id_, "variables": {"code": 481223, "price": 4.5, "odd": 0.1}}
        command = await shop.command("POST", SMS, body)
        assert command.payload["template"] == {"template_id": id_, "version": 1, "variables": body["variables"]}
        assert "body" not in command.payload
        world.desk.templates[id_]["versions"][2] = ()
        assert (await shop.command("POST", SMS, {**body, "template_version": 2})).payload["template"]["version"] == 2

    async def test_what_cannot_be_sent_is_named(self, world: Any, shop: Any) -> None:
        desk, theirs = world.desk, world.tenant().id
        known = desk.add_template(shop.tenant.id, "sms", "code")
        draft = desk.add_template(shop.tenant.id, "sms")
        desk.templates[draft]["current"] = None
        for id_ in (
            "tpl_01k9zq3v7m8e5t2r4w6y8a0c1d",
            draft,
            desk.add_template(theirs, "sms"),
            desk.add_template(shop.tenant.id, "email"),
            desk.add_template(shop.tenant.id, "sms", environment="live"),
            "../published",
        ):
            assert await shop.names("POST", SMS, {"to": TEXT["to"], "template_id": id_}) == "template_id"
        wanted = {"to": TEXT["to"], "template_id": known}
        assert await shop.names("POST", SMS, wanted) == "variables.code"
        planned = {
            **wanted,
            "template_id": desk.add_template(shop.tenant.id, "sms", "user.name"),
            "send_at": later(hours=1),
        }
        assert await shop.names("POST", SMS, planned) == "variables.user"
        assert await shop.names("POST", SMS, {**planned, "variables": {"user": {}}}) == "variables.user.name"
        assert await shop.names("POST", SMS, {**wanted, "template_version": 9}) == "template_version"
        for variables in ({"a b": 1}, {"a": 10**30}, {"a": "x" * 70_000}, ["code"]):
            assert await shop.names("POST", SMS, {**wanted, "variables": variables}) == "variables"

    async def test_a_repeat_is_answered_before_it_is_looked_at(self, world: Any, shop: Any) -> None:
        id_, key = world.desk.add_template(shop.tenant.id, "sms"), str(uuid4())
        body = {"to": TEXT["to"], "template_id": id_}
        first = await shop.ask("POST", SMS, body, idempotency_key=key)
        command = shop.command_of(first.headers["x-onerouter-operation-id"])
        world.messaging.operations[command.operation_id] = shop.tenant.operation(
            command, state="succeeded", result=first.json(), made_by="cmd_first"
        )
        del world.desk.templates[id_]
        again = await shop.ask("POST", SMS, body, idempotency_key=key)
        assert (again.status_code, again.json()) == (201, first.json())

    async def test_without_the_service_nothing_is_done(self, world: Any, shop: Any) -> None:
        id_ = world.desk.add_template(shop.tenant.id, "sms")
        world.desk.away.add("templates")
        try:
            await shop.refused("POST", SMS, {"to": TEXT["to"], "template_id": id_}, status=503)
        finally:
            world.desk.away.clear()


class TestCardNumbers:
    @pytest.mark.parametrize("to", ["+4915123456789", "+91 98765 43210", "0049 1512 3456789", "+41 (79) 411-11-11"])
    async def test_a_phone_number_is_none(self, shop: Any, to: str) -> None:
        answer = await shop.ask("POST", SMS, {**TEXT, "to": to})
        assert "card" not in answer.text

    async def test_a_number_that_passes_for_a_cards_is_dialled(self, shop: Any) -> None:
        # +49 151 10 digits: fifteen digits that pass the Luhn check, the longest number there is.
        to = next(f"+4915112345{n:05d}" for n in range(100_000) if _luhn(f"4915112345{n:05d}"))
        assert (await shop.command("POST", SMS, {**TEXT, "to": f"{to[:3]} {to[3:]}"})).payload["to"] == to

    @pytest.mark.parametrize("field", ["body", "from_number", "to", "anything"])
    async def test_a_card_is_refused_in_every_field(self, shop: Any, field: str) -> None:
        assert await shop.names("POST", SMS, {**TEXT, field: "4111 1111 1111 1111"}) == field


class TestReads:
    async def test_they_are_forwarded(self, world: Any, shop: Any) -> None:
        id_ = world.desk.add_message(shop.tenant.id, "sms", status="sent")
        assert (await shop.ask("GET", f"{SMS}/{id_}")).json()["status"] == "sent"
        for path, query, internal in (
            (SMS, "status=sent&to=%2B14155552671", "/internal/messages/sms"),
            (f"{SMS}/batches/bat_1", "", "/internal/batches/sms/bat_1"),
            (f"{SMS}/batches/bat_1/messages", "limit=5", "/internal/batches/sms/bat_1/messages"),
            (f"{SMS}/templates/tpl_1", "", "/internal/templates/sms/tpl_1"),
        ):
            answer = await shop.ask("GET", f"{path}?{query}")
            assert answer.status_code == 200, answer.text
            if path == SMS:
                assert world.desk.told[-1].path == internal
            else:
                assert answer.json()["path"] == internal
            assert world.desk.told[-1].query == query
            assert world.desk.told[-1].tenant_id == shop.tenant.id

    async def test_nobody_elses_is_shown_or_canceled(self, world: Any, shop: Any) -> None:
        theirs = world.desk.add_message(world.tenant().id, "sms")
        live = world.desk.add_message(shop.tenant.id, "sms", environment="live")
        email = world.desk.add_message(shop.tenant.id, "email")
        for id_ in (theirs, live, email, "a%2Fb", "a b"):
            assert (await shop.ask("GET", f"{SMS}/{id_}")).status_code == 404
            await shop.refused("POST", f"{SMS}/{id_}/cancel", {}, status=404)

    async def test_a_cancel_reaches_the_log_under_our_id(self, world: Any, shop: Any) -> None:
        id_ = world.desk.add_message(shop.tenant.id, "sms")
        world.desk.messages["SM123"] = world.desk.messages[id_]
        commands = [await shop.command("POST", f"{SMS}/{name}/cancel") for name in (id_, "SM123")]
        assert {(one.operation, one.resource_id, one.ordering_key) for one in commands} == {("sms.cancel", id_, id_)}
        assert commands[0].payload == {"message_id": id_}

    async def test_a_batch_is_canceled_as_a_whole(self, world: Any, shop: Any) -> None:
        command = await shop.command("POST", f"{SMS}/batches/bat_1/cancel")
        assert (command.operation, command.category, command.resource_id) == ("sms_batch.cancel", "sms", "bat_1")
        assert world.desk.told[-1].path == "/internal/batches/sms/bat_1"


class TestScopes:
    @pytest.mark.parametrize(
        ("scope", "allowed"),
        [
            ("sms:write", {"POST /v1/sms", "POST /v1/sms/bulk", "POST /v1/sms/templates"}),
            ("sms:read", {"GET /v1/sms", "GET /v1/sms/sms_1", "GET /v1/sms/batches/bat_1", "GET /v1/sms/templates"}),
            ("email:write", set()),
            ("payments:write", set()),
        ],
    )
    async def test_each_route_needs_its_own(self, world: Any, shop: Any, scope: str, allowed: set[str]) -> None:
        holder = world.tenant(scopes=[scope])
        world.desk.messages["sms_1"] = {"tenant_id": holder.id, "environment": "test", "channel": "sms", "id": "sms_1"}
        for door in (
            "POST /v1/sms",
            "POST /v1/sms/bulk",
            "POST /v1/sms/templates",
            "GET /v1/sms",
            "GET /v1/sms/sms_1",
            "GET /v1/sms/batches/bat_1",
            "GET /v1/sms/templates",
        ):
            method, path = door.split()
            body = None if method == "GET" else {**TEXT, "recipients": [{"to": TEXT["to"]}], "name": "n"}
            answer = await shop.ask(method, path, body, auth=holder.auth)
            assert (answer.status_code == 403) is (door not in allowed), (door, answer.text)
            assert answer.status_code in {200, 201, 403}, answer.text


def _luhn(digits: str) -> bool:
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    return sum(doubled[int(d)] if i % 2 else int(d) for i, d in enumerate(reversed(digits))) % 10 == 0


class TestListTo:
    @pytest.mark.parametrize("to", [" 14155552671", "%2B1 (415) 555-2671", "+14155552671"])
    async def test_a_number_is_asked_for_as_people_write_it(self, world: Any, shop: Any, to: str) -> None:
        assert (await shop.ask("GET", f"{SMS}?to={to}&tag=news")).status_code == 200
        assert world.desk.told[-1].query == "to=%2B14155552671&tag=news"

    async def test_what_is_none_is_named(self, shop: Any) -> None:
        for path in (SMS, "/v1/email"):
            answer = await shop.ask("GET", f"{path}?to=nobody")
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "to")
