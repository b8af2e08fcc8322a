"""What callbacks do beside moving the status: who goes on the suppression list, what came in, whose word counts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.services.messaging.examples import EMAIL_COMMAND, NOW, a_callback, a_message

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.errors import CallerError
from onerouter_messaging.message.callbacks import Callbacks
from onerouter_messaging.message.change import observe
from onerouter_messaging.message.state import Message
from onerouter_messaging.message.telling import of_error

RULES = Callbacks()


def told(message: Message, status: str = "unchanged", at: int = 0, **changes: Any) -> tuple[Message, list[Any]]:
    object_ = CallbackObject(
        kind=message.channel, status=status, reference=message.id, **{"provider_id": "P1", **changes}
    )
    settled = RULES.apply(a_callback(object_, at=NOW + timedelta(seconds=at)), message)
    return settled.resource or message, list(settled.events)


def listed(message: Message) -> list[tuple[str, str, bool]]:
    return [(one.address, one.reason, one.is_on) for one in message.suppressions]


def an_email() -> Message:
    return replace(a_message(EMAIL_COMMAND), provider_message_id="P1", version=1)


class TestSuppressions:
    def test_a_hard_bounce_a_complaint_and_an_unsubscription_are_listed(self) -> None:
        ann = {"recipient": "ann@example.com"}
        hard, events = told(an_email(), "bounced", facts={**ann, "bounce_type": "hard", "smtp_status": "5.1.1"})
        assert listed(hard) == [("ann@example.com", "bounce", True)]
        assert events[0].type == "email.bounced"
        assert events[0].data["event"]["recipient"] == "ann@example.com"
        complained, events = told(an_email(), facts={**ann, "event": "complained"})
        assert listed(complained) == [("ann@example.com", "complaint", True)]
        assert events[0].type == "email.complained"
        gone, _ = told(an_email(), facts={**ann, "event": "unsubscribed"})
        assert listed(gone) == [("ann@example.com", "unsubscribe", True)]
        back, _ = told(replace(gone, suppressions=()), facts={**ann, "event": "resubscribed"})
        assert listed(back) == [("ann@example.com", "unsubscribe", False)]

    @pytest.mark.parametrize(
        ("reason", "facts", "listed_for"),
        [
            ("suppressed", {"suppressed_for": "bounce"}, "bounce"),
            ("suppressed", {"suppressed_for": "complaint"}, "complaint"),
            ("suppressed", {"suppressed_for": "a word to come"}, "bounce"),
            ("suppressed", {}, "bounce"),
            ("unsubscribed", {}, "unsubscribe"),
        ],
    )
    def test_whom_a_providers_list_keeps_from_it_no_other_sends_to(
        self, reason: str, facts: dict[str, Any], listed_for: str
    ) -> None:
        facts = {"recipient": "ann@example.com", "event": "suppressed", **facts}
        dropped, _ = told(an_email(), "failed", error_reason=reason, facts=facts)
        assert listed(dropped) == [("ann@example.com", listed_for, True)]
        assert not listed(told(replace(dropped, suppressions=()), "failed", 1, error_reason=reason, facts=facts)[0])

    def test_whom_our_list_kept_from_it_is_not_listed_again(self) -> None:
        own = of_error(CallerError("Nothing was sent.", code="SUPPRESSED"), NOW)
        message = replace(a_message(EMAIL_COMMAND.model_copy(update={"cc": []})), version=1)
        after = observe(message, own, NOW).message
        assert (after.status, listed(after)) == ("failed", [])

    @pytest.mark.parametrize(
        ("status", "facts"),
        [
            ("bounced", {"bounce_type": "soft", "recipient": "ann@example.com"}),
            ("unchanged", {"event": "complained"}),  # of which of two recipients is not told
            ("unchanged", {"event": "opened", "recipient": "ann@example.com"}),
        ],
    )
    def test_anything_else_is_not(self, status: str, facts: dict[str, Any]) -> None:
        assert not listed(told(an_email(), status, facts=facts)[0])


class TestOneOfSeveral:
    def test_each_recipient_has_its_own_status_and_the_message_follows(self) -> None:
        message, _ = told(an_email(), "sent")
        assert message.status == "sent"
        message, events = told(message, "bounced", 1, facts={"recipient": "BOB@example.com", "bounce_type": "hard"})
        assert (message.status, [event.type for event in events]) == ("sent", ["email.bounced"])
        message, events = told(message, "delivered", 2, facts={"recipient": "ann@example.com"})
        assert (message.status, [event.type for event in events]) == ("delivered", ["email.delivered"])
        assert message.delivered_at == NOW + timedelta(seconds=2)

    def test_a_bounce_may_follow_a_delivery(self) -> None:
        one = EMAIL_COMMAND.model_copy(update={"cc": []})
        message = replace(a_message(one), provider_message_id="P1", version=1)
        message, _ = told(message, "delivered")
        message, events = told(message, "bounced", 1, facts={"bounce_type": "hard"})
        assert (message.status, [event.type for event in events]) == ("bounced", ["email.bounced"])

    def test_what_the_provider_suppressed_is_told_as_that(self) -> None:
        facts = {"recipient": "ann@example.com", "event": "suppressed"}
        _, events = told(an_email(), "failed", error_reason="suppressed", facts=facts)
        assert [event.type for event in events] == ["email.suppressed"]


class TestWhoseWordCounts:
    def test_once_its_id_is_known_a_word_of_another_id_is_not_about_it(self) -> None:
        message = an_email()
        assert told(message, "delivered", provider_id="P2") == (message, [])

    def test_another_connections_word_is_not_heard(self) -> None:
        message = replace(an_email(), connection_id="con_2")
        assert told(message, "delivered") == (message, [])


class TestMake:
    def inbound(self, **facts: Any) -> CallbackObject:
        given = {"event": "inbound", "sender": "+14155550123", "recipient": "+14155550100", "body": "Hi", **facts}
        return CallbackObject(kind="sms", status="unchanged", provider_id="SMin", facts=given)

    def test_the_same_message_told_twice_is_one(self) -> None:
        first, twin = a_callback(self.inbound()), a_callback(self.inbound())
        made, again = RULES.make(first), RULES.make(twin)
        assert made is not None
        assert again is not None
        assert made[0] == again[0]
        settled = RULES.apply(first, made[1])
        assert [event.type for event in settled.events] == ["sms.inbound"]
        assert settled.resource is not None
        assert settled.resource.status == "received"
        assert RULES.apply(twin, settled.resource).resource is None
        elsewhere = RULES.make(a_callback(self.inbound(), connection_id="con_2"))
        assert elsewhere is not None
        assert elsewhere[0] != made[0]

    @pytest.mark.parametrize(("keyword", "is_on"), [("STOP", [True]), ("START", [False]), ("HELP", []), (None, [])])
    def test_stop_and_start_are_heard_at_once(self, keyword: str | None, is_on: list[bool]) -> None:
        callback = a_callback(self.inbound(keyword=keyword))
        made = RULES.make(callback)
        assert made is not None
        after = RULES.apply(callback, made[1]).resource
        assert after is not None
        assert [(one.address, one.is_on) for one in after.suppressions] == [("+14155550123", on) for on in is_on]

    def test_what_is_about_a_message_of_ours_makes_nothing(self) -> None:
        assert RULES.make(a_callback(CallbackObject(kind="sms", status="sent", provider_id="SM1"))) is None


class TestPatience:
    def test_what_was_sent_elsewhere_on_the_account_is_not_waited_for(self) -> None:
        rules = Callbacks({"sendgrid"})
        foreign = CallbackObject(kind="email", status="delivered", provider_id="theirs")
        ours = CallbackObject(kind="email", status="delivered", provider_id="ours", reference="em_1")
        found = [
            rules.patience_s(a_callback(told, provider=provider)) > 0
            for told, provider in ((foreign, "sendgrid"), (ours, "sendgrid"), (foreign, "ses"))
        ]
        assert found == [False, True, True]
