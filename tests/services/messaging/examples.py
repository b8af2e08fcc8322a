"""Messages, commands and callbacks for tests."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.contracts.messages import EmailAddress, SendEmail, SendSms
from onerouter_common.ids import new_id
from onerouter_common.worker.handler import Idempotency, Operation
from onerouter_messaging.message.making import asked
from onerouter_messaging.message.noted import Noted
from onerouter_messaging.message.sending import Tools
from onerouter_messaging.message.state import Message
from onerouter_providers.messages import Address, EmailRequest, SmsRequest

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SMS_COMMAND = SendSms(to="+14155550123", body="Your code is 4711.", country="US")
EMAIL_COMMAND = SendEmail(
    to=[EmailAddress(email="ann@example.com", name="Ann")],
    cc=[EmailAddress(email="bob@example.com")],
    sender=EmailAddress(email="shop@example.org"),
    subject="Hello",
    text="Hello Ann",
)


class FixedClock:
    def __init__(self, now: datetime = NOW) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment


class AsAsked:
    """Composes without templates, files or a list: what was asked is what goes out."""

    async def sms(self, op: Operation, command: SendSms, *, noted: Noted | None = None) -> SmsRequest:
        sender = noted.sender.address if noted is not None and noted.sender is not None else command.sender
        return SmsRequest(op.resource_id, command.to, command.body or "", sender=sender)

    async def email(
        self, op: Operation, command: SendEmail, *, default_from: str | None = None, noted: Noted | None = None
    ) -> EmailRequest:
        sender = command.sender or EmailAddress(email=default_from or "nobody@example.org")
        return EmailRequest(
            op.resource_id,
            Address(sender.email, sender.name),
            [Address(one.email, one.name) for one in command.to],
            subject=command.subject,
            html=command.html,
            text=command.text,
            cc=[Address(one.email, one.name) for one in command.cc],
        )


class InMemory:
    """Notes of one process."""

    def __init__(self) -> None:
        self.noted: dict[str, Noted | None] = {}

    async def write(self, op: Operation, noted: Noted | None) -> None:
        self.noted[op.resource_id] = noted

    async def read(self, op: Operation) -> Noted | None:
        return self.noted.get(op.resource_id, Noted())


async def nobody_else(message: Message, since: datetime) -> tuple[Collection[str], bool]:
    return (), False


def tools(**changes: Any) -> Tools:
    return replace(Tools(AsAsked(), nobody_else, {}, FixedClock(), InMemory()), **changes)


@dataclass(frozen=True)
class FakeConnection:
    """A connection whose client is whatever a test gives it."""

    id: str = "con_1"
    tenant_id: str = "ten_1"
    environment: str = "test"
    provider: str = "twilio"
    currency: str | None = None
    max_in_flight: int = 8
    timeout_s: float = 5.0
    pace: Any = None
    client: Any = None
    capabilities: dict[str, Idempotency] = field(
        default_factory=lambda: {"sms.send": Idempotency.LOOKUP, "email.send": Idempotency.NATIVE}
    )
    public: dict[str, str] = field(default_factory=dict)

    def idempotency_of(self, capability: str) -> Idempotency | None:
        return self.capabilities.get(capability)

    def absence_settles_s(self, capability: str) -> float:
        return 60.0

    def retention_s(self, capability: str) -> float | None:
        return None

    def instead_of(self, capability: str) -> str | None:
        return None


def a_message(command: SendSms | SendEmail = SMS_COMMAND, *, status: str = "queued", **changes: Any) -> Message:
    """One that is being asked of a provider."""
    prefix = "sms" if isinstance(command, SendSms) else "em"
    made = asked(command, id_=new_id(prefix), tenant_id="ten_1", environment="test", created_at=NOW, status=status)
    return replace(made, **{"connection_id": "con_1", "provider": "twilio", **changes})


def an_operation(operation: str, resource_id: str, **changes: Any) -> Operation:
    made = Operation(
        id=new_id("op"),
        operation=operation,
        tenant_id="ten_1",
        environment="test",
        category=operation.partition(".")[0],
        resource_id=resource_id,
        ordering_key=resource_id,
        payload={},
        fingerprint="f" * 64,
        made_by=new_id("cmd"),
        api_key_id="key_1",
        accepted_at=NOW,
        created_at=NOW,
    )
    return replace(made, **changes)


def a_callback(told: CallbackObject, *, at: datetime = NOW, **changes: Any) -> Callback:
    made: dict[str, Any] = {
        "callback_id": new_id("cb"),
        "provider": "twilio",
        "provider_event_id": uuid4().hex,
        "provider_event_type": "x",
        "connection_id": "con_1",
        "tenant_id": "ten_1",
        "environment": "test",
        "category": told.kind,
        "occurred_at": at,
        "received_at": at,
        "object": told,
    }
    return Callback.model_validate({**made, **changes})
