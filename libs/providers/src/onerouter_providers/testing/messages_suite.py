"""The conformance suite of messaging providers, SMS and email alike.

A provider's test module subclasses `MessagesSuite` and brings a fixture `lab` that gives a `MessagesLab`: the provider
behind real HTTP, with a ledger of what was really sent and faults on demand (our sandbox; yours may be any simulator).

    class TestAcme(MessagesSuite):
        refused_recipient = "invalid_recipient"

        @pytest.fixture
        async def lab(self) -> AsyncIterator[MessagesLab]: ...

What makes a repeat safe is read from the manifest. Each test makes messages of its own, so that one lab may serve many
tests. Needs pytest with asyncio_mode=auto.
"""
# ruff: noqa: S101 - a suite asserts

import asyncio
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, Literal, Protocol, TypeAlias, get_args

import pytest

from onerouter_common.errors import (
    CapabilityUnsupported,
    InvalidRequest,
    OneRouterError,
    ProviderDeclined,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_common.worker.handler import Idempotency
from onerouter_providers.manifest import CapabilityFacts
from onerouter_providers.messages import (
    FACTS,
    REASONS,
    Address,
    Attachment,
    EmailRequest,
    EmailStatus,
    MessageReference,
    MessageSnapshot,
    SmsRequest,
    SmsStatus,
)
from onerouter_providers.testing.payments_suite import FaultKind, new_key, overheard
from onerouter_providers.webhook import ProviderEvent

MessageRequest: TypeAlias = SmsRequest | EmailRequest
Act = Literal["send", "find", "get", "cancel"]
"""A wire call that a fault can hit; `find`: the look-up after a lost answer, `get`: the question for one message."""
Fate = Literal["sent", "delivered", "failed"]
"""What becomes of a message after the provider took it; `failed`: bounced, or not delivered by the carrier."""

STATUSES: Final[Mapping[str, tuple[str, ...]]] = {"sms": get_args(SmsStatus), "email": get_args(EmailStatus)}
FAILURES: Final = ("undelivered", "failed", "bounced")
LOST: Final[tuple[FaultKind, ...]] = ("timeout_before", "timeout_after", "cut", "error_json", "error_html")
"""Ways in which the answer to a call does not come."""
WORDS: Final = 'Olá 👋 ₹ 100% + "A&B" = <ok>; שלום'
"""A text that suffers where an encoding is wrong."""
SHORT_S: Final = 0.4
"""Of a call that is not to be answered."""
_AHEAD: Final = timedelta(hours=1)
_ALL_SORTS: Final[tuple[FaultKind, ...]] = ("timeout_before", "cut", "throttle", "error_html")
_FATES: Final[tuple[tuple[Fate, tuple[str, ...]], ...]] = (("delivered", ("delivered",)), ("failed", FAILURES))


class MessagesLab(Protocol):
    """A provider under test and its outside world."""

    @property
    def category(self) -> Literal["sms", "email"]: ...

    def client(
        self, *, timeout_s: float = 5.0, base_url: str | None = None, credentials: Mapping[str, str] | None = None
    ) -> Any:
        """A client of the account under test (`SendsSms`, `SendsEmail`); `credentials` replace its own of the same names."""
        ...

    def find_capability(self, name: str) -> CapabilityFacts | None:
        """Of the provider's manifest (`sms.cancel`)."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must never be seen outside of a request to the provider."""
        ...

    @property
    def wrong_credentials(self) -> Mapping[str, str]: ...

    def request(self, text: str = "Your code is 4711.") -> MessageRequest:
        """A message of a new id to a recipient that nobody else uses; with everything the provider needs for `callback_url`
        and, where its scheduling needs that, the sender."""
        ...

    def refused(self) -> MessageRequest:
        """One to a recipient that the provider refuses at once; asked for only where `refused_recipient` is set."""
        ...

    async def fault(self, kind: FaultKind, act: Act) -> None:
        """The next such call goes wrong in this way. `throttle` asks for 3 s of patience."""
        ...

    async def effects(self, request: MessageRequest) -> int:
        """How many messages really went out for it."""
        ...

    async def text_of(self, provider_message_id: str) -> str:
        """The text that the provider would send, of its own books."""
        ...

    async def catch_up(self) -> None:
        """The provider's lists and logs show by now all that was sent."""
        ...

    async def advance(self, seconds: float) -> None:
        """Time passes at the provider, with all that falls due."""
        ...

    async def decide(self, provider_message_id: str, fate: Fate) -> None:
        """What becomes of a message, with the callbacks that tell it."""
        ...

    async def told(self, provider_message_id: str) -> Sequence[ProviderEvent]:
        """The callbacks that came about one message, verified and parsed; waits until none is owed any more."""
        ...


class MessagesSuite:
    """Inherit and bring `lab`. Class variables say what differs."""

    refused_recipient: ClassVar[str | None] = "invalid_recipient"
    """The reason for which the provider refuses `lab.refused()`. None: it takes every recipient, and tells afterwards."""
    reference_in_callbacks: ClassVar[bool] = True
    """Whether callbacks carry our message id."""
    has_callbacks: ClassVar[bool] = True

    async def test_a_message_is_sent_once(self, lab: MessagesLab) -> None:
        request = lab.request()
        made = await self._send(lab.client(), lab, request)
        self._check(lab, made)
        assert made.status in ("queued", "sent")
        assert await lab.effects(request) == 1

    async def test_the_text_arrives_unchanged(self, lab: MessagesLab) -> None:
        made = await self._send(lab.client(), lab, lab.request(WORDS))
        assert (await lab.text_of(made.provider_message_id)).strip() == WORDS

    async def test_all_that_every_provider_can_be_told_is_taken(self, lab: MessagesLab) -> None:
        request = generous(lab.request(WORDS))
        self._check(lab, await self._send(lab.client(), lab, request))
        assert await lab.effects(request) == 1

    async def test_what_was_sent_can_be_read(self, lab: MessagesLab) -> None:
        self._need(lab, "get")
        request = lab.request()
        made = await self._send(lab.client(), lab, request)
        await lab.catch_up()
        shown = await self._get(lab.client(), lab, _reference(request, made))
        self._check(lab, shown)
        assert shown.provider_message_id == made.provider_message_id

    async def test_what_does_not_exist_is_not_a_failed_message(self, lab: MessagesLab) -> None:
        self._need(lab, "get")
        request = lab.request()
        made = await self._send(lab.client(), lab, request)
        nobodys = made.provider_message_id.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
        reference = MessageReference(request.message_id, nobodys, _to(request), datetime.now(UTC))
        with pytest.raises((ProviderRefusedUs, ProviderUnavailable)) as caught:
            await self._get(lab.client(), lab, reference)
        assert caught.value.reason in ("not_found", "provider_unavailable")

    async def test_what_can_be_found_is_found_once(self, lab: MessagesLab) -> None:
        if self._idempotency(lab) is Idempotency.NONE or not self._can_find(lab):
            pytest.skip("this provider cannot be asked for what was sent")
        since, client = datetime.now(UTC), lab.client()
        request, other = lab.request(), lab.request()
        made = await self._send(client, lab, request)
        await self._send(client, lab, other)
        await lab.catch_up()
        found = await self._find(client, lab, request, since)
        assert found is not None
        self._check(lab, found)
        assert found.provider_message_id == made.provider_message_id

    async def test_what_was_not_sent_is_not_found(self, lab: MessagesLab) -> None:
        if self._idempotency(lab) is Idempotency.NONE or not self._can_find(lab):
            pytest.skip("this provider cannot be asked for what was sent")
        client = lab.client()
        await self._send(client, lab, lab.request())
        await lab.catch_up()
        assert await self._find(client, lab, lab.request(), datetime.now(UTC)) is None

    async def test_a_repeat_under_a_native_key_is_one_message(self, lab: MessagesLab) -> None:
        if self._idempotency(lab) is not Idempotency.NATIVE:
            pytest.skip("this provider takes no key")
        client, key, request = lab.client(), new_key(), lab.request()
        first = await self._send(client, lab, request, key)
        second = await self._send(client, lab, request, key)
        assert first.provider_message_id == second.provider_message_id
        assert await lab.effects(request) == 1

    async def test_the_same_text_sent_twice_is_two_messages(self, lab: MessagesLab) -> None:
        """A provider that drops what looks alike would lose the second code that a user asks for."""
        request, client = lab.request(), lab.client()
        again = replace(request, message_id=lab.request().message_id)
        first, second = await self._send(client, lab, request), await self._send(client, lab, again)
        assert first.provider_message_id != second.provider_message_id

    @pytest.mark.parametrize("kind", LOST)
    async def test_a_lost_answer_is_unknown_and_is_found_out(self, lab: MessagesLab, kind: FaultKind) -> None:
        since, request, key = datetime.now(UTC), lab.request(), new_key()
        await lab.fault(kind, "send")
        with pytest.raises(ProviderOutcomeUnknown):
            await self._send(lab.client(timeout_s=SHORT_S), lab, request, key)
        happened = await lab.effects(request)
        assert happened == (1 if kind == "timeout_after" else 0)
        await lab.catch_up()
        match self._idempotency(lab):
            case Idempotency.NATIVE:
                await self._send(lab.client(), lab, request, key)
                assert await lab.effects(request) == 1
            case Idempotency.LOOKUP:
                found = await self._find(lab.client(), lab, request, since)
                assert (found is not None) == bool(happened)
            case _:
                with pytest.raises(ProviderOutcomeUnknown):
                    await self._find(lab.client(), lab, request, since)
        assert await lab.effects(request) <= 1

    async def test_a_throttled_call_did_nothing_and_says_when(self, lab: MessagesLab) -> None:
        request = lab.request()
        await lab.fault("throttle", "send")
        with pytest.raises(ProviderThrottled) as caught:
            await self._send(lab.client(), lab, request)
        assert (caught.value.reason, caught.value.retry_after_s) == ("rate_limited", 3)
        assert await lab.effects(request) == 0

    async def test_an_unreachable_provider_got_nothing(self, lab: MessagesLab) -> None:
        nowhere, request = lab.client(base_url="http://127.0.0.1:9"), lab.request()
        with pytest.raises(ProviderUnavailable) as caught:
            await self._send(nowhere, lab, request)
        assert caught.value.reason == "provider_unavailable"
        assert await lab.effects(request) == 0

    @pytest.mark.parametrize("kind", ["timeout_before", "error_json", "error_html"])
    async def test_a_question_without_an_answer_changes_nothing(self, lab: MessagesLab, kind: FaultKind) -> None:
        self._need(lab, "get")
        request = lab.request()
        made = await self._send(lab.client(), lab, request)
        await lab.catch_up()
        await lab.fault(kind, "get")
        with pytest.raises(ProviderUnavailable):
            await self._get(lab.client(timeout_s=SHORT_S), lab, _reference(request, made))

    async def test_a_look_up_without_an_answer_is_no_absence(self, lab: MessagesLab) -> None:
        if self._idempotency(lab) is not Idempotency.LOOKUP:
            pytest.skip("this provider is not looked up")
        since, request = datetime.now(UTC), lab.request()
        await self._send(lab.client(), lab, request)
        await lab.catch_up()
        for kind in ("timeout_before", "error_json", "error_html"):
            await lab.fault(kind, "find")
            with pytest.raises(ProviderUnavailable):
                await self._find(lab.client(timeout_s=SHORT_S), lab, request, since)

    async def test_probe_proves_the_credentials(self, lab: MessagesLab) -> None:
        await lab.client().probe()

    async def test_wrong_credentials_are_our_fault(self, lab: MessagesLab) -> None:
        client, request = lab.client(credentials=lab.wrong_credentials), lab.request()
        for call in (self._send(client, lab, request), client.probe()):
            with pytest.raises(ProviderRefusedUs) as caught:
                await call
            assert caught.value.reason == "authentication_failed"
        assert await lab.effects(request) == 0

    async def test_a_bad_recipient_is_declined_by_its_reason(self, lab: MessagesLab) -> None:
        if self.refused_recipient is None:
            pytest.skip("this provider takes every recipient, and tells afterwards")
        request = lab.refused()
        with pytest.raises((ProviderDeclined, InvalidRequest)) as caught:
            await self._send(lab.client(), lab, request)
        if isinstance(caught.value, ProviderDeclined):
            assert (caught.value.reason, caught.value.error_code) == (self.refused_recipient, "MESSAGE_REJECTED")
        assert await lab.effects(request) == 0

    async def test_a_scheduled_message_waits_for_its_time(self, lab: MessagesLab) -> None:
        self._need(lab, "schedule")
        request = replace(lab.request(), send_at=datetime.now(UTC) + _AHEAD)
        made = await self._send(lab.client(), lab, request)
        self._check(lab, made)
        assert made.status == "scheduled"
        assert await lab.effects(request) == 0
        await lab.advance(_AHEAD.total_seconds() + 60)
        assert await lab.effects(request) == 1

    async def test_a_scheduled_message_can_be_canceled(self, lab: MessagesLab) -> None:
        self._need(lab, "schedule")
        self._need(lab, "cancel")
        client, request = lab.client(), replace(lab.request(), send_at=datetime.now(UTC) + _AHEAD)
        reference = _reference(request, await self._send(client, lab, request))
        canceled = await self._cancel(client, lab, reference)
        assert canceled.status == "canceled"
        assert (await self._cancel(client, lab, reference)).status == "canceled"
        await lab.advance(_AHEAD.total_seconds() + 60)
        assert await lab.effects(request) == 0

    async def test_a_cancel_without_an_answer_can_be_repeated(self, lab: MessagesLab) -> None:
        self._need(lab, "schedule")
        self._need(lab, "cancel")
        client, request = lab.client(), replace(lab.request(), send_at=datetime.now(UTC) + _AHEAD)
        reference = _reference(request, await self._send(client, lab, request))
        key = new_key()
        await lab.fault("timeout_after", "cancel")
        with pytest.raises(ProviderOutcomeUnknown):
            await self._cancel(lab.client(timeout_s=SHORT_S), lab, reference, key)
        assert (await self._cancel(client, lab, reference, key)).status == "canceled"

    async def test_what_it_cannot_do_is_refused_before_anything_is_sent(self, lab: MessagesLab) -> None:
        client, request = lab.client(), lab.request()
        if self._facts(lab, "schedule") is None:
            with pytest.raises(CapabilityUnsupported):
                await self._send(client, lab, replace(request, send_at=datetime.now(UTC) + _AHEAD))
            assert await lab.effects(request) == 0
        reference = MessageReference(request.message_id, "nobodys", _to(request), datetime.now(UTC))
        for act, call in (("get", self._get), ("cancel", self._cancel)):
            if self._facts(lab, act) is None:
                with pytest.raises(CapabilityUnsupported):
                    await call(client, lab, reference)

    async def test_callbacks_tell_what_became_of_it(self, lab: MessagesLab) -> None:
        self._need_callbacks()
        request = lab.request()
        made = await self._send(lab.client(), lab, request)
        await lab.decide(made.provider_message_id, "sent")
        await lab.decide(made.provider_message_id, "delivered")
        events = await self._told(lab, request, made)
        statuses = [event.object.status for event in events]
        assert statuses[-1] == "delivered"
        assert len({event.id for event in events}) == len(events)
        assert [event.occurred_at for event in events] == sorted(event.occurred_at for event in events)

    async def test_callbacks_tell_why_it_failed(self, lab: MessagesLab) -> None:
        self._need_callbacks()
        request = lab.request()
        made = await self._send(lab.client(), lab, request)
        await lab.decide(made.provider_message_id, "failed")
        failed = [e.object for e in await self._told(lab, request, made) if e.object.status in FAILURES]
        assert failed
        for each in failed:
            assert each.error_reason in REASONS
            assert each.status != "bounced" or each.facts["bounce_type"] in ("hard", "soft", "undetermined")

    async def test_reading_tells_what_became_of_it(self, lab: MessagesLab) -> None:
        self._need(lab, "get")
        for fate, expected in _FATES:
            request = lab.request()
            made = await self._send(lab.client(), lab, request)
            await lab.decide(made.provider_message_id, fate)
            await lab.catch_up()
            shown = await self._get(lab.client(), lab, _reference(request, made))
            self._check(lab, shown)
            assert shown.status in expected
            assert shown.status == "delivered" or shown.error_reason in REASONS

    async def test_many_at_once_do_not_mix(self, lab: MessagesLab) -> None:
        client, requests = lab.client(), [lab.request(f"Number {number}.") for number in range(20)]
        made = await asyncio.gather(*(self._send(client, lab, request) for request in requests))
        assert len({one.provider_message_id for one in made}) == len(requests)
        for number, one in enumerate(made):
            assert (await lab.text_of(one.provider_message_id)).strip() == f"Number {number}."

    async def test_secrets_and_people_are_seen_nowhere(self, lab: MessagesLab) -> None:
        """Secrets in no text at all; recipients and what they are told not in logs either."""
        client, wrong, errors = (
            lab.client(timeout_s=SHORT_S),
            lab.client(credentials=lab.wrong_credentials),
            list[OneRouterError](),
        )
        request = lab.request("Only for your eyes.")
        with overheard() as heard:
            await self._send(lab.client(), lab, request)
            for kind in _ALL_SORTS:
                await lab.fault(kind, "send")
                errors.append(await self._error_of(client, lab, request))
            errors.append(await self._error_of(lab.client(base_url="http://127.0.0.1:9"), lab, request))
            errors.append(await self._error_of(wrong, lab, request))
        seen = [heard.getvalue(), repr(client), repr(wrong), str(vars(client))]
        seen += [
            text for error in errors for text in (repr(error), *traceback.format_exception(error), str(vars(error)))
        ]
        for secret in (*lab.secrets, *lab.wrong_credentials.values()):
            assert not any(secret in text for text in seen)
        for personal in ("Only for your eyes", _to(request)):
            assert personal not in heard.getvalue()

    async def _error_of(self, client: Any, lab: MessagesLab, request: MessageRequest) -> OneRouterError:
        with pytest.raises(ProviderError) as caught:
            await self._send(client, lab, request)
        return caught.value

    async def _told(self, lab: MessagesLab, request: MessageRequest, made: MessageSnapshot) -> Sequence[ProviderEvent]:
        """The callbacks about one message, each of them sound."""
        events = await lab.told(made.provider_message_id)
        assert events
        for event in events:
            about = event.object
            assert (about.kind, about.provider_id) == (lab.category, made.provider_message_id)
            assert about.reference == (request.message_id if self.reference_in_callbacks else None)
            assert about.status in (*STATUSES[lab.category], "unchanged")
            assert about.facts.keys() <= FACTS
            assert event.id
            assert event.occurred_at.utcoffset() is not None
        return events

    def _check(self, lab: MessagesLab, shown: MessageSnapshot) -> None:
        assert shown.status in STATUSES[lab.category]
        assert shown.provider_message_id
        assert shown.facts.keys() <= FACTS
        assert shown.error_reason is None or shown.error_reason in REASONS
        assert shown.cost is None or (shown.cost >= 0 and shown.cost_currency is not None)

    def _facts(self, lab: MessagesLab, act: str) -> CapabilityFacts | None:
        return lab.find_capability(f"{lab.category}.{act}")

    def _idempotency(self, lab: MessagesLab) -> Idempotency:
        facts = self._facts(lab, "send")
        assert facts is not None
        return facts.idempotency

    def _can_find(self, lab: MessagesLab) -> bool:
        """A provider that takes a key may be one that can be asked, too."""
        facts = self._facts(lab, "send")
        return facts is not None and facts.lookup is not None

    def _need(self, lab: MessagesLab, act: str) -> None:
        if self._facts(lab, act) is None:
            pytest.skip(f"this provider has no {lab.category}.{act}")

    def _need_callbacks(self) -> None:
        if not self.has_callbacks:
            pytest.skip("this provider does not call back")

    async def _send(
        self, client: Any, lab: MessagesLab, request: MessageRequest, key: str | None = None
    ) -> MessageSnapshot:
        sent: MessageSnapshot = await getattr(client, f"send_{lab.category}")(request, key=key or new_key())
        return sent

    async def _find(
        self, client: Any, lab: MessagesLab, request: MessageRequest, since: datetime
    ) -> MessageSnapshot | None:
        found: MessageSnapshot | None = await getattr(client, f"find_{lab.category}")(request, since=since)
        return found

    async def _get(self, client: Any, lab: MessagesLab, reference: MessageReference) -> MessageSnapshot:
        shown: MessageSnapshot = await getattr(client, f"get_{lab.category}")(reference)
        return shown

    async def _cancel(
        self, client: Any, lab: MessagesLab, reference: MessageReference, key: str | None = None
    ) -> MessageSnapshot:
        done: MessageSnapshot = await getattr(client, f"cancel_{lab.category}")(reference, key=key or new_key())
        return done


def generous(request: MessageRequest) -> MessageRequest:
    """With as much as one message may say wherever it goes: what is beyond is a provider's own bound."""
    if isinstance(request, SmsRequest):
        return replace(request, body="Hello, " * 220 + "it is on its way.")
    return replace(
        request,
        html=f"<p>{WORDS} <img src='cid:logo'></p>",
        subject=f"Re: {WORDS}",
        cc=[Address("cc@example.net", "Ünal, Aylin")],
        bcc=[Address("bcc@example.net")],
        reply_to=[Address("help@example.com", "Help")],
        headers={
            "List-Unsubscribe": "<https://example.com/leave?u=77>",
            **{f"X-Part-{number}": f"{number} of <14>" for number in range(14)},
        },
        tags=["order", "status", "type", "1042", *(f"tag_{number}-{'x' * 100}" for number in range(6))],
        attachments=[
            Attachment("Rechnung 5.pdf", b"%PDF-1.7\r\n\x00\xff", "application/pdf"),
            Attachment("logo.png", b"\x89PNG\r\n\x1a\n", "image/png", content_id="logo"),
        ],
    )


def _to(request: MessageRequest) -> str:
    return request.to if isinstance(request, SmsRequest) else request.to[0].email


def _reference(request: MessageRequest, made: MessageSnapshot) -> MessageReference:
    return MessageReference(request.message_id, made.provider_message_id, _to(request), datetime.now(UTC))
