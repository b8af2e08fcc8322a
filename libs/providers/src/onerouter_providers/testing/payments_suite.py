"""The conformance suite of payment providers.

A provider's test module subclasses `PaymentsSuite` and brings a fixture `lab` that gives a `PaymentsLab`: the provider
behind real HTTP, with a ledger of what really happened and faults on demand (our sandbox; yours may be any simulator).

    class TestAcme(PaymentsSuite):
        amounts_taken = (Money(100, "INR"),)

        @pytest.fixture
        async def lab(self) -> AsyncIterator[PaymentsLab]: ...

Each test makes ids of its own, so that one lab may serve many tests. Needs pytest with asyncio_mode=auto.
"""
# ruff: noqa: S101 - a suite asserts

import asyncio
import io
import logging
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import ClassVar, Literal, Protocol, cast

import pytest
import structlog

from onerouter_common.errors import (
    CallerError,
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
from onerouter_common.ids import PAYMENT, REFUND, new_id
from onerouter_common.money import Money
from onerouter_providers.capability import (
    CaptureRequest,
    CompletesPayments,
    CompletionRequest,
    PaymentProvider,
    PaymentReference,
    PaymentRequest,
    PaymentSnapshot,
    RefundRequest,
)

Act = Literal["create", "complete", "capture", "refund", "find"]
"""A wire call of the provider that a fault can hit; `complete`: only of those that `CompletesPayments`; `find`: the
look-up of payments, or where there is none the question what became of one."""
FaultKind = Literal["timeout_before", "timeout_after", "cut", "throttle", "error_json", "error_html"]


class PaymentsLab(Protocol):
    """A provider under test and its outside world."""

    def client(
        self, *, timeout_s: float = 5.0, base_url: str | None = None, credentials: Mapping[str, str] | None = None
    ) -> PaymentProvider:
        """A client of the account under test; `credentials` replace its own of the same names."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must never be seen outside of a request to the provider."""
        ...

    @property
    def wrong_credentials(self) -> Mapping[str, str]: ...

    async def pay(self, payment: PaymentSnapshot, *, decline: str | None = None) -> None:
        """A customer pays; `decline`: tries to, and is declined for our normalized reason."""
        ...

    async def fault(self, kind: FaultKind, act: Act) -> None:
        """The next such call goes wrong in this way. `throttle` asks for 3 s of patience."""
        ...

    async def effects(self, act: Act, reference: str) -> int:
        """How many effects of this kind really happened for a reference: our payment id (`create`), the provider's
        payment id (`capture`, `complete`), the refund's key (`refund`)."""
        ...


def payment_request(
    amount: Money, *, capture: Literal["automatic", "manual"] = "automatic", notes: Mapping[str, str] | None = None
) -> PaymentRequest:
    """A request with an id of its own."""
    return PaymentRequest(payment_id=new_id(PAYMENT), amount=amount, capture=capture, notes=notes or {})


def reference_to(request: PaymentRequest, snapshot: PaymentSnapshot) -> PaymentReference:
    return PaymentReference(
        payment_id=request.payment_id,
        amount=request.amount,
        provider_order_id=snapshot.provider_order_id,
        provider_payment_id=snapshot.provider_payment_id,
    )


def new_key() -> str:
    """A provider key as the heart makes them: 36 characters."""
    return f"{new_id('op')}-0000000"[:36].replace("_", "-")


@contextmanager
def overheard() -> Iterator[io.StringIO]:
    """All that is printed or logged inside, through structlog and the standard library, at every level."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with structlog.testing.capture_logs() as events, redirect_stdout(heard):
            yield heard
        heard.write(repr(events))
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def _completing(client: PaymentProvider) -> CompletesPayments:
    """The client of a provider that says that it waits for us."""
    assert hasattr(client, "complete_payment")
    return cast(CompletesPayments, client)


class PaymentsSuite:
    """Inherit and bring `lab`. Class variables say what differs."""

    amount: ClassVar[Money] = Money(129_900, "INR")
    amounts_taken: ClassVar[tuple[Money, ...]] = (Money(100, "INR"),)
    """Amounts of several currencies that must reach the provider's books unchanged."""
    amounts_refused: ClassVar[tuple[Money, ...]] = ()
    """Amounts that the provider cannot represent: refused before anything is sent."""
    partial_capture: ClassVar[bool] = True
    finds_payments: ClassVar[bool] = True
    """Whether the provider can be asked for what a create made; else a create is repeated under its key."""
    carries_notes: ClassVar[bool] = True
    """Whether notes go to the provider; else they stay with us."""
    declines: ClassVar[tuple[str, ...]] = ("insufficient_funds", "card_declined")

    async def test_create_has_one_effect(self, lab: PaymentsLab) -> None:
        request = payment_request(self.amount, notes={"cart": "17"})
        made = await lab.client().create_payment(request, key=new_key())
        assert made.status in ("created", "requires_action")
        assert made.provider_order_id or made.provider_payment_id
        assert made.amount == request.amount
        assert await lab.effects("create", request.payment_id) == 1

    async def test_what_was_made_is_found(self, lab: PaymentsLab) -> None:
        if not self.finds_payments:
            pytest.skip("this provider cannot be asked: a create is repeated under its key")
        request = payment_request(self.amount)
        made = await lab.client().create_payment(request, key=new_key())
        found = await lab.client().find_payment(request)
        assert found is not None
        assert found.provider_order_id == made.provider_order_id
        assert found.checkout == made.checkout

    async def test_what_was_not_made_is_not_found(self, lab: PaymentsLab) -> None:
        assert await lab.client().find_payment(payment_request(self.amount)) is None

    async def test_a_paid_payment_succeeds(self, lab: PaymentsLab) -> None:
        _, shown = await self._paid(lab)
        assert shown.status == "succeeded"
        assert shown.provider_payment_id
        assert shown.method
        assert shown.amount_refunded_minor == 0

    async def test_declines_are_told_in_our_words(self, lab: PaymentsLab) -> None:
        client = lab.client()
        for reason in self.declines:
            request = payment_request(self.amount)
            made = await client.create_payment(request, key=new_key())
            await lab.pay(made, decline=reason)
            shown = await self._settled(client, request, made)
            assert (shown.status, shown.error_reason) == ("failed", reason)

    async def test_a_throttled_call_did_nothing_and_says_when(self, lab: PaymentsLab) -> None:
        request = payment_request(self.amount)
        await lab.fault("throttle", "create")
        with pytest.raises(ProviderThrottled) as caught:
            await lab.client().create_payment(request, key=new_key())
        assert caught.value.retry_after_s == 3
        assert await lab.effects("create", request.payment_id) == 0

    async def test_a_create_repeated_under_its_key_is_one_payment(self, lab: PaymentsLab) -> None:
        if self.finds_payments:
            pytest.skip("this provider is asked instead")
        client, key, request = lab.client(), new_key(), payment_request(self.amount)
        first = await client.create_payment(request, key=key)
        second = await client.create_payment(request, key=key)
        assert (first.provider_order_id, first.provider_payment_id) == (
            second.provider_order_id,
            second.provider_payment_id,
        )
        assert await lab.effects("create", request.payment_id) == 1

    async def test_an_unreachable_provider_got_nothing(self, lab: PaymentsLab) -> None:
        nowhere = lab.client(base_url="http://127.0.0.1:9")
        with pytest.raises(ProviderUnavailable):
            await nowhere.create_payment(payment_request(self.amount), key=new_key())
        with pytest.raises(ProviderUnavailable):
            await nowhere.get_payment(PaymentReference(new_id(PAYMENT), self.amount, provider_order_id="NOBODYS"))

    @pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "cut", "error_json", "error_html"])
    async def test_a_create_without_an_answer_is_unknown_and_can_be_found_out(
        self, lab: PaymentsLab, kind: FaultKind
    ) -> None:
        request, key = payment_request(self.amount), new_key()
        client = lab.client(timeout_s=0.3)
        await client.probe()  # what it learns of the account is not what is lost here
        await lab.fault(kind, "create")
        with pytest.raises(ProviderOutcomeUnknown):
            await client.create_payment(request, key=key)
        happened = await lab.effects("create", request.payment_id)
        assert happened == (1 if kind == "timeout_after" else 0)
        if self.finds_payments:
            found = await lab.client().find_payment(request)
            assert (found is not None) == bool(happened)
        else:
            await lab.client().create_payment(request, key=key)
            assert await lab.effects("create", request.payment_id) == 1

    @pytest.mark.parametrize("kind", ["timeout_before", "cut", "error_json", "error_html"])
    async def test_a_question_without_an_answer_changes_nothing(self, lab: PaymentsLab, kind: FaultKind) -> None:
        request = payment_request(self.amount)
        client = lab.client(timeout_s=0.3)
        made = await client.create_payment(request, key=new_key())
        await lab.fault(kind, "find")
        if kind == "cut":
            await lab.fault(kind, "find")  # a transport may repeat what only reads
        with pytest.raises(ProviderUnavailable):
            if self.finds_payments:
                await client.find_payment(request)
            else:
                await client.get_payment(reference_to(request, made))

    async def test_wrong_credentials_are_our_fault(self, lab: PaymentsLab) -> None:
        client = lab.client(credentials=lab.wrong_credentials)
        request = payment_request(self.amount)
        for call in (client.create_payment(request, key=new_key()), client.probe()):
            with pytest.raises(ProviderRefusedUs) as caught:
                await call
            assert caught.value.reason == "authentication_failed"
        assert await lab.effects("create", request.payment_id) == 0

    async def test_probe_proves_the_credentials(self, lab: PaymentsLab) -> None:
        await lab.client().probe()

    async def test_amounts_arrive_unchanged(self, lab: PaymentsLab) -> None:
        client = lab.client()
        for amount in self.amounts_taken:
            request = payment_request(amount)
            made = await client.create_payment(request, key=new_key())
            assert made.amount == amount
            assert (await client.get_payment(reference_to(request, made))).amount == amount

    async def test_amounts_it_cannot_say_are_refused_before_the_call(self, lab: PaymentsLab) -> None:
        for amount in self.amounts_refused:
            request = payment_request(amount)
            with pytest.raises((InvalidRequest, CapabilityUnsupported)):
                await lab.client().create_payment(request, key=new_key())
            assert await lab.effects("create", request.payment_id) == 0

    async def test_notes_that_do_not_fit_are_refused_by_name(self, lab: PaymentsLab) -> None:
        if not self.carries_notes:
            pytest.skip("this provider is not told any")
        request = payment_request(self.amount, notes={str(number): "x" for number in range(500)})
        with pytest.raises(InvalidRequest) as caught:
            await lab.client().create_payment(request, key=new_key())
        assert [error.field for error in caught.value.errors] == ["notes"]

    async def test_completing_takes_the_money_once(self, lab: PaymentsLab) -> None:
        client, wanted = await self._awaiting(lab, lab.client())
        assert await client.find_completion(wanted) is None
        done = await asyncio.gather(*(client.complete_payment(wanted, key=new_key()) for _ in range(3)))
        again = await client.complete_payment(wanted, key=new_key())
        found = await client.find_completion(wanted)
        assert found is not None
        assert {one.status for one in (*done, again, found)} == {"succeeded"}
        assert {one.provider_payment_id for one in (*done, again)} == {found.provider_payment_id}
        assert await lab.effects("complete", found.provider_payment_id or "") == 1

    async def test_a_completion_without_an_answer_can_be_found_out(self, lab: PaymentsLab) -> None:
        client, wanted = await self._awaiting(lab, lab.client(timeout_s=0.3))
        key = new_key()
        await lab.fault("timeout_after", "complete")
        with pytest.raises(ProviderOutcomeUnknown):
            await client.complete_payment(wanted, key=key)
        found = await client.find_completion(wanted)
        repeated = await client.complete_payment(wanted, key=key)
        assert found is not None
        assert found.provider_payment_id == repeated.provider_payment_id
        assert await lab.effects("complete", found.provider_payment_id or "") == 1

    async def test_manual_capture_takes_the_money_once(self, lab: PaymentsLab) -> None:
        client = lab.client()
        request, authorized = await self._authorized(lab)
        wanted = CaptureRequest(reference_to(request, authorized), request.amount)
        assert await client.find_capture(wanted) is None
        captured = await client.capture_payment(wanted, key=new_key())
        assert captured.status == "succeeded"
        again = await client.capture_payment(wanted, key=new_key())
        assert again.status == "succeeded"
        found = await client.find_capture(wanted)
        assert found is not None
        assert found.provider_payment_id == captured.provider_payment_id == again.provider_payment_id
        assert await lab.effects("capture", captured.provider_payment_id or "") == 1

    async def test_capture_finds_the_payment_by_its_order(self, lab: PaymentsLab) -> None:
        request, authorized = await self._authorized(lab)
        reference = PaymentReference(request.payment_id, request.amount, authorized.provider_order_id)
        captured = await lab.client().capture_payment(CaptureRequest(reference, request.amount), key=new_key())
        assert captured.status == "succeeded"
        assert captured.provider_order_id == authorized.provider_order_id

    async def test_a_capture_without_an_answer_can_be_found_out(self, lab: PaymentsLab) -> None:
        request, authorized = await self._authorized(lab)
        wanted = CaptureRequest(reference_to(request, authorized), request.amount)
        await lab.fault("timeout_after", "capture")
        with pytest.raises(ProviderOutcomeUnknown):
            await lab.client(timeout_s=0.3).capture_payment(wanted, key=new_key())
        found = await lab.client().find_capture(wanted)
        assert found is not None
        assert found.status == "succeeded"
        assert await lab.effects("capture", found.provider_payment_id or "") == 1

    async def test_nothing_authorized_cannot_be_captured(self, lab: PaymentsLab) -> None:
        request = payment_request(self.amount, capture="manual")
        made = await lab.client().create_payment(request, key=new_key())
        with pytest.raises((CallerError, ProviderDeclined)):
            await lab.client().capture_payment(
                CaptureRequest(reference_to(request, made), request.amount), key=new_key()
            )

    async def test_a_part_is_captured_only_where_the_provider_can(self, lab: PaymentsLab) -> None:
        if self.partial_capture:
            pytest.skip("this provider captures parts")
        request, authorized = await self._authorized(lab)
        part = Money(request.amount.amount_minor - 100, request.amount.currency)
        with pytest.raises(CapabilityUnsupported):
            await lab.client().capture_payment(CaptureRequest(reference_to(request, authorized), part), key=new_key())

    async def test_refunds_in_parts_and_never_more(self, lab: PaymentsLab) -> None:
        client = lab.client()
        request, paid = await self._paid(lab)
        half = Money(request.amount.amount_minor // 2, request.amount.currency)
        for expected in ("partially_refunded", "refunded"):
            key = new_key()
            refund = await client.create_refund(self._refund(request, paid, half), key=key)
            assert refund.status in ("pending", "succeeded")
            assert refund.amount == half
            assert await lab.effects("refund", key) == 1
            assert (await client.get_payment(reference_to(request, paid))).status == expected
        key = new_key()
        with pytest.raises(ProviderDeclined) as caught:
            await client.create_refund(self._refund(request, paid, half), key=key)
        assert (caught.value.reason, caught.value.error_code) == ("refund_rejected", "REFUND_FAILED")
        assert await lab.effects("refund", key) == 0

    async def test_a_refund_repeated_under_its_key_is_one_refund(self, lab: PaymentsLab) -> None:
        client, key = lab.client(), new_key()
        request, paid = await self._paid(lab)
        wanted = self._refund(request, paid, request.amount)
        first = await client.create_refund(wanted, key=key)
        second = await client.create_refund(wanted, key=key)
        assert first.provider_refund_id == second.provider_refund_id
        assert await lab.effects("refund", key) == 1
        shown = await client.get_refund(wanted.payment, first.provider_refund_id)
        assert shown.provider_refund_id == first.provider_refund_id

    async def test_a_refund_without_an_answer_can_be_found_out(self, lab: PaymentsLab) -> None:
        client, key = lab.client(), new_key()
        request, paid = await self._paid(lab)
        wanted = self._refund(request, paid, request.amount)
        assert await client.find_refund(wanted) is None
        await lab.fault("timeout_after", "refund")
        with pytest.raises(ProviderOutcomeUnknown):
            await lab.client(timeout_s=0.3).create_refund(wanted, key=key)
        found = await client.find_refund(wanted)
        repeated = await client.create_refund(wanted, key=key)
        assert found is not None
        assert found.provider_refund_id == repeated.provider_refund_id
        assert await lab.effects("refund", key) == 1

    async def test_a_refund_repeated_after_its_key_was_forgotten_is_still_one(self, lab: PaymentsLab) -> None:
        client, key = lab.client(), new_key()
        request, paid = await self._paid(lab)
        wanted = self._refund(request, paid, request.amount)
        first = await client.create_refund(wanted, key=key)
        again = await client.create_refund(wanted, key=new_key())
        assert again.provider_refund_id == first.provider_refund_id

    async def test_many_at_once_do_not_mix(self, lab: PaymentsLab) -> None:
        client = lab.client()
        requests = [payment_request(Money(1_000 + number, self.amount.currency)) for number in range(30)]
        made = await asyncio.gather(*(client.create_payment(request, key=new_key()) for request in requests))
        assert [one.amount for one in made] == [request.amount for request in requests]
        assert len({one.provider_order_id or one.provider_payment_id for one in made}) == len(requests)

    async def test_secrets_are_seen_nowhere(self, lab: PaymentsLab) -> None:
        client, errors = lab.client(timeout_s=0.3), list[OneRouterError]()
        wrong = lab.client(credentials=lab.wrong_credentials)
        with overheard() as heard:
            await client.create_payment(payment_request(self.amount), key=new_key())
            for kind in ("timeout_before", "cut", "throttle", "error_html"):
                await lab.fault(kind, "create")
                errors.append(await self._error_of(client))
            errors.append(await self._error_of(lab.client(base_url="http://127.0.0.1:9")))
            errors.append(await self._error_of(wrong))
        seen = [heard.getvalue(), repr(client), repr(wrong), str(vars(client))]
        seen += [
            text for error in errors for text in (repr(error), *traceback.format_exception(error), str(vars(error)))
        ]
        for secret in (*lab.secrets, *lab.wrong_credentials.values()):
            assert not any(secret in text for text in seen)

    async def _error_of(self, client: PaymentProvider) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            await client.create_payment(payment_request(self.amount), key=new_key())
        return caught.value

    async def _paid(self, lab: PaymentsLab) -> tuple[PaymentRequest, PaymentSnapshot]:
        return await self._after_paying(lab, payment_request(self.amount), "succeeded")

    async def _authorized(self, lab: PaymentsLab) -> tuple[PaymentRequest, PaymentSnapshot]:
        return await self._after_paying(lab, payment_request(self.amount, capture="manual"), "authorized")

    async def _after_paying(
        self, lab: PaymentsLab, request: PaymentRequest, status: str
    ) -> tuple[PaymentRequest, PaymentSnapshot]:
        client = lab.client()
        made = await client.create_payment(request, key=new_key())
        await lab.pay(made)
        shown = await self._settled(client, request, made)
        assert shown.status == status
        return request, shown

    async def _settled(
        self, client: PaymentProvider, request: PaymentRequest, made: PaymentSnapshot
    ) -> PaymentSnapshot:
        """What became of it; where the provider waits for us after the payer, as the worker does."""
        reference = reference_to(request, made)
        shown = await client.get_payment(reference)
        if not shown.awaits_completion:
            return shown
        completed = await _completing(client).complete_payment(
            CompletionRequest(reference, request.capture), key=new_key()
        )
        shown = await client.get_payment(reference)
        assert (shown.status, shown.provider_payment_id) == (completed.status, completed.provider_payment_id)
        return shown

    async def _awaiting(self, lab: PaymentsLab, client: PaymentProvider) -> tuple[CompletesPayments, CompletionRequest]:
        """A payment that its payer has approved, at a provider that waits for us then."""
        request = payment_request(self.amount)
        made = await client.create_payment(request, key=new_key())
        await lab.pay(made)
        reference = reference_to(request, made)
        if not (await client.get_payment(reference)).awaits_completion:
            pytest.skip("this provider does not wait for us")
        return _completing(client), CompletionRequest(reference, request.capture)

    def _refund(self, request: PaymentRequest, paid: PaymentSnapshot, amount: Money) -> RefundRequest:
        return RefundRequest(refund_id=new_id(REFUND), payment=reference_to(request, paid), amount=amount)
