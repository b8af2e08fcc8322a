"""What happened to an operation, from the gateway's own description of it: and what the payment cost."""

from typing import Any
from uuid import uuid4

from tests.e2e.furnishing import A_LETTER, A_TEXT
from tests.e2e.world import World

from onerouter_gateway.operations.schemas import Operation, OperationTimeline


async def timeline(world: World, resource_id: str, kind: str) -> dict[str, Any]:
    """Of the operation that made the resource; it fits its description."""
    listed = (await world.api.get("/v1/operations", params={"resource_id": resource_id, "operation": kind})).json()
    (operation,) = (Operation.model_validate(one) for one in listed["data"])
    answer = await world.api.get(f"/v1/operations/{operation.id}/timeline")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    OperationTimeline.model_validate(body)
    return body


async def test_a_payment_that_was_paid_and_refunded(world: World) -> None:
    payment = await world.paid()
    refund = await world.refund(payment, amount="100.00")
    await world.reached(f"/v1/payments/{payment['id']}", "partially_refunded")
    told = await timeline(world, payment["id"], "payment.create")
    kinds = [entry["kind"] for entry in told["data"]]
    assert kinds[:4] == ["accepted", "routed", "attempt", "event"]
    assert {"callback", "finished"} <= set(kinds)
    events = [entry["data"] for entry in told["data"] if entry["kind"] == "event"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [event["type"] for event in events][-1] == "payment.partially_refunded"
    paid = next(event for event in events if event["type"] == "payment.succeeded")
    callbacks = {entry["data"]["callback_id"]: entry["data"] for entry in told["data"] if entry["kind"] == "callback"}
    assert paid["source"] == "callback"
    assert "payment.succeeded" in [changed["type"] for changed in callbacks[paid["callback_id"]]["changed"]]
    # Razorpay keeps 2 % and 18 % of tax on it, and says so.
    cost = {"amount": 11.78, "amount_minor": 1_178, "currency": "INR", "estimated": False}
    assert told["cost"] == cost
    shown = (await world.api.get(f"/v1/payments/{payment['id']}")).json()
    assert (shown["cost"], shown["amount_received"], shown["amount_mismatch"]) == (cost, 499.0, None)
    assert (await timeline(world, refund["id"], "refund.create"))["cost"] is None


async def test_what_the_provider_has_not_said_is_estimated(world: World) -> None:
    payment = await world.create(provider="stripe", currency="USD", amount="49.90")
    assert payment["cost"] is None
    path = f"/control/stripe/payments/{payment['provider_order_id']}/pay"
    (await world.sandbox.post(path, json={})).raise_for_status()
    paid = await world.reached(f"/v1/payments/{payment['id']}", "succeeded")
    # 2.9 % and 30 cents, by Stripe's price list: what its callbacks tell is no fee.
    assert paid["cost"] == {"amount": 1.75, "amount_minor": 175, "currency": "USD", "estimated": True}
    (operation,) = (await world.api.get("/v1/operations", params={"resource_id": payment["id"]})).json()["data"]
    assert operation["cost"] == paid["cost"]


async def test_the_log_of_all_categories_is_asked_by_any_filter(world: World) -> None:
    """And each operation tells all of itself: what was done to what, where it went and why, each call, what it came to."""
    order, keys = uuid4().hex, {}
    made: dict[str, str] = {}
    for category, path, body in (
        ("payments", "/v1/payments", {"amount": "10.00", "currency": "INR"}),
        ("sms", "/v1/sms", A_TEXT),
        ("email", "/v1/email", A_LETTER),
    ):
        keys[category] = uuid4().hex
        answer = await world.api.post(
            path, json={**body, "metadata": {"order": order}}, headers={"Idempotency-Key": keys[category]}
        )
        assert answer.status_code == 201, answer.text
        made[category] = answer.json()["id"]

    async def found(**params: str) -> list[dict[str, Any]]:
        answer = await world.api.get("/v1/operations", params=params)
        assert answer.status_code == 200, answer.text
        return [Operation.model_validate(one).model_dump(mode="json") for one in answer.json()["data"]]

    everything = await found(**{"metadata[order]": order})
    assert [one["category"] for one in everything] == ["email", "sms", "payments"]
    for one in everything:
        category = one["category"]
        action = "create" if category == "payments" else "send"
        narrow = {"status": "succeeded", "action": action, "provider": one["provider"], "category": category}
        assert await found(**narrow, **{"metadata[order]": order}) == [one]
        assert await found(resource=made[category], action=action) == [one]
        assert await found(idempotency_key=keys[category]) == [one]
        assert await found(idempotency_key=keys[category], status="failed") == []
        shown = Operation.model_validate((await world.api.get(f"/v1/operations/{one['id']}")).json())
        assert (shown.action, shown.resource.id, shown.effect) == (action, made[category], "committed")
        assert (shown.error, shown.metadata) == (None, {"order": order})
        assert shown.routing is not None
        assert shown.routing.reason
        assert [(call["kind"], call["outcome"], call["provider"]) for call in shown.attempts] == [
            ("call", "succeeded", one["provider"])
        ]
        told = await timeline(world, made[category], one["operation"])
        kinds = [entry["kind"] for entry in told["data"]]
        assert kinds[:3] == ["accepted", "routed", "attempt"]
        assert {"event", "finished"} <= set(kinds)
