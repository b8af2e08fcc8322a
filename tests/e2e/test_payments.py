"""A payment's life over real HTTP: created, paid, called back, refunded; and the events that tell of it."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.e2e.world import World, check_problem, until

from onerouter_common.worker.started import provider_key_of
from onerouter_local.demo.subscriber import Received


def _sequence(events: Sequence[Received]) -> list[int]:
    return [event.body["sequence"] for event in events]


class TestPayment:
    async def test_is_paid_and_its_signed_events_are_gapless(self, world: World) -> None:
        payment = await world.create(receipt="order-1", metadata={"cart": "c-77"})
        assert payment["status"] in {"created", "requires_action"}
        assert (payment["amount"], payment["amount_minor"], payment["currency"]) == (499.0, 49_900, "INR")
        assert payment["transaction_id"] == payment["id"]
        assert payment["metadata"] == {"cart": "c-77"}
        assert payment["effect_guarantee"] == "exactly_once"
        paid = await world.pay(payment)
        succeeded = await world.reached(f"/v1/payments/{payment['id']}", "succeeded")
        assert succeeded["provider_payment_id"] == paid["payment_id"]
        assert succeeded["payment_method"] == "upi"
        events = await world.events_of(payment["id"], "payment.succeeded")
        assert _sequence(events) == list(range(1, len(events) + 1))
        assert events[0].type == "payment.created"
        assert events[-1].data["status"] == "succeeded"
        assert world.subscriber.refused == 0

    async def test_has_one_effect_at_the_provider(self, world: World) -> None:
        payment = await world.create()
        assert [effect["kind"] for effect in await world.effects(payment["id"])] == ["order.created"]

    async def test_is_found_by_each_of_its_ids(self, world: World) -> None:
        payment = await world.paid()
        for name in ("id", "provider_order_id", "provider_payment_id"):
            found = await world.api.get(f"/v1/payments/{payment[name]}")
            assert found.json()["id"] == payment["id"]

    async def test_a_customer_who_fails_first_can_still_pay(self, world: World) -> None:
        payment = await world.create()
        await world.pay(payment, outcome="failure", error_reason="payment_failed")
        failed = await world.events_of(payment["id"], "payment.failed")
        assert failed[-1].data["failure"]["code"]
        await world.pay(payment)
        await world.reached(f"/v1/payments/{payment['id']}", "succeeded")
        events = await world.events_of(payment["id"], "payment.succeeded")
        assert _sequence(events) == list(range(1, len(events) + 1))

    async def test_lists_page_without_gap_or_repetition(self, world: World) -> None:
        made = {(await world.create(receipt="page"))["id"] for _ in range(3)}
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await world.api.get("/v1/payments", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
            body = page.json()
            seen += [payment["id"] for payment in body["data"]]
            assert body["has_more"] is (body["next_cursor"] is not None)
            cursor = body["next_cursor"]
        assert (
            len(seen)
            == len(set(seen))
            == await world.count(
                "payments", "payments WHERE tenant_id = $1 AND environment = 'test'", world.stack.secrets.demo_tenant
            )
        )
        assert set(seen[:3]) == made
        only = await world.api.get("/v1/payments", params={"status": "succeeded", "limit": 100})
        assert {payment["status"] for payment in only.json()["data"]} <= {"succeeded"}

    async def test_can_be_asked_for_without_waiting(self, world: World) -> None:
        body = {"amount": "10.00", "currency": "INR"}
        answer = await world.api.post(
            "/v1/payments", json=body, headers={"Prefer": "respond-async", "Idempotency-Key": "async-1"}
        )
        assert answer.status_code == 202
        operation = await world.reached(answer.headers["location"], "succeeded")
        assert operation["id"] == answer.json()["id"]
        assert operation["effect"] == "committed"
        assert (await world.api.get(f"/v1/payments/{operation['resource']['id']}")).json()["amount_minor"] == 1_000

    async def test_carries_its_trace_to_the_worker(self, world: World) -> None:
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        await world.fault("throttle_429", provider="razorpay", operation="orders.create", retry_after_s=0)
        payment = await world.create(headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        assert payment["id"]
        log = world.stack.services["payments"].log_path
        await until(lambda: trace in log.read_text(), "the trace in the worker's log")


class TestCapture:
    async def test_takes_an_authorized_payment(self, world: World) -> None:
        payment = await world.create(capture="manual")
        paid = await world.pay(payment)
        await world.reached(f"/v1/payments/{payment['id']}", "authorized")
        captured = await world.api.post(f"/v1/payments/{payment['id']}/capture", headers={"Idempotency-Key": "cap-1"})
        assert captured.status_code == 200, captured.text
        assert captured.json()["status"] == "succeeded"
        assert len(await world.effects(paid["payment_id"])) == 1

    async def test_of_an_unpaid_payment_is_refused(self, world: World) -> None:
        payment = await world.create(capture="manual")
        check_problem(await world.api.post(f"/v1/payments/{payment['id']}/capture"), 409, "CONFLICT")


class TestCancel:
    async def test_is_refused_where_the_provider_cannot(self, world: World) -> None:
        payment = await world.create()
        answer = await world.api.post(f"/v1/payments/{payment['id']}/cancel")
        told = check_problem(answer, 422, "CAPABILITY_UNSUPPORTED")["detail"]
        assert "Razorpay has no void call." in told
        assert told.endswith("Supported by: paypal, stripe.")


class TestRefund:
    async def test_in_parts_until_nothing_is_left(self, world: World) -> None:
        payment = await world.paid()
        first = await world.refund(payment, amount="199.00", reason="damaged")
        assert (first["amount_minor"], first["payment_id"]) == (19_900, payment["id"])
        await world.reached(f"/v1/refunds/{first['id']}", "succeeded")
        part = await world.reached(f"/v1/payments/{payment['id']}", "partially_refunded")
        assert part["amount_refunded_minor"] == 19_900
        rest = await world.refund(payment)
        assert rest["amount_minor"] == 30_000
        await world.reached(f"/v1/payments/{payment['id']}", "refunded")
        events = await world.events_of(payment["id"], "payment.refunded")
        assert _sequence(events) == list(range(1, len(events) + 1))
        listed = (await world.api.get("/v1/refunds", params={"payment_id": payment["id"]})).json()["data"]
        assert {refund["id"] for refund in listed} == {first["id"], rest["id"]}

    async def test_of_more_than_is_left_is_refused(self, world: World) -> None:
        payment = await world.paid()
        await world.refund(payment, amount="400.00")
        problem = await world.refund(payment, amount="99.01", expect=422)
        assert "99.00 INR is left" in problem["detail"]
        assert [error["field"] for error in problem["errors"]] == ["amount"]

    async def test_by_the_providers_payment_id(self, world: World) -> None:
        payment = await world.paid()
        refund = await world.refund({"id": payment["provider_payment_id"]}, amount="1.00")
        assert refund["payment_id"] == payment["id"]

    async def test_of_an_unpaid_payment_is_refused(self, world: World) -> None:
        payment = await world.create()
        await world.refund(payment, expect=409)

    async def test_two_at_once_never_return_more_than_was_paid(self, world: World) -> None:
        payment = await world.paid(amount="100.00")
        answers = await asyncio.gather(
            *(
                world.api.post(
                    "/v1/refunds",
                    json={"payment_id": payment["id"], "amount": "60.00"},
                    headers={"Idempotency-Key": f"race-{payment['id']}-{number}"},
                )
                for number in range(4)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422]


class TestTrouble:
    async def test_a_timeout_after_the_effect_is_found_not_repeated(self, world: World) -> None:
        await world.fault("timeout_after_effect", operation="orders.create", hold_s=20)
        payment = await world.create()
        assert len(await world.effects(payment["id"])) == 1

    async def test_a_refund_that_timed_out_is_made_once(self, world: World) -> None:
        payment = await world.paid()
        await world.fault("timeout_after_effect", operation="refunds.create", hold_s=20)
        answer = await world.api.post(
            "/v1/refunds", json={"payment_id": payment["id"]}, headers={"Idempotency-Key": f"slow-{payment['id']}"}
        )
        assert answer.status_code == 201, answer.text
        key = provider_key_of(answer.headers["x-onerouter-operation-id"])
        assert len(await world.effects(key)) == 1

    async def test_a_bad_day_of_the_provider_is_sat_out(self, world: World) -> None:
        await world.fault("refuse_connection", operation="orders.create")
        payment = await world.create()
        assert len(await world.effects(payment["id"])) == 1

    async def test_an_amount_the_provider_does_not_take_is_refused(self, world: World) -> None:
        answer = await world.api.post("/v1/payments", json={"amount": "0.50", "currency": "INR"})
        problem = check_problem(answer, 422, "VALIDATION_ERROR")
        assert problem["effect"] == "none"

    async def test_credentials_that_the_provider_refuses_are_our_problem(self, world: World) -> None:
        secrets = world.stack.secrets
        account = {
            "key_id": secrets.sandbox_key_id,
            "key_secret": secrets.sandbox_key_secret,
            "webhook_url": world.stack.addresses.url("webhooks") + secrets.demo_callback_path,
            "webhook_secret": secrets.sandbox_webhook_secret,
        }
        changed = {**account, "key_secret": "changed-by-the-merchant"}
        (await world.sandbox.post("/control/razorpay/accounts", json=changed)).raise_for_status()
        try:
            answer = await world.api.post("/v1/payments", json={"amount": "5.00", "currency": "INR"})
        finally:
            (await world.sandbox.post("/control/razorpay/accounts", json=account)).raise_for_status()
        problem = check_problem(answer, 502, "PROVIDER_ERROR")
        assert (problem["provider"], problem["effect"], problem["retryable"]) == ("razorpay", "none", False)
        operation = (await world.api.get(f"/v1/operations/{problem['operation_id']}")).json()
        assert (operation["status"], operation["effect"]) == ("failed", "none")

    async def test_a_refund_that_the_provider_declines_is_a_decline(self, world: World) -> None:
        payment = await world.paid()
        # The merchant returns it in the provider's dashboard, and we hear of it later than we ask.
        await world.fault("late_callback", provider="razorpay", operation="refund.*", times=2, delay_s=10)
        secrets = world.stack.secrets
        path = f"/razorpay/v1/payments/{payment['provider_payment_id']}/refund"
        (
            await world.sandbox.post(path, json={}, auth=(secrets.sandbox_key_id, secrets.sandbox_key_secret))
        ).raise_for_status()
        answer = await world.api.post("/v1/refunds", json={"payment_id": payment["id"]})
        problem = check_problem(answer, 402, "REFUND_FAILED")
        assert (problem["provider"], problem["effect"]) == ("razorpay", "none")
        await world.reached(f"/v1/payments/{payment['id']}", "refunded")


@pytest.mark.parametrize("path", ["/v1/payments/order_doesnotexist", "/v1/payments/pay_0000"])
async def test_an_id_that_nothing_has_is_not_found(world: World, path: str) -> None:
    check_problem(await world.api.get(path), 404, "PAYMENT_NOT_FOUND")
