import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.providers.email.lab import message

from onerouter_common.errors import InvalidRequest, PayloadTooLarge
from onerouter_providers.email.resend.mapping import bare, body_of, moment, snapshot
from onerouter_providers.email.resend.wire import exact
from onerouter_providers.messages import Address, Attachment

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ADA = Address("ada@example.net", "Lovelace, Ada")


class TestBodyOf:
    def test_everything_a_message_can_have(self) -> None:
        request = message(
            message_id="eml_01",
            to=(ADA, Address("b@example.net")),
            cc=(Address("c@example.net"),),
            bcc=(Address("d@example.net"),),
            reply_to=(Address("r@example.com", "Help"),),
            subject="Hi",
            text="T",
            html="<p>T</p>",
            headers={"X-Order": "7"},
            tags=("spring", "order"),
            attachments=(Attachment("a.txt", b"abc", "text/plain"), Attachment("l.png", b"\x89", "image/png", "logo")),
            send_at=NOW + timedelta(days=1),
        )
        assert body_of(request, now=NOW) == {
            "from": "Acme <hello@example.com>",
            "to": ['"Lovelace, Ada" <ada@example.net>', "b@example.net"],
            "cc": ["c@example.net"],
            "bcc": ["d@example.net"],
            "reply_to": ["Help <r@example.com>"],
            "subject": "Hi",
            "text": "T",
            "html": "<p>T</p>",
            "headers": {"X-Order": "7"},
            "tags": [
                {"name": "onerouter_id", "value": "eml_01"},
                {"name": "order", "value": "1"},
                {"name": "spring", "value": "1"},
            ],
            "attachments": [
                {"filename": "a.txt", "content": "YWJj", "content_type": "text/plain"},
                {"filename": "l.png", "content": "iQ==", "content_type": "image/png", "content_id": "logo"},
            ],
            "scheduled_at": "2026-11-22T00:00:00.000Z",
        }

    def test_a_template_takes_the_place_of_what_is_written(self) -> None:
        request = message(subject=None, text=None, provider_template="welcome", variables={"NAME": "Ada", "COUNT": 2})
        body = body_of(request)
        assert body["template"] == {"id": "welcome", "variables": {"NAME": "Ada", "COUNT": 2}}
        assert not body.keys() & {"subject", "text", "html"}
        assert body_of(replace(request, subject="Hi"))["subject"] == "Hi"

    def test_the_order_of_what_was_stored_changes_no_byte(self) -> None:
        one = message(message_id="eml_01", tags=("a", "b"), headers={"X-A": "1", "X-B": "2"})
        other = replace(one, tags=("b", "a"), headers={"X-B": "2", "X-A": "1"})
        assert exact(body_of(one)) == exact(body_of(other))
        assert json.loads(exact(body_of(one))) == body_of(one)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("to", {"to": ()}),
            ("to", {"to": tuple(Address(f"u{number}@example.net") for number in range(51))}),
            ("to", {"to": (Address("a@example.net\r\nBcc: x@example.net"),)}),
            ("from_email", {"sender": Address("a@example.com", "A\nBcc: x@example.net")}),
            ("subject", {"subject": "Hi\r\nBcc: x@example.net"}),
            ("subject", {"subject": None}),
            ("text_body", {"text": None}),
            ("provider_template", {"provider_template": "welcome"}),
            ("subject", {"subject": "A\nB", "text": None, "provider_template": "welcome"}),
            ("variables", {"subject": None, "text": None, "provider_template": "w", "variables": {"A": ["no"]}}),
            ("headers.X-A", {"headers": {"X-A": "1\r\nX-B: 2"}}),
            ("headers.Bcc", {"headers": {"Bcc": "x@example.net"}}),
            ("attachments", {"attachments": (Attachment("a\r\n.txt", b"", "text/plain"),)}),
            ("tags", {"tags": ("spring sale",)}),
            ("tags", {"tags": ("onerouter_id",)}),
            ("tags", {"tags": ("sale\n",)}),
            ("send_at", {"send_at": NOW + timedelta(days=31)}),
        ],
    )
    def test_what_it_cannot_be_told_is_refused_by_name(self, field: str, changes: dict[str, Any]) -> None:
        with pytest.raises(InvalidRequest) as caught:
            body_of(message(**changes), now=NOW)
        assert [error.field for error in caught.value.errors] == [field]

    def test_files_are_counted_as_they_are_sent(self) -> None:
        body_of(message(attachments=(Attachment("a", bytes(29_000_000), "application/pdf"),)))
        with pytest.raises(PayloadTooLarge):
            body_of(message(attachments=(Attachment("a", bytes(30_000_001), "application/pdf"),)))


def test_a_word_we_have_not_met_is_no_status() -> None:
    assert snapshot({"last_event": "vanished"}, "1") is None
    assert snapshot({}, "1") is None


def test_times_are_read_in_both_forms() -> None:
    assert moment("2023-04-03 22:13:42.674981+00") == datetime(2023, 4, 3, 22, 13, 42, 674981, tzinfo=UTC)
    assert moment("2023-04-03T22:13:42.674Z") == datetime(2023, 4, 3, 22, 13, 42, 674000, tzinfo=UTC)
    assert (moment("soon"), moment(None)) == (None, None)


@pytest.mark.parametrize("text", ["Ada@Example.net", "Ada <ada@example.net>", '"L, <A>" <ADA@example.net> '])
def test_an_address_is_compared_without_its_name(text: str) -> None:
    assert bare(text) == "ada@example.net"
