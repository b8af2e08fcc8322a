"""Mailgun's words and ours."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.providers.email.mailgun.conftest import package

from onerouter_providers.email.mailgun import errors, mapping
from onerouter_providers.email.mailgun.form import MESSAGE_BYTES, RECIPIENTS, SCHEDULE
from onerouter_providers.http import Answer
from onerouter_providers.messages import REASONS

ID = "eml_01@mg.example.com"


def event(kind: str, at: Any = 1_700_000_000, **more: Any) -> dict[str, Any]:
    return {
        "event": kind,
        "timestamp": at,
        "recipient": "a@example.net",
        "message": {"headers": {"message-id": ID}},
        **more,
    }


def failed(severity: str, reason: str = "bounce", **delivery: Any) -> dict[str, Any]:
    return event("failed", severity=severity, reason=reason, **{"delivery-status": delivery})


class TestEvents:
    @pytest.mark.parametrize(
        ("told", "status", "reason", "facts"),
        [
            (event("accepted"), "queued", None, {}),
            (event("delivered"), "delivered", None, {}),
            (failed("temporary", code=452, message="4.2.2 full"), "deferred", None, {"smtp_status": "4.2.2"}),
            (
                failed("permanent", code=550, **{"enhanced-code": "5.1.1", "message": "no such user"}),
                "bounced",
                "invalid_recipient",
                {"smtp_status": "5.1.1", "bounce_type": "hard"},
            ),
            (
                failed("permanent", code=550, message="550 5.7.1 spam"),
                "bounced",
                "content_rejected",
                {"smtp_status": "5.7.1", "bounce_type": "hard"},
            ),
            (failed("permanent", code=498), "bounced", "unknown", {"bounce_type": "hard"}),
            (
                failed("permanent", "suppress-bounce"),
                "failed",
                "suppressed",
                {"event": "suppressed", "suppressed_for": "bounce"},
            ),
            (
                failed("permanent", "suppress-complaint"),
                "failed",
                "suppressed",
                {"event": "suppressed", "suppressed_for": "complaint"},
            ),
            (failed("permanent", "suppress-unsubscribe"), "failed", "unsubscribed", {"event": "suppressed"}),
            (event("rejected", reject={"reason": "spam"}), "failed", "content_rejected", {}),
            (
                event("opened", **{"client-info": {"bot": "apple"}}),
                "unchanged",
                None,
                {"event": "opened", "is_machine": True},
            ),
            (
                event("opened", **{"client-info": {"bot": ""}}),
                "unchanged",
                None,
                {"event": "opened", "is_machine": False},
            ),
            (
                event("clicked", url="https://x.example"),
                "unchanged",
                None,
                {"event": "clicked", "url": "https://x.example"},
            ),
        ],
    )
    def test_in_our_words(self, told: dict[str, Any], status: str, reason: str | None, facts: dict[str, Any]) -> None:
        made = mapping.told_by(told)
        assert made is not None
        assert (made.status, made.error_reason) == (status, reason)
        assert made.facts == {"recipient": "a@example.net", **facts}

    @pytest.mark.parametrize(
        "strange", [{}, {"event": []}, {"event": "failed", "delivery-status": []}, {"event": "opened"}]
    )
    def test_strange_events_trip_nobody(self, strange: dict[str, Any]) -> None:
        made = mapping.told_by(strange)
        assert made is None or made.status in ("bounced", "unchanged")


class TestSnapshot:
    def test_the_strongest_event_counts_whatever_their_order(self) -> None:
        events = [
            event("delivered", 3),
            event("accepted", 1),
            failed("temporary") | {"timestamp": 9},
            event("opened", 10),
        ]
        shown = mapping.snapshot_of(events, ID)
        assert shown is not None
        assert (shown.status, shown.as_of) == ("delivered", datetime.fromtimestamp(3, UTC))

    def test_a_bounce_after_a_delivery_is_a_bounce(self) -> None:
        shown = mapping.snapshot_of([event("delivered", 3), failed("permanent")], ID)
        assert shown is not None
        assert shown.status == "bounced"

    def test_one_recipients_copy_where_it_is_known(self) -> None:
        events = [event("delivered"), {**failed("permanent"), "recipient": "B@example.net"}]
        mine, his, nobodys = (
            mapping.snapshot_of(events, ID, who) for who in ("a@example.net", "b@example.net", "c@example.net")
        )
        assert mine is not None
        assert his is not None
        assert nobodys is not None
        assert (mine.status, his.status, nobodys.status) == ("delivered", "bounced", "bounced")

    def test_other_messages_and_mere_openings_tell_nothing(self) -> None:
        assert mapping.snapshot_of([event("opened")], ID) is None
        assert mapping.snapshot_of([event("delivered")], "other@mg.example.com") is None

    def test_a_message_id_in_brackets_is_the_same(self) -> None:
        told = event("delivered") | {"message": {"headers": {"message-id": f"<{ID}>"}}}
        assert mapping.snapshot_of([told], ID) is not None


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "message", "reason"),
        [
            (400, "to parameter is not a valid address. please check documentation", "invalid_recipient"),
            (400, "'bcc' parameter is not a valid address. please check documentation", "invalid_recipient"),
            (400, "from parameter is not a valid address. please check documentation", "invalid_sender"),
            (400, "Domain x is not allowed to send: Sandbox subdomains are for test", "destination_not_permitted"),
            (
                400,
                "Domain x is not allowed to send: Free accounts are for test purposes only",
                "destination_not_permitted",
            ),
            (400, "The domain x is not allowed to send: The domain is unverified and requires DNS", "invalid_sender"),
            (400, "Please activate your Mailgun account", "invalid_sender"),
            (400, "template 'x' not found", "not_found"),
            (400, "Need at least one of 'text', 'html'", "invalid_request"),
            (401, "", "authentication_failed"),
            (403, "Domain x is not allowed to send large batches yet", "rate_limited"),
            (403, "Forbidden", "authentication_failed"),
            (404, "Domain not found: x", "invalid_sender"),
            (404, "Not Found", "not_found"),
            (413, "", "payload_too_large"),
            (429, "x: account-requests-per-sec limit exceeded, try again after 120 seconds", "rate_limited"),
            (418, "", "unknown"),
        ],
    )
    def test_by_status_and_sentence(self, status: int, message: str, reason: str) -> None:
        error = errors.refusal(Answer(status, {"message": message}, {}), effect=True)
        assert (error.reason, error.reason in REASONS) == (reason, True)
        assert error.provider_message == (message or None)

    @pytest.mark.parametrize(
        ("message", "headers", "expected"),
        [
            ("limit exceeded, try again after 120 seconds", {}, 120),
            ("limit exceeded, try again after 120 seconds", {"retry-after": "7"}, 7),
            ("limit exceeded, try again after Thu, 01 Jan 2026 00:00:00 GMT", {}, 0),
            ("limit exceeded", {}, None),
            ("limit exceeded, try again after a while", {}, None),
        ],
    )
    def test_when_to_come_again(self, message: str, headers: dict[str, str], expected: float | None) -> None:
        assert errors.refusal(Answer(429, {"message": message}, headers), effect=True).retry_after_s == expected

    def test_a_wrong_region_is_hinted_at(self) -> None:
        for status, message in ((401, "Forbidden"), (404, "Domain not found")):
            assert "region" in errors.refusal(Answer(status, {}, {}, message), effect=True).detail


def test_the_manifest_and_the_code_have_the_same_limits() -> None:
    limits = package().manifest.limits
    assert (limits["recipients"], limits["message_bytes"]) == (RECIPIENTS, MESSAGE_BYTES)
    assert limits["schedule_days"] == SCHEDULE.days
