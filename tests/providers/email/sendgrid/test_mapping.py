from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.providers.email.lab import message

from onerouter_common.errors import InvalidRequest, PayloadTooLarge
from onerouter_providers.email.sendgrid.logs import query_of
from onerouter_providers.email.sendgrid.mapping import body_of, id_of
from onerouter_providers.email.sendgrid.states import snapshot
from onerouter_providers.messages import Address, Attachment

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class TestBodyOf:
    def test_everything_a_message_can_have(self) -> None:
        request = message(
            message_id="eml_01",
            to=(Address("ada@bücher.example", "Lovelace, Ada"), Address("b@example.net")),
            cc=(Address("c@example.net"),),
            bcc=(Address("d@example.net"),),
            reply_to=(Address("r@example.com", "Help"),),
            subject="Hi",
            text="T",
            html="<p>T</p>",
            headers={"X-Order": "7"},
            tags=("spring",),
            attachments=(Attachment("a.txt", b"abc", "text/plain"), Attachment("l.png", b"\x89", "image/png", "logo")),
            send_at=NOW + timedelta(hours=1, milliseconds=1),
        )
        assert body_of(request, batch_id="B1", now=NOW) == {
            "personalizations": [
                {
                    "to": [{"email": "ada@xn--bcher-kva.example", "name": "Lovelace, Ada"}, {"email": "b@example.net"}],
                    "cc": [{"email": "c@example.net"}],
                    "bcc": [{"email": "d@example.net"}],
                    "custom_args": {"onerouter_id": "eml_01", "onerouter_batch": "B1"},
                    "send_at": int(NOW.timestamp()) + 3_601,  # never before its time
                }
            ],
            "from": {"email": "hello@example.com", "name": "Acme"},
            "reply_to": {"email": "r@example.com", "name": "Help"},
            "subject": "Hi",
            "content": [{"type": "text/plain", "value": "T"}, {"type": "text/html", "value": "<p>T</p>"}],
            "headers": {"X-Order": "7"},
            "categories": ["spring"],
            "attachments": [
                {"content": "YWJj", "filename": "a.txt", "type": "text/plain", "disposition": "attachment"},
                {
                    "content": "iQ==",
                    "filename": "l.png",
                    "type": "image/png",
                    "disposition": "inline",
                    "content_id": "logo",
                },
            ],
            "batch_id": "B1",
        }

    def test_several_who_are_answered_to_are_a_list(self) -> None:
        body = body_of(message(reply_to=(Address("a@example.com"), Address("b@example.com"))))
        assert body["reply_to_list"] == [{"email": "a@example.com"}, {"email": "b@example.com"}]
        assert "reply_to" not in body

    def test_a_template_takes_the_place_of_what_is_written(self) -> None:
        body = body_of(message(subject=None, text=None, provider_template="d-1", variables={"name": "Ada", "n": [1]}))
        assert body["template_id"] == "d-1"
        assert body["personalizations"][0]["dynamic_template_data"] == {"name": "Ada", "n": [1]}
        assert not body.keys() & {"subject", "content"}

    def test_a_time_that_has_passed_is_now(self) -> None:
        body = body_of(message(send_at=NOW - timedelta(days=1)), now=NOW)
        assert "send_at" not in body["personalizations"][0]

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("to", {"to": ()}),
            ("to", {"to": tuple(Address(f"u{number}@example.net") for number in range(1_001))}),
            ("to", {"to": (Address("a@example.net"),), "cc": (Address("A@example.net"),)}),
            ("to", {"to": (Address("a@example.net\r\nBcc: x@example.net"),)}),
            ("from_email", {"sender": Address("a@example.com", "A\nBcc: x@example.net")}),
            ("subject", {"subject": "Hi\r\nBcc: x@example.net"}),
            ("subject", {"text": None, "provider_template": "d-1"}),
            ("headers.X-SG-EID", {"headers": {"X-SG-EID": "1"}}),
            ("headers.Reply-To", {"headers": {"Reply-To": "x@example.net"}}),
            ("tags", {"tags": tuple(str(number) for number in range(11))}),
            ("tags", {"tags": ("x" * 256,)}),
            ("send_at", {"send_at": NOW + timedelta(hours=73)}),
        ],
    )
    def test_what_it_cannot_be_told_is_refused_by_name(self, field: str, changes: dict[str, Any]) -> None:
        with pytest.raises(InvalidRequest) as caught:
            body_of(message(**changes), now=NOW)
        assert [error.field for error in caught.value.errors] == [field]

    def test_files_are_counted_as_they_are_sent(self) -> None:
        with pytest.raises(PayloadTooLarge):
            body_of(message(attachments=(Attachment("a", bytes(22_500_001), "application/pdf"),)))


def test_a_quote_does_not_end_the_query() -> None:
    query = query_of("o'neil' OR 1@example.net", NOW)
    assert query == (
        "to_email = 'o''neil'' OR 1@example.net' AND sg_message_id_created_at > TIMESTAMP \"2026-11-21T00:00:00Z\""
    )


def test_a_message_is_named_by_what_stays_the_same() -> None:
    assert id_of("A_b.recvd-1.0", None) == "A_b"
    assert id_of("A_b", "B1") == id_of("A_b.recvd-1.0", "B1") == "A_b.B1"


def test_a_word_we_have_not_met_is_no_status() -> None:
    assert snapshot({"status": "vanished"}, "1") is None
    assert snapshot({}, "1") is None


@pytest.mark.parametrize(
    ("logged", "status", "reason", "facts"),
    [
        ({"status": "processed"}, "sent", None, {}),
        ({"status": "deferred", "reason": "451 later"}, "deferred", None, {}),
        ({"status": "delivered"}, "delivered", None, {}),
        ({"status": "bounced", "reason": "550"}, "bounced", "invalid_recipient", {"bounce_type": "hard"}),
        ({"status": "blocked", "reason": "550"}, "bounced", "unknown", {"bounce_type": "soft"}),
        ({"status": "dropped", "reason": "Unsubscribed Address"}, "failed", "unsubscribed", {"event": "suppressed"}),
        ({"status": "dropped"}, "failed", "unknown", {}),
    ],
)
def test_the_logs_words(logged: dict[str, str], status: str, reason: str | None, facts: dict[str, str]) -> None:
    shown = snapshot(logged, "1")
    assert shown is not None
    assert (shown.status, shown.error_reason, dict(shown.facts)) == (status, reason, facts)
