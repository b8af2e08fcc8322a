"""Twilio's words in ours."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from onerouter_common.errors import (
    InvalidRequest,
    ProviderDeclined,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_providers.messages import REASONS
from onerouter_providers.sms.twilio.client import callback_address, regional
from onerouter_providers.sms.twilio.errors import FAILURES, REFUSALS, failure_reason, refusal
from onerouter_providers.sms.twilio.mapping import snapshot
from onerouter_providers.sms.twilio.sender import Sender, choose

SID = "SM" + "1" * 32


class TestSnapshot:
    def test_the_price_comes_later(self) -> None:
        fresh = snapshot({"status": "queued", "num_segments": "0", "price": None, "price_unit": "USD"}, SID)
        assert (fresh.status, fresh.segments, fresh.cost, fresh.cost_currency) == ("queued", None, None, None)
        done = snapshot(
            {
                "status": "delivered",
                "num_segments": "2",
                "price": "-0.01660",
                "price_unit": "usd",
                "date_updated": "Sat, 21 Nov 2026 16:46:13 +0000",
            },
            SID,
        )
        assert (done.segments, done.cost, done.cost_currency) == (2, Decimal("0.01660"), "USD")
        assert done.as_of == datetime(2026, 11, 21, 16, 46, 13, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("accepted", "queued"),
            ("sending", "queued"),
            ("scheduled", "scheduled"),
            ("sent", "sent"),
            ("partially_delivered", "delivered"),
            ("undelivered", "undelivered"),
            ("failed", "failed"),
            ("canceled", "canceled"),
            ("teleported", "queued"),
            (None, "queued"),
        ],
    )
    def test_every_status_has_a_word_of_ours(self, word: str | None, status: str) -> None:
        assert snapshot({"status": word}, SID).status == status

    def test_why_it_did_not_arrive(self) -> None:
        shown = snapshot({"status": "undelivered", "error_code": 30005, "error_message": "Unknown handset"}, SID)
        assert (shown.error_reason, shown.error_code, shown.error_message) == (
            "invalid_recipient",
            "30005",
            "Unknown handset",
        )

    def test_garbage_is_left_out(self) -> None:
        shown = snapshot(
            {"status": 7, "num_segments": "many", "price": "free", "date_updated": "yesterday", "error_code": [1]}, SID
        )
        assert (shown.segments, shown.cost, shown.as_of, shown.error_code) == (None, None, None, None)


class TestRefusal:
    def test_reasons_are_ours_and_numbers_are_listed_once(self) -> None:
        for table in (REFUSALS, FAILURES):
            assert table.keys() <= REASONS
            numbers = [number for those in table.values() for number in those]
            assert len(numbers) == len(set(numbers))

    @pytest.mark.parametrize(
        ("status", "code", "kind", "reason"),
        [
            (401, 20003, ProviderRefusedUs, "authentication_failed"),
            (403, 20005, ProviderRefusedUs, "insufficient_credit"),
            (400, 21211, ProviderDeclined, "invalid_recipient"),
            (400, 21610, ProviderDeclined, "unsubscribed"),
            (400, 21408, ProviderDeclined, "destination_not_permitted"),
            (400, 21606, ProviderRefusedUs, "invalid_sender"),
            (400, 21618, ProviderDeclined, "content_rejected"),
            (400, 21611, ProviderThrottled, "rate_limited"),
            (429, 99999, ProviderThrottled, "rate_limited"),
            (404, 20404, ProviderRefusedUs, "not_found"),
            (400, 99999, ProviderRefusedUs, "invalid_request"),
            (403, None, ProviderRefusedUs, "authentication_failed"),
            (400, 20500, ProviderOutcomeUnknown, "indeterminate"),
        ],
    )
    def test_the_class_says_what_may_be_done_next(
        self, status: int, code: int | None, kind: type[ProviderError], reason: str
    ) -> None:
        error = refusal(status, {"code": code, "message": "No.", "status": status}, effect=True)
        assert (type(error), error.reason, error.provider_message) == (kind, reason, "No.")

    def test_the_newer_shape_is_read_too(self) -> None:
        error = refusal(400, {"type": "about:blank", "title": "Bad", "detail": "Why.", "code": 21211}, effect=True)
        assert (error.reason, error.provider_message) == ("invalid_recipient", "Why.")

    def test_a_question_that_was_not_answered_changed_nothing(self) -> None:
        assert isinstance(refusal(400, {"code": 20500}, effect=False), ProviderUnavailable)

    @pytest.mark.parametrize("code", ["30003", 30003])
    def test_failures_come_as_numbers_and_as_text(self, code: str | int) -> None:
        assert failure_reason(code) == "unknown"
        assert failure_reason("30006") == failure_reason(30006) == "invalid_recipient"


class TestSender:
    def test_a_service_goes_before_a_number(self) -> None:
        service = "MG" + "0" * 32
        assert choose(None, service_sid=service, number="+15005550006") == Sender(service)
        assert choose(None, service_sid=None, number="+15005550006") == Sender(number="+15005550006")
        assert choose("OneRouter", service_sid=service, number=None).form() == [("From", "OneRouter")]
        assert choose(service, service_sid=None, number=None).form() == [("MessagingServiceSid", service)]

    @pytest.mark.parametrize("asked", [None, "", "+0", "a sender name that is too long", "x\r\ny"])
    def test_what_cannot_send_is_refused_by_name(self, asked: str | None) -> None:
        with pytest.raises(InvalidRequest) as caught:
            choose(asked, service_sid=None, number=None)
        assert [error.field for error in caught.value.errors] == ["from_number"]


class TestAddresses:
    def test_the_callback_names_the_message_and_how_often_to_try(self) -> None:
        assert callback_address("https://h.example/callbacks/twilio/t", "sms_01") == (
            "https://h.example/callbacks/twilio/t?onerouter_message=sms_01#rc=5&rp=5xx,ct,rt"
        )
        assert "?a=1&onerouter_message=sms_01#" in callback_address("https://h.example/t?a=1", "sms_01")

    def test_a_region_has_an_address_of_its_own(self) -> None:
        ours = "https://api.twilio.com"
        assert regional(ours, region=None, edge=None) == ours
        assert regional(ours, region="ie1", edge="dublin") == "https://api.dublin.ie1.twilio.com"
        assert regional(ours, region=None, edge="dublin") == "https://api.dublin.us1.twilio.com"
        assert regional("http://sandbox/twilio", region="ie1", edge=None) == "http://sandbox/twilio"
