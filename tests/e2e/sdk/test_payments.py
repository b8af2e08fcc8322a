"""Payments, refunds and their operations by the published client: results, keys, pages, errors, and one effect."""

import json
from decimal import Decimal
from uuid import uuid4

import pytest
from tests.e2e.sdk.driver import Sdk, reached
from tests.e2e.world import World

from onerouter import (
    Accepted,
    AuthenticationError,
    ConflictError,
    IdempotencyMismatchError,
    NotFoundError,
    OneRouterSync,
    ValidationError,
)
from onerouter.testing import api_key
from onerouter.types import Payment


async def paid(sdk: Sdk, world: World) -> Payment:
    payment: Payment = await sdk.call("payments.create", amount=Decimal("499.00"), currency="INR")
    await world.pay(payment)
    done: Payment = await reached(sdk, "payments.get", payment.id, "succeeded")
    return done


class TestPayments:
    async def test_are_made_once_however_often_they_are_asked_for(self, sdk: Sdk, world: World) -> None:
        key, asked = f"order-{uuid4()}", {"amount": "499.00", "currency": "INR", "metadata": {"order": "1042"}}
        first = await sdk.call("payments.create", **asked, idempotency_key=key)
        assert isinstance(first, Payment)
        assert first.id == first["transaction_id"] == json.loads(json.dumps(first))["id"]
        assert (first.amount_minor, first.currency, first.status) == (49_900, "INR", "created")
        assert first.response.status_code == 201
        assert first.response.request_id
        assert first.response.idempotency_key == first.idempotency_key == key
        again = await sdk.call("payments.create", **asked, idempotency_key=key)
        assert (again.id, again.response.replayed) == (first.id, True)
        with pytest.raises(IdempotencyMismatchError) as refused:
            await sdk.call("payments.create", **{**asked, "amount": 1}, idempotency_key=key)
        assert (refused.value.status_code, refused.value.effect) == (422, "none")
        assert len(await world.effects(first.id)) == 1

    async def test_are_made_once_where_the_answer_of_the_provider_is_lost(self, sdk: Sdk, world: World) -> None:
        await world.fault("timeout_after_effect", operation="orders.create", hold_s=20)
        made = await sdk.call("payments.create", amount="12.00", currency="INR", wait=1)
        if isinstance(made, Accepted):
            assert made.effect in ("none", "unknown")
            made = await sdk.waited(made, 60)
        assert isinstance(made, Payment)
        assert len(await world.effects(made.id)) == 1

    async def test_need_not_be_waited_for(self, sdk: Sdk) -> None:
        key = f"later-{uuid4()}"
        accepted = await sdk.call("payments.create", amount=10, wait=False, idempotency_key=key)
        assert isinstance(accepted, Accepted)
        operation = await sdk.call("operations.wait", accepted.operation_id, 60)
        assert (operation.status, operation.effect, operation.operation) == ("succeeded", "committed", "payment.create")
        payment = await sdk.waited(accepted, 60)
        assert (payment.id, payment.amount_minor) == (operation.resource.id, 1_000)
        timeline = await sdk.call("operations.timeline", accepted.operation_id)
        assert [timeline.data[0].kind, timeline.data[-1].kind] == ["accepted", "finished"]
        (found,) = await sdk.all_of("operations.list", idempotency_key=key)
        assert found.id == accepted.operation_id
        again = await sdk.call("payments.create", amount=10, wait=False, idempotency_key=key)
        assert isinstance(again, Accepted)
        assert (again.operation_id, again.status) == (accepted.operation_id, "succeeded")
        assert (await sdk.waited(again, 60)).id == payment.id

    async def test_are_refunded_in_parts(self, sdk: Sdk, world: World) -> None:
        payment = await paid(sdk, world)
        for amount in ("100.00", 50, Decimal("25.50")):
            refund = await sdk.call("payments.refund", payment.id, amount=amount, reason="damaged")
            assert (refund.payment_id, refund.currency) == (payment.id, "INR")
        pages = await sdk.pages_of("refunds.list", payment_id=payment.id, limit=2)
        assert [[one.amount_minor for one in page] for page in pages] == [[2_550, 5_000], [10_000]]
        every = await sdk.all_of("refunds.list", payment_id=payment.id, limit=1)
        assert len(every) == 3
        assert (await reached(sdk, "refunds.get", every[0].id, "succeeded")).id == every[0].id


class TestErrors:
    async def test_name_the_field(self, sdk: Sdk) -> None:
        with pytest.raises(ValidationError) as raised:
            await sdk.call("payments.create", amount="1.999", currency="INR")
        error = raised.value
        assert (error.status_code, error.code, error.attempts) == (422, "VALIDATION_ERROR", 1)
        assert [each["field"] for each in error.errors] == ["amount"]
        assert error.trace_id
        assert error.request_id

    async def test_of_what_is_not_there(self, sdk: Sdk) -> None:
        with pytest.raises(NotFoundError) as raised:
            await sdk.call("payments.get", "order_nobody")
        assert raised.value.code == "PAYMENT_NOT_FOUND"

    async def test_of_a_state_and_of_what_a_provider_cannot(self, sdk: Sdk) -> None:
        held = await sdk.call("payments.create", amount=5, capture="manual")
        with pytest.raises(ConflictError):
            await sdk.call("payments.capture", held.id)
        with pytest.raises(ValidationError) as raised:
            await sdk.call("payments.cancel", held.id)
        assert raised.value.code == "CAPABILITY_UNSUPPORTED"

    def test_of_a_key_that_opens_nothing(self, world: World) -> None:
        url = world.stack.services["gateway"].spec.url
        with OneRouterSync(api_key(), url) as client, pytest.raises(AuthenticationError) as raised:
            client.payments.get("pay_1")
        assert raised.value.code == "UNAUTHORIZED"
