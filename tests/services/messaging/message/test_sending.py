"""The rules of `sms.send` and `email.send` around the wire call."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from tests.services.messaging.examples import (
    EMAIL_COMMAND,
    NOW,
    SMS_COMMAND,
    AsAsked,
    FakeConnection,
    a_callback,
    a_message,
    an_operation,
    tools,
)

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.contracts.messages import SendEmail
from onerouter_common.db.engine import Pool
from onerouter_common.errors import (
    Conflict,
    InvalidRequest,
    Overloaded,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
)
from onerouter_common.recipients import mailbox_of
from onerouter_common.worker.handler import Failed, Idempotency, Operation, Succeeded, Unknown
from onerouter_messaging.message.callbacks import Callbacks
from onerouter_messaging.message.making import message_of
from onerouter_messaging.message.repository import MessageStore, others_to
from onerouter_messaging.message.sending import EmailSend, Question, Sent, SmsSend
from onerouter_messaging.message.state import Message
from onerouter_messaging.suppression.repository import SuppressionList
from onerouter_providers.messages import NEVER_ELSEWHERE, REASONS, EmailRequest, MessageSnapshot, SmsRequest

QUEUED = MessageSnapshot("queued", "SM1")


def begun(handler: SmsSend | EmailSend, message: Message | None = None) -> tuple[Operation, Message, Question]:
    command: Any = SMS_COMMAND if isinstance(handler, SmsSend) else EMAIL_COMMAND
    op = an_operation(handler.name, message.id if message else f"{handler.channel}_1")
    start = handler.begin(op, command, message, FakeConnection())
    return op, start.resource, start.request


class FakeTwilio:
    """Has messages in its list; asked how they look."""

    def __init__(self, *sids: str) -> None:
        self._sids = sids

    async def find_sms(self, request: SmsRequest, *, since: datetime, but_not: Any = ()) -> MessageSnapshot | None:
        left = [sid for sid in self._sids if sid not in but_not]
        return MessageSnapshot("sent", left[0]) if left else None


class TestBegin:
    def test_another_connection_takes_the_place_of_one_that_did_nothing(self) -> None:
        handler = SmsSend(tools())
        _, message, _ = begun(handler)
        other = FakeConnection(id="con_2", provider="sns", capabilities={"sms.send": Idempotency.NONE})
        moved = handler.begin(an_operation("sms.send", message.id), SMS_COMMAND, message, other).resource
        assert (moved.connection_id, moved.provider, moved.effect_guarantee) == ("con_2", "sns", "at_most_once")
        assert moved.revision > message.revision

    def test_what_was_canceled_before_a_further_try_is_refused(self) -> None:
        handler = SmsSend(tools())
        op, message, _ = begun(handler)
        waiting = handler.put_off(op, SMS_COMMAND, message)
        assert waiting is not None
        assert waiting.waits_with_us
        again = handler.begin(op, SMS_COMMAND, waiting, FakeConnection()).resource
        assert (again.waits_with_us, again.revision) == (False, waiting.revision + 1)
        gone = replace(waiting, recipients=a_message(status="canceled").recipients)
        assert handler.put_off(op, SMS_COMMAND, gone) is None
        with pytest.raises(Conflict):
            handler.begin(op, SMS_COMMAND, gone, FakeConnection())

    def test_what_was_canceled_is_refused(self) -> None:
        message = a_message(status="canceled", connection_id=None)
        with pytest.raises(Conflict) as refused:
            SmsSend(tools()).concluded(an_operation("sms.send", message.id), SMS_COMMAND, message)
        assert refused.value.error_code == "MESSAGE_CANCELED"


class TestOwnSender:
    @pytest.mark.parametrize(
        ("public", "sender"),
        [
            ({"default_from": "hello@acme.example", "default_from_name": "Acme, Inc."}, ("Acme, Inc.", "hello")),
            ({"default_from": "hello@acme.example", "default_from_name": "Ácme"}, ("Ácme", "hello")),
            ({"default_from": "hello@acme.example", "default_from_name": ""}, (None, "hello")),
            ({"default_from": "Shop <shop@acme.example>"}, ("Shop", "shop")),
            ({"default_from": "Shop <shop@acme.example>", "default_from_name": "Acme"}, ("Shop", "shop")),
        ],
    )
    def test_it_has_the_name_that_was_connected(self, public: dict[str, str], sender: tuple[str | None, str]) -> None:
        connection = FakeConnection(public=public)
        question = EmailSend(tools()).begin(an_operation("email.send", "em_1"), EMAIL_COMMAND, None, connection).request
        assert question.default_from is not None
        own = mailbox_of("from", question.default_from)
        assert (own.name, own.email) == (sender[0], f"{sender[1]}@acme.example")

    def test_there_may_be_none(self) -> None:
        connection = FakeConnection(public={"default_from_name": "Acme"})
        question = EmailSend(tools()).begin(an_operation("email.send", "em_1"), EMAIL_COMMAND, None, connection).request
        assert question.default_from is None


class TestCall:
    async def test_what_could_not_be_composed_was_surely_not_sent(self) -> None:
        class Broken(AsAsked):
            async def sms(self, op: Any, command: Any, *, noted: Any = None) -> SmsRequest:
                raise RuntimeError("a defect")

        handler = SmsSend(tools(composer=Broken()))
        _, _, question = begun(handler)
        with pytest.raises(Overloaded):
            await handler.call(None, question, "key")

    async def test_what_its_client_cannot_say_is_its_own_bound(self) -> None:
        """What the message lacks itself is nobody's."""

        class Particular:
            async def send_sms(self, request: SmsRequest, *, key: str) -> MessageSnapshot:
                raise InvalidRequest.of("from_number", "is not one of mine")

        class Nothing(AsAsked):
            async def sms(self, op: Any, command: Any, *, noted: Any = None) -> SmsRequest:
                raise InvalidRequest.of("body", "is empty")

        found: list[bool] = []
        for handler in (SmsSend(tools()), SmsSend(tools(composer=Nothing()))):
            with pytest.raises(InvalidRequest) as caught:
                await handler.call(Particular(), begun(handler)[2], "key")
            found.append(caught.value.is_of_connection)
        assert found == [True, False]


class TestLookup:
    async def test_a_message_of_another_operation_is_not_taken(self) -> None:
        async def others(message: Message, since: datetime) -> tuple[set[str], bool]:
            return {"SM1"}, False

        handler = SmsSend(tools(others=others))
        _, _, question = begun(handler)
        assert await handler.lookup(FakeTwilio("SM1"), question, "key") is None
        found = await handler.lookup(FakeTwilio("SM1", "SM2"), question, "key")
        assert found is not None
        assert found.told is not None
        assert found.told.provider_message_id == "SM2"

    async def test_nothing_is_believed_while_another_to_the_same_number_is_on_its_way(self) -> None:
        async def others(message: Message, since: datetime) -> tuple[set[str], bool]:
            return set(), True

        handler = SmsSend(tools(others=others))
        _, _, question = begun(handler)
        with pytest.raises(ProviderOutcomeUnknown):
            await handler.lookup(FakeTwilio("SM1"), question, "key")

    async def test_one_of_a_moment_before_is_known_to_be_anothers(self, pool: Pool) -> None:
        """The client finds what is up to half a minute older, as clocks differ."""
        mine = a_message()
        earlier = replace(a_message(), provider_message_id="SM1", updated_at=NOW - timedelta(seconds=8))
        async with pool.acquire() as connection:
            await MessageStore(SuppressionList()).save(connection, [mine, earlier])
        handler = SmsSend(tools(others=partial(others_to, pool)))
        question = handler.request(an_operation("sms.send", mine.id), SMS_COMMAND, mine, FakeConnection())
        assert await handler.lookup(FakeTwilio("SM1"), question, "key") is None

    async def test_what_a_callback_told_meanwhile_is_proof_enough(self) -> None:
        handler, op = SmsSend(tools()), an_operation("sms.send", "sms_1")
        message = replace(a_message(), provider_message_id="SM7", version=1)
        question = handler.request(op, SMS_COMMAND, message, FakeConnection())
        for found in (await handler.lookup(None, question, "key"), await handler.call(None, question, "key")):
            assert found is not None
            settled = handler.settle(op, SMS_COMMAND, message, Succeeded(found))
            assert not settled.events
            assert settled.view is not None
            assert settled.view["provider_message_id"] == "SM7"

    def test_a_planned_one_is_looked_for_from_its_time_on(self) -> None:
        handler = SmsSend(tools())
        due = NOW + timedelta(days=3)
        op = an_operation("sms.send", "sms_1", not_before=due)
        assert handler.begin(op, SMS_COMMAND, None, FakeConnection()).request.since == due


class TestSettle:
    def test_it_keeps_what_was_sent_and_an_estimate_until_the_price_is_told(self) -> None:
        handler = EmailSend(tools())
        op, message, _ = begun(handler)
        request = EmailRequest(
            message.id,
            EMAIL_REQUEST.sender,
            EMAIL_REQUEST.to,
            subject="Rendered",
            html="<p>x</p>",
            text="x",
        )
        settled = handler.settle(op, EMAIL_COMMAND, message, Succeeded(Sent(QUEUED, request)))
        assert settled.resource is not None
        assert settled.resource.sender is not None
        assert settled.resource.sender.address == "shop@example.org"
        assert settled.resource.content.subject == "Rendered"
        # Bob was left out by whoever composed it: the others are sent to.
        assert [one.status for one in settled.resource.recipients] == ["queued", "suppressed"]
        assert (settled.resource.status, settled.status) == ("queued", 201)

    def test_of_a_template_at_the_provider_the_text_is_what_the_provider_says(self) -> None:
        handler = SmsSend(tools())
        command = SMS_COMMAND.model_copy(update={"body": None, "provider_template": "HX1"})
        message = replace(a_message(command), version=1)
        request = SmsRequest(message.id, command.to, "", provider_template="HX1")
        told = replace(QUEUED, body="Hi Ada 👋")
        settled = handler.settle(an_operation("sms.send", message.id), command, message, Succeeded(Sent(told, request)))
        assert settled.resource is not None
        assert settled.resource.content.body == "Hi Ada 👋"
        assert (settled.resource.segments, settled.resource.encoding) == (1, "UCS-2")

    def test_a_callback_that_came_first_loses_nothing(self) -> None:
        handler = SmsSend(tools())
        op, message, _ = begun(handler)
        told = a_callback(CallbackObject(kind="sms", status="delivered", provider_id="SM1", reference=message.id))
        applied = Callbacks().apply(told, message)
        assert applied.resource is not None
        assert [event.type for event in applied.events] == ["sms.delivered"]
        settled = handler.settle(op, SMS_COMMAND, applied.resource, Succeeded(Sent(QUEUED, None)))
        assert not settled.events
        assert settled.view is not None
        assert settled.view["status"] == "delivered"

    def test_settled_again_it_says_nothing_new(self) -> None:
        handler = SmsSend(tools())
        op, message, _ = begun(handler)
        first = handler.settle(op, SMS_COMMAND, message, Succeeded(Sent(QUEUED, None)))
        assert [event.type for event in first.events] == ["sms.queued"]
        assert not handler.settle(op, SMS_COMMAND, first.resource, Succeeded(Sent(QUEUED, None))).events

    def test_a_failure_says_why_and_is_no_news_where_a_callback_proved_it_wrong(self) -> None:
        handler = SmsSend(tools())
        op, message, _ = begun(handler)
        declined = ProviderDeclined("No.", provider="twilio", reason="unsubscribed", provider_code="21610")
        failed = handler.settle(op, SMS_COMMAND, message, Failed(declined))
        assert failed.resource is not None
        assert failed.view is None
        assert failed.resource.error == {"code": "unsubscribed", "message": "No.", "provider_code": "21610"}
        assert [one.reason for one in failed.resource.suppressions] == ["stop"]
        at_provider = replace(message, provider_message_id="SM1")
        assert handler.settle(op, SMS_COMMAND, at_provider, Failed(declined)).resource is None

    def test_unknown_is_not_failed(self) -> None:
        handler = SmsSend(tools())
        op, message, _ = begun(handler)
        settled = handler.settle(op, SMS_COMMAND, message, Unknown(Overloaded("?")))
        assert (settled.resource, settled.status, settled.events) == (None, 202, ())

    def test_what_may_have_gone_is_not_planned_any_more(self) -> None:
        """Told once, as the next version; what the provider says later goes on from there."""
        handler = SmsSend(tools())
        planned = message_of(an_operation("sms.schedule", "sms_1"), SMS_COMMAND, status="scheduled")
        op, message, _ = begun(handler, replace(planned, version=1))
        settled = handler.settle(op, SMS_COMMAND, message, Unknown(Overloaded("?")))
        assert settled.resource is not None
        assert (settled.resource.status, settled.resource.version, settled.status) == ("queued", 2, 202)
        assert [(event.type, event.sequence) for event in settled.events] == [("sms.queued", 2)]
        again = handler.settle(op, SMS_COMMAND, settled.resource, Unknown(Overloaded("?")))
        assert (again.resource, again.events) == (None, ())
        sent = handler.settle(op, SMS_COMMAND, settled.resource, Succeeded(Sent(MessageSnapshot("sent", "SM1"))))
        assert [(event.type, event.sequence) for event in sent.events] == [("sms.sent", 3)]


class TestMayGoElsewhere:
    @pytest.mark.parametrize("reason", sorted(REASONS))
    def test_only_for_what_is_about_the_account(self, reason: str) -> None:
        error = ProviderRefusedUs("No.", provider="twilio", reason=reason)
        may = SmsSend(tools()).may_go_elsewhere(error)
        assert may == (
            reason
            in {
                "invalid_sender",
                "destination_not_permitted",
                "authentication_failed",
                "insufficient_credit",
                "payload_too_large",
            }
        )
        assert not (may and reason in NEVER_ELSEWHERE)


class TestConfirm:
    async def test_where_nobody_can_be_asked_a_persons_word_is_taken(self) -> None:
        from onerouter_common.errors import CapabilityUnsupported

        class Mute:
            async def find_sms(self, *_: Any, **__: Any) -> None:
                raise ProviderOutcomeUnknown("?", provider="sns")

            async def get_sms(self, *_: Any) -> None:
                raise CapabilityUnsupported("It tells nothing.")

        handler = SmsSend(tools())
        _, _, question = begun(handler)
        taken = await handler.confirm(Mute(), question, "their-id", "key")
        assert taken is not None
        assert handler.ids_of(taken) == ["their-id"]


class TestCost:
    def test_segments_times_the_price_of_the_country(self) -> None:
        from datetime import date

        from onerouter_messaging.message.cost import estimate
        from onerouter_providers.cost import CostCondition, CostFacts

        def price(minor: str, *countries: str) -> CostFacts:
            return CostFacts(
                of="sms.send",
                fixed_minor=Decimal(minor),
                currency="USD",
                when=CostCondition(countries=countries or None),
                source="https://example.com",
                read_on=date(2026, 1, 1),
            )

        prices = {("sms", "twilio"): [price("0.83", "US"), price("5")]}
        message = a_message(SMS_COMMAND.model_copy(update={"body": "x" * 161}))
        cost = estimate(message, prices)
        assert cost is not None
        assert (cost.amount, cost.currency, cost.is_estimated) == (Decimal("0.0166"), "USD", True)
        abroad = estimate(replace(message, country="IN"), prices)
        assert abroad is not None
        assert abroad.amount == Decimal("0.10")
        assert estimate(replace(message, provider="sns"), prices) is None


def _composed(command: SendEmail) -> EmailRequest:
    from onerouter_providers.messages import Address

    return EmailRequest("em_1", Address("shop@example.org"), [Address(one.email, one.name) for one in command.to])


EMAIL_REQUEST = _composed(EMAIL_COMMAND)
