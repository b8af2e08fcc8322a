"""`/v1/email`: what reaches the log, what is refused, and above all what cannot break out of its line."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EMAIL = "/v1/email"
MAIL = {"to": "ada@example.com", "subject": "Your order", "html_body": "<p>It is on its way.</p>"}
BREAKS = ["\r\nBcc: x@example.com", "\nX: y", "\r", "\u2028", "\x0b", "\x85"]


class TestSend:
    async def test_it_reaches_the_log(self, shop: Any) -> None:
        body = {
            "to": [
                "Ada Lovelace <ADA@Example.com>",
                {"email": "grace@example.com", "name": "Grace"},
                "ada@example.com",
            ],
            "cc": "bo@bücher.example",
            "bcc": ["cy@example.com", "bo@xn--bcher-kva.example", "grace@example.com"],
            "from_email": '"Shop, The" <orders@shop.example>',
            "reply_to": "help@shop.example",
            "subject": "Your order",
            "html": "<p>It is on its way.</p>",
            "text": "  It is on its way.\n",
            "headers": {"List-Unsubscribe": "<https://shop.example/leave>", "X-Campaign": "7"},
            "tags": ["order"],
            "metadata": {"order": 1042},
        }
        command = await shop.command("POST", EMAIL, body)
        assert (command.operation, command.category, command.priority) == ("email.send", "email", 0)
        assert command.resource_id.startswith("em_")
        payload = command.payload
        assert payload["to"] == [
            {"email": "ada@example.com", "name": "Ada Lovelace"},
            {"email": "grace@example.com", "name": "Grace"},
        ]
        assert payload["cc"] == [{"email": "bo@xn--bcher-kva.example"}]
        assert payload["bcc"] == [{"email": "cy@example.com"}], "each person gets it once"
        assert payload["sender"] == {"email": "orders@shop.example", "name": "Shop, The"}
        assert payload["reply_to"] == [{"email": "help@shop.example"}]
        assert (payload["html"], payload["text"]) == ("<p>It is on its way.</p>", "  It is on its way.\n")
        assert payload["headers"] == body["headers"]
        assert (payload["tags"], payload["metadata"]) == (["order"], {"order": "1042"})

    async def test_however_it_is_written_it_is_one_request(self, shop: Any) -> None:
        bodies = [
            MAIL,
            {**MAIL, "to": ["ada@example.com"]},
            {**MAIL, "to": {"email": " ADA@example.com"}},
            {"to": "<ada@example.com>", "subject": MAIL["subject"], "html": MAIL["html_body"]},
        ]
        assert len({(await shop.command("POST", EMAIL, body)).fingerprint for body in bodies}) == 1
        assert (await shop.command("POST", EMAIL, {**MAIL, "text_body": "x"})).fingerprint != (
            await shop.command("POST", EMAIL, MAIL)
        ).fingerprint

    async def test_reply_to_among_the_headers_is_reply_to(self, shop: Any) -> None:
        command = await shop.command("POST", EMAIL, {**MAIL, "headers": {"reply-to": "Help <h@example.com>"}})
        assert command.payload["reply_to"] == [{"email": "h@example.com", "name": "Help"}]
        assert command.payload["headers"] == {}

    async def test_a_template_of_the_providers_needs_its_provider(self, shop: Any) -> None:
        body = {"to": "ada@example.com", "provider_template": "d-123", "variables": {"name": "Ada"}}
        assert await shop.names("POST", EMAIL, body) == "provider"
        payload = (await shop.command("POST", EMAIL, {**body, "provider": "sendgrid"})).payload
        assert (payload["provider_template"], payload["variables"]) == ("d-123", {"name": "Ada"})
        with_subject = {**body, "provider": "sendgrid", "subject": "Hello"}
        assert (await shop.command("POST", EMAIL, with_subject)).payload["subject"] == "Hello"
        assert await shop.names("POST", EMAIL, {**with_subject, "text_body": "x"}) == "provider_template"

    async def test_the_key_in_the_body_counts(self, shop: Any) -> None:
        body = {**MAIL, "idempotency_key": str(uuid4())}
        first, again = [await shop.ask("POST", EMAIL, body) for _ in range(2)]
        assert (first.json(), again.headers["idempotency-replayed"]) == (again.json(), "true")

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"to": None}, "to"),
            ({"to": []}, "to"),
            ({"to": ""}, "to.0"),
            ({"to": "ada"}, "to.0"),
            ({"to": ["ada@example.com", "a b@example.com"]}, "to.1"),
            ({"to": "a@example.com, b@example.com"}, "to.0"),
            ({"to": [f"a{n}@example.com" for n in range(51)]}, "to"),
            ({"to": [f"a{n}@example.com" for n in range(30)], "bcc": [f"b{n}@example.com" for n in range(21)]}, "to"),
            ({"to": [{"name": "Ada"}]}, "to.0"),
            ({"to": [5]}, "to.0"),
            ({"cc": "x"}, "cc.0"),
            ({"bcc": [["x"]]}, "bcc.0"),
            ({"reply_to": "<>"}, "reply_to.0"),
            ({"from_email": "nobody"}, "from_email"),
            ({"from_name": "Shop"}, "from_name"),
            ({"subject": None}, "subject"),
            ({"subject": "  "}, "subject"),
            ({"subject": "x" * 999}, "subject"),
            ({"subject": 5}, "subject"),
            ({"html_body": None}, "html_body"),
            ({"html_body": ["x"]}, "html_body"),
            ({"headers": {"To": "x@example.com"}}, "headers.To"),
            ({"headers": {"bcc": "x@example.com"}}, "headers.bcc"),
            ({"headers": {"Content-Type": "text/plain"}}, "headers.Content-Type"),
            ({"headers": {"MIME-Version": "1.0"}}, "headers.MIME-Version"),
            ({"headers": {"DKIM-Signature": "x"}}, "headers.DKIM-Signature"),
            ({"headers": {"X-A": "1", "x-a": "2"}}, "headers.x-a"),
            ({"headers": {"X A": "1"}}, "headers"),
            ({"headers": {"X-A:": "1"}}, "headers"),
            ({"headers": {"X-A": 1}}, "headers.X-A"),
            ({"headers": {"Reply-To": "a@example.com"}, "reply_to": "b@example.com"}, "headers.Reply-To"),
            ({"headers": {f"X-{n}": "1" for n in range(51)}}, "headers"),
            ({"template_id": "tpl_1"}, "template_id"),
            ({"variables": {"a": 1}}, "variables"),
            ({"provider": "twilio"}, "provider"),
            ({"send_at": "soon"}, "send_at"),
        ],
    )
    async def test_what_is_wrong_is_named(self, shop: Any, said: dict[str, Any], field: str) -> None:
        body = {name: value for name, value in {**MAIL, **said}.items() if value is not None}
        assert await shop.names("POST", EMAIL, body) == field

    async def test_all_addresses_that_are_wrong_are_named(self, shop: Any) -> None:
        errors = await shop.refused("POST", EMAIL, {**MAIL, "to": ["x", "ada@example.com", "y@"]})
        assert [one["field"] for one in errors] == ["to.0", "to.2"]

    async def test_text_that_is_too_long_is_named(self, shop: Any) -> None:
        # Beyond what is searched for card numbers, too.
        await shop.refused("POST", EMAIL, {**MAIL, "html_body": "<p>é</p>" * 250_000}, status=413)
        (error,) = await shop.refused("POST", EMAIL, {**MAIL, "html_body": "<p>é</p>" * 70_000}, status=413)
        assert error["field"] == "html_body"


class TestInjection:
    @pytest.mark.parametrize("end", BREAKS, ids=[repr(one) for one in BREAKS])
    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"to": "ada@example.com{}"}, "to.0"),
            ({"to": "Ada{} <ada@example.com>"}, "to.0"),
            ({"to": [{"email": "ada@example.com", "name": "Ada{}"}]}, "to.0.name"),
            ({"cc": "Ada{} <ada@example.com>"}, "cc.0"),
            ({"bcc": "x{}@example.com"}, "bcc.0"),
            ({"reply_to": "Ada{} <ada@example.com>"}, "reply_to.0"),
            ({"from_email": "Shop{} <a@example.com>"}, "from_email"),
            ({"from_email": "a@example.com", "from_name": "Shop{}x"}, "from_email.name"),
            ({"subject": "Hello{}"}, "subject"),
            ({"headers": {"X-A": "1{}"}}, "headers.X-A"),
            ({"headers": {"X-A{}": "1"}}, "headers"),
        ],
    )
    async def test_a_line_break_is_refused_wherever_a_header_is_made(
        self, shop: Any, said: dict[str, Any], field: str, end: str
    ) -> None:
        body = {**MAIL, **json.loads(json.dumps(said).replace("{}", json.dumps(f"{end}x")[1:-1]))}
        assert await shop.names("POST", EMAIL, body) == field

    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        to=st.one_of(st.text(max_size=40), st.emails(), st.lists(st.text(max_size=20), max_size=4)),
        name=st.text(max_size=30),
        subject=st.text(max_size=60),
        header=st.tuples(st.text(max_size=20), st.text(max_size=40)),
        html=st.text(max_size=200),
    )
    async def test_whatever_is_sent_no_line_ends_early(
        self, shop: Any, to: Any, name: str, subject: str, header: tuple[str, str], html: str
    ) -> None:
        body = {"to": to, "cc": {"email": "c@example.com", "name": name}, "subject": subject, "html_body": html}
        answer = await shop.ask("POST", EMAIL, {**body, "headers": dict([header])})
        assert answer.status_code in {201, 400, 413, 422}, answer.text
        if answer.status_code != 201:
            return
        payload = shop.command_of(answer.headers["x-onerouter-operation-id"]).payload
        lines = [payload["subject"], *payload["headers"], *payload["headers"].values()]
        for one in [*payload["to"], *payload["cc"]]:
            lines += [one["email"], one.get("name", "")]
            assert one["email"].isascii()
            assert one["email"].count("@") == 1
        assert not any(line.splitlines() != [line] for line in lines if line)
        assert payload["html"] == html


class TestReads:
    async def test_content_is_asked_for(self, world: Any, shop: Any) -> None:
        id_ = world.desk.add_message(shop.tenant.id, "email")
        assert (await shop.ask("GET", f"{EMAIL}/{id_}?include=content")).json()["include"] == "content"
        assert (await shop.ask("GET", f"{EMAIL}/{id_}")).json()["include"] is None

    async def test_nobody_elses_is_shown_or_canceled(self, world: Any, shop: Any) -> None:
        theirs = world.desk.add_message(world.tenant().id, "email")
        sms = world.desk.add_message(shop.tenant.id, "sms")
        for id_ in (theirs, sms):
            assert (await shop.ask("GET", f"{EMAIL}/{id_}")).status_code == 404
            await shop.refused("POST", f"{EMAIL}/{id_}/cancel", {}, status=404)

    async def test_a_cancel_reaches_the_log(self, world: Any, shop: Any) -> None:
        id_ = world.desk.add_message(shop.tenant.id, "email")
        command = await shop.command("POST", f"{EMAIL}/{id_}/cancel")
        assert (command.operation, command.category, command.resource_id) == ("email.cancel", "email", id_)

    @pytest.mark.parametrize("scope", ["sms:write", "sms:read", "payments:write"])
    async def test_other_scopes_do_not_do(self, world: Any, shop: Any, scope: str) -> None:
        holder = world.tenant(scopes=[scope])
        for method, path in (("POST", EMAIL), ("POST", f"{EMAIL}/bulk"), ("GET", EMAIL), ("GET", f"{EMAIL}/em_1")):
            answer = await shop.ask(method, path, MAIL if method == "POST" else None, auth=holder.auth)
            assert answer.status_code == 403


class TestBulk:
    async def test_each_is_a_message_of_its_own(self, world: Any, shop: Any) -> None:
        id_ = world.desk.add_template(shop.tenant.id, "email", "name")
        recipients = [
            {"to": "Ada <ada@example.com>", "variables": {"name": "Ada"}},
            {"to": "nobody", "variables": {"name": "No"}},
            {"to": {"email": "grace@example.com"}},
            {"to": {"email": "bo@example.com"}, "variables": {"name": "Bo"}, "metadata": {"n": 3}},
        ]
        command = await shop.command("POST", f"{EMAIL}/bulk", {"template_id": id_, "recipients": recipients})
        assert (command.operation, command.priority) == ("email_batch.create", 1)
        payload = command.payload
        assert [one["to"]["email"] for one in payload["recipients"]] == ["ada@example.com", "bo@example.com"]
        assert payload["indexes"] == [0, 3]
        assert [(one["index"], one["to"]) for one in payload["rejected"]] == [(1, "nobody"), (2, "grace@example.com")]
        assert all(one["message_id"].startswith("em_") for one in payload["recipients"])

    @pytest.mark.parametrize("copies", [{"cc": "boss@example.com"}, {"bcc": ["a@example.com", "b@example.com"]}])
    async def test_nobody_gets_a_copy_of_each(self, shop: Any, copies: dict[str, Any]) -> None:
        body = {"subject": "S", "text": "t", "recipients": [{"to": "a@example.com"}], "cc": [], "bcc": None}
        errors = await shop.refused("POST", f"{EMAIL}/bulk", body | copies)
        assert [one["field"] for one in errors] == list(copies)
        body["recipients"] = [{"to": "a@example.com"}, {"to": "b@example.com", **copies}]
        payload = (await shop.command("POST", f"{EMAIL}/bulk", body)).payload
        assert [one["index"] for one in payload["rejected"]] == [1]

    async def test_a_line_break_is_an_item_of_its_own(self, shop: Any) -> None:
        body = {"subject": "S", "text": "t", "recipients": [{"to": "a@example.com"}, {"to": "A\r\nB <a@example.com>"}]}
        payload = (await shop.command("POST", f"{EMAIL}/bulk", body)).payload
        assert [one["index"] for one in payload["rejected"]] == [1]

    async def test_when_all_are_wrong_it_is_refused(self, shop: Any) -> None:
        body = {"subject": "S", "text": "t", "recipients": [{"to": "a"}, {"to": []}]}
        errors = await shop.refused("POST", f"{EMAIL}/bulk", body)
        assert [one["field"] for one in errors] == ["recipients.0.to", "recipients.1.to"]
