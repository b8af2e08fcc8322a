"""What is strange about PayPal: tokens, approvals, the order as the place where all is found."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from aiohttp import web
from pydantic import SecretStr

from onerouter_common.errors import (
    CapabilityUnsupported,
    Conflict,
    InvalidRequest,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_common.ids import PAYMENT, REFUND, new_id
from onerouter_common.money import Money
from onerouter_providers.capability import (
    CaptureRequest,
    CompletionRequest,
    PaymentReference,
    PaymentRequest,
    PaymentSnapshot,
    RefundRequest,
)
from onerouter_providers.http import ProviderHttp
from onerouter_providers.payments.paypal.client import PayPalPayments
from onerouter_providers.payments.paypal.token import AccessTokens
from onerouter_providers.testing.payments_suite import new_key, payment_request, reference_to

from .openapi import Recorder

if TYPE_CHECKING:
    from tests.pausing import Pause

    from .conftest import PayPalLab

PRICE = Money(1_299, "USD")


@dataclass
class Heard:
    """Stands where the webhooks service stands."""

    url: str
    arrived: asyncio.Queue[tuple[dict[str, str], bytes]] = field(default_factory=asyncio.Queue)

    async def next(self) -> tuple[dict[str, str], bytes]:
        async with asyncio.timeout(60):
            return await self.arrived.get()


@asynccontextmanager
async def hearing() -> AsyncIterator[Heard]:
    heard = Heard("")

    async def handle(request: web.Request) -> web.Response:
        heard.arrived.put_nowait((dict(request.headers), await request.read()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    heard.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/"  # type: ignore[attr-defined]
    yield heard
    await runner.cleanup()


async def held(lab: "PayPalLab", client: PayPalPayments) -> tuple[PaymentRequest, PaymentReference]:
    """An authorized payment."""
    request = payment_request(PRICE, capture="manual")
    reference = reference_to(request, await client.create_payment(request, key=new_key()))
    await lab.ask(f"/paypal/orders/{reference.provider_order_id}/approve")
    await client.complete_payment(CompletionRequest(reference, "manual"), key=new_key())
    return request, reference


async def taken(lab: "PayPalLab", client: PayPalPayments, **how: Any) -> tuple[PaymentReference, PaymentSnapshot]:
    request = payment_request(PRICE)
    reference = reference_to(request, await client.create_payment(request, key=new_key()))
    await lab.ask(f"/paypal/orders/{reference.provider_order_id}/approve", **how)
    return reference, await client.complete_payment(CompletionRequest(reference), key=new_key())


class TestTokens:
    async def test_one_token_serves_many_calls_at_once(self, lab: "PayPalLab") -> None:
        recorder = Recorder()
        client = lab.client(pool=recorder)
        requests = [payment_request(PRICE) for _ in range(20)]
        await asyncio.gather(*(client.create_payment(request, key=new_key()) for request in requests))
        assert [one.path for one in recorder.heard].count("/v1/oauth2/token") == 1
        await recorder.aclose()

    async def test_a_token_that_ended_early_is_replaced_once(self, lab: "PayPalLab") -> None:
        recorder = Recorder()
        client = lab.client(pool=recorder)
        await client.create_payment(payment_request(PRICE), key=new_key())
        await lab.ask(f"/paypal/accounts/{lab.client_id}/end-tokens")
        request = payment_request(PRICE)
        await asyncio.gather(*(client.create_payment(request, key="one key") for _ in range(10)))
        assert [one.path for one in recorder.heard].count("/v1/oauth2/token") == 2
        assert await lab.effects("create", request.payment_id) == 1
        await recorder.aclose()

    async def test_a_token_that_is_never_good_is_not_asked_for_for_ever(self, lab: "PayPalLab") -> None:
        calls: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            calls.append(request.url.path)
            if request.url.path.endswith("/token"):
                return httpx.Response(200, json={"access_token": "bad", "expires_in": 32_400})
            return httpx.Response(401, json={"name": "AUTHENTICATION_FAILURE"})

        client = lab.client(pool=httpx.MockTransport(answer))
        with pytest.raises(ProviderRefusedUs) as caught:
            await client.create_payment(payment_request(PRICE), key=new_key())
        assert caught.value.reason == "authentication_failed"
        assert [path.rpartition("/")[2] for path in calls] == ["token", "orders", "token", "orders"]

    @pytest.mark.parametrize("kind", ["timeout_before_effect", "error_5xx", "refuse_connection"])
    async def test_without_a_token_nothing_is_sent(self, lab: "PayPalLab", kind: str) -> None:
        for _ in range(2):  # a transport may repeat what only reads
            await lab.ask("/faults", kind=kind, operation="token", key_id=lab.client_id, times=1, hold_s=2)
        request = payment_request(PRICE)
        with pytest.raises(ProviderUnavailable):
            await lab.client(timeout_s=0.3).create_payment(request, key=new_key())
        await lab.control.delete("/faults")
        assert await lab.effects("create", request.payment_id) == 0

    async def test_a_throttled_token_says_when(self, lab: "PayPalLab") -> None:
        await lab.ask("/faults", kind="throttle_429", operation="token", key_id=lab.client_id, times=1, retry_after_s=7)
        with pytest.raises(ProviderThrottled) as caught:
            await lab.client().create_payment(payment_request(PRICE), key=new_key())
        assert caught.value.retry_after_s == 7


class TestAccessTokens:
    """On a clock of its own."""

    now = 1_000.0

    def tokens(self, answers: list[httpx.Response], asked: list[httpx.Request]) -> AccessTokens:
        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return answers.pop(0)

        http = ProviderHttp(httpx.MockTransport(answer), provider="paypal", timeout_s=1)
        return AccessTokens(
            http,
            url="https://paypal.test/v1/oauth2/token",
            client_id="id",
            client_secret=SecretStr("secret"),
            monotonic=lambda: self.now,
        )

    def token(self, name: str, lasts_s: int = 32_400) -> httpx.Response:
        return httpx.Response(200, json={"access_token": name, "expires_in": lasts_s})

    def deadline(self) -> float:
        return asyncio.get_running_loop().time() + 1

    async def test_it_is_replaced_before_it_ends(self) -> None:
        asked: list[httpx.Request] = []
        tokens = self.tokens([self.token("first"), self.token("second")], asked)
        assert (await tokens.get(self.deadline())).get_secret_value() == "first"
        self.now += 32_400 - 301
        assert (await tokens.get(self.deadline())).get_secret_value() == "first"
        self.now += 2
        assert (await tokens.get(self.deadline())).get_secret_value() == "second"
        assert len(asked) == 2
        assert asked[0].content == b"grant_type=client_credentials"
        assert asked[0].headers["authorization"] == "Basic aWQ6c2VjcmV0"

    async def test_while_it_is_good_a_failed_replacement_does_no_harm(self) -> None:
        tokens = self.tokens([self.token("first"), httpx.Response(503), httpx.Response(503)], [])
        await tokens.get(self.deadline())
        self.now += 32_400 - 100
        assert (await tokens.get(self.deadline())).get_secret_value() == "first"
        self.now += 200
        with pytest.raises(ProviderUnavailable):
            await tokens.get(self.deadline())

    async def test_a_newer_token_is_not_dropped_with_an_older(self) -> None:
        tokens = self.tokens([self.token("first"), self.token("second")], [])
        first = await tokens.get(self.deadline())
        tokens.drop(first)
        second = await tokens.get(self.deadline())
        tokens.drop(first)
        assert await tokens.get(self.deadline()) is second

    @pytest.mark.parametrize(
        "body",
        [{}, {"access_token": "", "expires_in": 1}, {"access_token": "x"}, {"access_token": "x", "expires_in": 0}],
    )
    async def test_a_strange_answer_is_no_token(self, body: dict[str, Any]) -> None:
        with pytest.raises(ProviderRefusedUs):
            await self.tokens([httpx.Response(200, json=body)], []).get(self.deadline())

    async def test_who_gives_up_does_not_end_it_for_others(self) -> None:
        gate = asyncio.Event()

        async def answer(_: httpx.Request) -> httpx.Response:
            await gate.wait()
            return self.token("late")

        http = ProviderHttp(httpx.MockTransport(answer), provider="paypal", timeout_s=5)
        tokens = AccessTokens(http, url="https://x.test/t", client_id="id", client_secret=SecretStr("s"))
        patient = asyncio.create_task(tokens.get(asyncio.get_running_loop().time() + 5))
        with pytest.raises(ProviderUnavailable):
            await tokens.get(asyncio.get_running_loop().time() + 0.02)
        gate.set()
        assert (await patient).get_secret_value() == "late"


class TestComplete:
    async def test_before_the_payer_approves_there_is_nothing_to_take(self, lab: "PayPalLab") -> None:
        client, request = lab.client(), payment_request(PRICE)
        made = await client.create_payment(request, key=new_key())
        assert (made.status, made.awaits_completion) == ("requires_action", False)
        with pytest.raises(ProviderDeclined) as caught:
            await client.complete_payment(CompletionRequest(reference_to(request, made)), key=new_key())
        assert caught.value.reason == "authentication_required"

    async def test_a_refused_instrument_can_be_followed_by_another(self, lab: "PayPalLab") -> None:
        client, request = lab.client(), payment_request(PRICE)
        made = await client.create_payment(request, key=new_key())
        reference = reference_to(request, made)
        await lab.pay(made, decline="INSTRUMENT_DECLINED")
        with pytest.raises(ProviderDeclined) as caught:
            await client.complete_payment(CompletionRequest(reference), key=new_key())
        assert (caught.value.reason, caught.value.provider_code) == ("card_declined", "INSTRUMENT_DECLINED")
        assert caught.value.provider_request_id
        shown = await client.get_payment(reference)
        assert shown.status == "requires_action"
        assert shown.checkout_url
        # So it is said to whoever did not hear it and asks again.
        with pytest.raises(ProviderDeclined) as caught:
            await client.complete_payment(CompletionRequest(reference), key=new_key())
        assert caught.value.reason == "authentication_required"
        await lab.pay(made)
        assert (await client.complete_payment(CompletionRequest(reference), key=new_key())).status == "succeeded"

    async def test_a_completed_order_with_a_declined_capture_is_no_paid_order(self, lab: "PayPalLab") -> None:
        client = lab.client()
        reference, done = await taken(lab, client, decline="5120")
        assert (done.status, done.error_reason, done.error_code) == ("failed", "insufficient_funds", "5120")
        assert (await client.get_payment(reference)).status == "failed"

    async def test_a_pending_capture_is_under_way(self, lab: "PayPalLab") -> None:
        client = lab.client()
        reference, done = await taken(lab, client, pending="ECHECK")
        assert (done.status, done.awaits_completion) == ("processing", False)
        again = await client.complete_payment(CompletionRequest(reference), key=new_key())
        assert again.provider_payment_id == done.provider_payment_id
        await lab.ask(f"/paypal/captures/{done.provider_payment_id}/settle", status="COMPLETED")
        shown = await client.get_payment(reference)
        assert (shown.status, shown.fee_minor) == ("succeeded", 94)

    async def test_an_order_that_the_payers_page_changed_is_not_captured(self, lab: "PayPalLab") -> None:
        client, request = lab.client(), payment_request(PRICE)
        made = await client.create_payment(request, key=new_key())
        await lab.pay(made)
        dearer = PaymentReference(request.payment_id, Money(9_999, "USD"), made.provider_order_id)
        with pytest.raises(ProviderDeclined) as caught:
            await client.complete_payment(CompletionRequest(dearer), key=new_key())
        assert caught.value.reason == "amount_invalid"
        assert await lab.ledger(kind="payment.captured") == []

    async def test_a_second_order_for_the_same_payment_takes_nothing(self, lab: "PayPalLab") -> None:
        client, request = lab.client(), payment_request(PRICE)
        orders = [await client.create_payment(request, key=new_key()) for _ in range(2)]
        for made in orders:
            await lab.pay(made)
        await client.complete_payment(CompletionRequest(reference_to(request, orders[0])), key=new_key())
        with pytest.raises(ProviderRefusedUs) as caught:
            await client.complete_payment(CompletionRequest(reference_to(request, orders[1])), key=new_key())
        assert (caught.value.reason, caught.value.provider_code) == ("duplicate", "DUPLICATE_INVOICE_ID")
        assert len(await lab.ledger(kind="payment.captured")) == 1


class TestCapture:
    async def test_a_part(self, lab: "PayPalLab") -> None:
        client = lab.client()
        _, reference = await held(lab, client)
        part = CaptureRequest(reference, Money(1_000, "USD"))
        captured = await client.capture_payment(part, key=new_key())
        assert captured.status == "succeeded"
        shown = await client.get_payment(reference)
        assert (shown.status, shown.provider_payment_id, shown.amount) == (
            "succeeded",
            captured.provider_payment_id,
            PRICE,
        )
        ledger = await lab.ledger(kind="payment.captured")
        assert [one["amount"] for one in ledger] == [1_000]
        # What was left was let go: no further capture.
        assert (await client.capture_payment(part, key=new_key())).provider_payment_id == captured.provider_payment_id
        assert len(await lab.ledger(kind="payment.captured")) == 1

    async def test_more_than_is_held(self, lab: "PayPalLab") -> None:
        client = lab.client()
        _, reference = await held(lab, client)
        with pytest.raises(ProviderDeclined) as caught:
            await client.capture_payment(CaptureRequest(reference, Money(9_999, "USD")), key=new_key())
        assert (caught.value.reason, caught.value.provider_code) == ("amount_invalid", "MAX_CAPTURE_AMOUNT_EXCEEDED")


class TestCancel:
    async def test_what_is_held_is_let_go_once(self, lab: "PayPalLab") -> None:
        client = lab.client()
        _, reference = await held(lab, client)
        for _ in range(2):
            assert (await client.cancel_payment(reference, key=new_key())).status == "canceled"
        assert (await client.get_payment(reference)).status == "canceled"
        assert len(await lab.ledger(kind="authorization.voided")) == 1
        with pytest.raises(Conflict):
            await client.capture_payment(CaptureRequest(reference, PRICE), key=new_key())

    async def test_an_order_cannot_be_canceled(self, lab: "PayPalLab") -> None:
        client, request = lab.client(), payment_request(PRICE)
        made = await client.create_payment(request, key=new_key())
        with pytest.raises(CapabilityUnsupported, match="no call to cancel"):
            await client.cancel_payment(reference_to(request, made), key=new_key())

    async def test_what_is_captured_cannot_be_canceled(self, lab: "PayPalLab") -> None:
        client = lab.client()
        reference, _ = await taken(lab, client)
        with pytest.raises(Conflict):
            await client.cancel_payment(reference, key=new_key())


class TestRefund:
    async def test_a_pending_capture_cannot_be_refunded(self, lab: "PayPalLab") -> None:
        client = lab.client()
        reference, _ = await taken(lab, client, pending="ECHECK")
        with pytest.raises(Conflict):
            await client.create_refund(RefundRequest(new_id(REFUND), reference, PRICE), key=new_key())

    async def test_a_part_is_found_by_our_id_after_paypal_forgot_the_key(self, lab: "PayPalLab") -> None:
        client = lab.client()
        reference, _ = await taken(lab, client)
        wanted = RefundRequest(new_id(REFUND), reference, Money(100, "USD"))
        first = await client.create_refund(wanted, key=new_key())
        again = await client.create_refund(wanted, key=new_key())
        assert first.provider_refund_id == again.provider_refund_id
        assert len(await lab.ledger(kind="refund.created")) == 1

    async def test_a_refund_settles_later(self, lab: "PayPalLab") -> None:
        client = lab.client()
        reference, _ = await taken(lab, client)
        await lab.ask(
            "/faults", kind="refund_pending", operation="captures.refund", key_id=lab.client_id, times=1, delay_s=60
        )
        wanted = RefundRequest(new_id(REFUND), reference, PRICE)
        refund = await client.create_refund(wanted, key=new_key())
        assert refund.status == "pending"
        assert (await client.get_payment(reference)).amount_refunded_minor == 0
        await lab.ask(f"/paypal/refunds/{refund.provider_refund_id}/settle", status="COMPLETED")
        assert (await client.get_refund(reference, refund.provider_refund_id)).status == "succeeded"
        shown = await client.get_payment(reference)
        assert (shown.status, shown.amount_refunded_minor) == ("refunded", 1_299)

    async def test_still_running_is_not_a_no(self, lab: "PayPalLab", pause: "Pause") -> None:
        client = lab.client()
        reference, _ = await taken(lab, client)
        await lab.ask("/faults", kind="slow", operation="captures.refund", key_id=lab.client_id, times=1, delay_s=0.5)
        wanted, key = RefundRequest(new_id(REFUND), reference, PRICE), new_key()
        first = asyncio.create_task(client.create_refund(wanted, key=key))
        # The twin must meet the first at the provider, so it does not look into the order before.
        await pause.reached()
        capture_id = (await client.get_payment(reference)).provider_payment_id
        twin = await client._wire.answer(
            "refund.create",
            "POST",
            f"/v2/payments/captures/{capture_id}/refund",
            client._wire.deadline(),
            effect=True,
            headers={"PayPal-Request-Id": key},
            body={},
        )
        assert (twin.status, twin.body["details"][0]["issue"]) == (409, "PREVIOUS_REQUEST_IN_PROGRESS")
        pause.end()
        assert (await first).status == "succeeded"


class TestGet:
    async def test_by_the_captures_or_the_authorizations_id(self, lab: "PayPalLab") -> None:
        client = lab.client()
        reference, done = await taken(lab, client)
        by_capture = PaymentReference(reference.payment_id, PRICE, provider_payment_id=done.provider_payment_id)
        assert await client.get_payment(by_capture) == await client.get_payment(reference)
        _, authorized = await held(lab, client)
        shown = await client.get_payment(authorized)
        by_authorization = PaymentReference(authorized.payment_id, PRICE, provider_payment_id=shown.provider_payment_id)
        assert await client.get_payment(by_authorization) == shown

    async def test_what_is_not_there(self, lab: "PayPalLab") -> None:
        for reference in (
            PaymentReference(new_id(PAYMENT), PRICE, provider_order_id="NOBODYS"),
            PaymentReference(new_id(PAYMENT), PRICE, provider_payment_id="NOBODYS"),
        ):
            with pytest.raises(ProviderRefusedUs) as caught:
                await lab.client().get_payment(reference)
            assert caught.value.reason == "not_found"

    async def test_ids_stay_inside_their_path(self, lab: "PayPalLab") -> None:
        reference = PaymentReference(new_id(PAYMENT), PRICE, provider_order_id="../../v1/oauth2/token?x=")
        with pytest.raises(ProviderRefusedUs):
            await lab.client().get_payment(reference)


class TestCreate:
    @pytest.mark.parametrize("method", ["upi", "netbanking", "emi"])
    async def test_a_method_that_paypal_has_not(self, lab: "PayPalLab", method: str) -> None:
        request = PaymentRequest(payment_id=new_id(PAYMENT), amount=PRICE, method=method)
        with pytest.raises(CapabilityUnsupported, match=method):
            await lab.client().create_payment(request, key=new_key())

    async def test_a_description_that_does_not_fit_is_refused_by_name(self, lab: "PayPalLab") -> None:
        request = PaymentRequest(payment_id=new_id(PAYMENT), amount=PRICE, description="x" * 128)
        with pytest.raises(InvalidRequest) as caught:
            await lab.client().create_payment(request, key=new_key())
        assert [error.field for error in caught.value.errors] == ["description"]

    async def test_another_order_than_the_one_asked_for_is_believed_in_nothing(self, lab: "PayPalLab") -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/token"):
                return httpx.Response(200, json={"access_token": "t", "expires_in": 32_400})
            return httpx.Response(201, json={"id": "A1", "status": "CREATED"})

        with pytest.raises(ProviderOutcomeUnknown):
            await lab.client(pool=httpx.MockTransport(answer)).create_payment(payment_request(PRICE), key=new_key())
