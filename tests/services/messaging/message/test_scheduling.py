"""What waits with us is canceled by us; what is with a provider only where that can."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.services.messaging.examples import NOW, SMS_COMMAND, FakeConnection, FixedClock, a_message, an_operation

from onerouter_common.contracts.messages import CancelMessage
from onerouter_common.errors import Conflict, InvalidRequest, NotFound
from onerouter_common.worker.handler import Operation, Succeeded
from onerouter_messaging.message.scheduling import EmailCancel, SmsCancel, SmsSchedule
from onerouter_messaging.message.state import Message
from onerouter_providers.messages import MessageReference, MessageSnapshot

CANNOT = {("sms", "sns"): "Amazon SNS sends at once."}
HANDLER = SmsCancel(FixedClock(), CANNOT)


def asked(message: Message) -> tuple[Operation, CancelMessage]:
    return an_operation("sms.cancel", message.id), CancelMessage(message_id=message.id)


def at_provider(**changes: Any) -> Message:
    return replace(a_message(), **{"provider_message_id": "SM1", "version": 1, **changes})


class FakeTwilio:
    def __init__(self, status: Any) -> None:
        self.status = status

    async def cancel_sms(self, reference: MessageReference, *, key: str) -> MessageSnapshot:
        return MessageSnapshot("canceled", reference.provider_message_id)

    async def get_sms(self, reference: MessageReference) -> MessageSnapshot:
        return MessageSnapshot(self.status, reference.provider_message_id)


class TestConcluded:
    def test_what_waits_with_us_is_canceled_without_asking_anybody(self) -> None:
        waiting = a_message(status="scheduled", connection_id=None, provider=None, version=1)
        op, command = asked(waiting)
        settled = HANDLER.settle(op, command, waiting, Succeeded(HANDLER.concluded(op, command, waiting)))
        assert settled.resource is not None
        assert settled.resource.status == "canceled"
        assert [event.type for event in settled.events] == ["sms.canceled"]
        again = HANDLER.settle(
            op, command, settled.resource, Succeeded(HANDLER.concluded(op, command, settled.resource))
        )
        assert (again.resource, again.events) == (None, ())

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"provider": "sns"}, "Amazon SNS sends at once."),
            ({"provider_message_id": None}, "not known yet"),
        ],
    )
    def test_what_cannot_be_stopped_is_refused_with_a_sentence(self, changes: dict[str, Any], says: str) -> None:
        message = at_provider(**changes)
        with pytest.raises(Conflict, match=says):
            HANDLER.concluded(*asked(message), message)

    def test_what_was_sent_on_is_not_stopped(self) -> None:
        message = at_provider()
        sent = replace(message, recipients=a_message(status="sent").recipients)
        with pytest.raises(Conflict, match="sent"):
            HANDLER.concluded(*asked(sent), sent)

    def test_another_channel_and_what_came_in_are_not_found(self) -> None:
        message = at_provider()
        with pytest.raises(NotFound):
            EmailCancel(FixedClock(), {}).concluded(*asked(message), message)
        inbound = replace(message, direction="inbound")
        with pytest.raises(NotFound):
            HANDLER.concluded(*asked(inbound), inbound)
        with pytest.raises(NotFound):
            HANDLER.concluded(*asked(message), None)


class TestAtTheProvider:
    async def test_it_is_asked_to_cancel_and_a_lost_answer_is_read_from_the_message(self) -> None:
        message = at_provider()
        op, command = asked(message)
        assert HANDLER.concluded(op, command, message) is None
        request = HANDLER.begin(op, command, message, FakeConnection()).request
        client: Any = FakeTwilio("queued")
        told = await HANDLER.call(client, request, "key")
        settled = HANDLER.settle(op, command, message, Succeeded(told))
        assert settled.resource is not None
        assert settled.resource.status == "canceled"
        assert await HANDLER.lookup(FakeTwilio("queued"), request, "key") is None
        assert await HANDLER.lookup(FakeTwilio("canceled"), request, "key") is not None


class TestSchedule:
    def test_the_message_and_the_operation_that_sends_it_are_stored_together(self) -> None:
        due = NOW + timedelta(days=3)
        command = SMS_COMMAND.model_copy(update={"send_at": due, "priority": "bulk"})
        handler, op = SmsSchedule(FixedClock()), an_operation("sms.schedule", "sms_1")
        settled = handler.settle(op, command, None, Succeeded(handler.concluded(op, command, None)))
        assert settled.resource is not None
        assert (settled.resource.status, settled.status) == ("scheduled", 201)
        (draft,) = settled.operations
        assert (draft.operation, draft.resource_id, draft.not_before) == ("sms.send", "sms_1", due)
        assert (draft.priority, draft.on_behalf, draft.payload) == (1, True, command)
        twice = handler.settle(op, command, settled.resource, Succeeded(handler.concluded(op, command, None)))
        assert (twice.resource, twice.events, twice.operations) == (None, (), ())

    def test_a_time_is_needed(self) -> None:
        with pytest.raises(InvalidRequest) as refused:
            SmsSchedule(FixedClock()).concluded(an_operation("sms.schedule", "sms_1"), SMS_COMMAND, None)
        assert refused.value.errors[0].field == "send_at"
