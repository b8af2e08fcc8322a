"""Whatever is told of a message, in whatever order and however often: it ends the same, and never goes back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from tests.services.messaging.examples import EMAIL_COMMAND, NOW, SMS_COMMAND, a_callback, a_message

from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_messaging.message.callbacks import Callbacks
from onerouter_messaging.message.recipients import RANK, decisive
from onerouter_messaging.message.rows import LISTS, TYPES, message_of, message_row
from onerouter_messaging.message.state import Message
from onerouter_messaging.message.views import message_view

_MOMENTS = st.integers(0, 5).map(lambda seconds: NOW + timedelta(seconds=seconds))
_SMS = st.builds(
    lambda status, reason: {"kind": "sms", "status": status, "error_reason": reason, "provider_id": "SM1"},
    st.sampled_from(["queued", "sent", "delivered", "undelivered", "failed", "canceled", "unchanged"]),
    st.sampled_from([None, "unknown", "unsubscribed"]),
)
_EMAIL = st.builds(
    lambda status, whom, event, kind: {
        "kind": "email",
        "status": status,
        "provider_id": "SM1",
        "facts": {"recipient": whom, "event": event, **({"bounce_type": kind} if status == "bounced" else {})},
    },
    st.sampled_from(["queued", "sent", "deferred", "delivered", "bounced", "failed", "unchanged"]),
    st.sampled_from([None, "ann@example.com", "Bob@Example.com", "stranger@example.com"]),
    st.sampled_from([None, "opened", "clicked", "complained", "unsubscribed"]),
    st.sampled_from(["hard", "soft"]),
)


@st.composite
def _told(draw: st.DrawFn, objects: st.SearchStrategy[dict[str, Any]]) -> list[Callback]:
    found = draw(st.lists(st.tuples(objects, _MOMENTS), max_size=6))
    return [
        a_callback(CallbackObject.model_validate(one), at=at, provider_event_id=str(number))
        for number, (one, at) in enumerate(found)
    ]


@st.composite
def _two_ways(draw: st.DrawFn, objects: st.SearchStrategy[dict[str, Any]]) -> tuple[list[Callback], list[Callback]]:
    """The same callbacks in two orders, some of them doubled."""
    told = draw(_told(objects))
    doubled = told + (draw(st.lists(st.sampled_from(told), max_size=3)) if told else [])
    return told, draw(st.permutations(doubled))


def _after(message: Message, told: list[Callback]) -> Message:
    """Each version is one event, and the status never goes back."""
    rules = Callbacks()
    for callback in told:
        settled = rules.apply(callback, message)
        assert [event.sequence for event in settled.events] == list(
            range(message.version + 1, (settled.resource or message).version + 1)
        )
        for before, after in zip(message.recipients, (settled.resource or message).recipients, strict=True):
            assert RANK[after.status] >= RANK[before.status]
        message = settled.resource or message
    return message


def _told_of(message: Message) -> Message:
    """Without what counts how it came to be known."""
    return replace(message, version=0, revision=0, updated_at=NOW, poll_at=None, polls=0)


@given(_two_ways(_SMS))
def test_an_sms_ends_the_same_in_any_order(ways: tuple[list[Callback], list[Callback]]) -> None:
    message = a_message(SMS_COMMAND, id="sms_1")
    assert _told_of(_after(message, ways[0])) == _told_of(_after(message, ways[1]))


@given(_two_ways(_EMAIL))
def test_an_email_ends_the_same_in_any_order(ways: tuple[list[Callback], list[Callback]]) -> None:
    message = a_message(EMAIL_COMMAND, id="em_1")
    assert _told_of(_after(message, ways[0])) == _told_of(_after(message, ways[1]))


@given(_told(_EMAIL))
def test_what_is_told_twice_changes_and_emits_nothing(told: list[Callback]) -> None:
    message = _after(a_message(EMAIL_COMMAND), told)
    for callback in told:
        settled = Callbacks().apply(callback, message)
        assert not settled.events
        assert _told_of(settled.resource or message) == _told_of(message)
        assert (settled.resource or message).suppressions == message.suppressions


@given(_told(_EMAIL))
def test_the_row_holds_all_of_it(told: list[Callback]) -> None:
    message = _after(a_message(EMAIL_COMMAND), told)
    row = dict(zip(TYPES, message_row(message), strict=True))
    row |= {name: orjson.loads(row[name]) for name in LISTS if name != "addresses"}
    assert message_of(row) == message
    assert message_view(message_of(row)) == message_view(message)


class TestDecisive:
    def test_the_least_advanced_while_any_is_not_final_then_the_best_and_else_the_gravest(self) -> None:
        def of(*statuses: str) -> str:
            message = a_message(EMAIL_COMMAND)
            words = [replace(message.recipients[0].word, status=status) for status in statuses]
            return decisive([replace(message.recipients[0], word=word) for word in words]).status

        assert of("delivered", "sent", "deferred") == "sent"
        assert of("delivered", "bounced") == "delivered"
        assert of("failed", "bounced") == "bounced"
        assert of("suppressed", "bounced") == "bounced"
        assert of("suppressed", "queued") == "queued"
        assert of("suppressed", "suppressed") == "suppressed"

    def test_who_gets_a_copy_decides_only_where_nobody_else_does(self) -> None:
        first = a_message(EMAIL_COMMAND).recipients[0]

        def of(to: str, copy: str) -> str:
            words = {"to": replace(first.word, status=to), "cc": replace(first.word, status=copy)}
            return decisive([replace(first, role=role, word=words[role]) for role in ("to", "cc")]).status

        assert of("delivered", "queued") == "delivered"  # Resend tells nothing of copies
        assert of("queued", "delivered") == "queued"
        assert of("suppressed", "sent") == "sent"
