"""A payment whose outcome stays unknown: its tenant is told that somebody looks at it, once."""

from tests.e2e.world import World

ASKED = ("unknown", "executing")
"""In doubt; now and then the provider is just being asked."""


async def test_a_payment_that_stays_in_doubt_is_told_of(world: World) -> None:
    # It goes on until it is told of, however late somebody looks for what is in doubt.
    await world.fault("error_5xx", provider="razorpay", operation="orders.create", times=1_000)
    try:
        answer = await world.api.post(
            "/v1/payments", json={"amount": "499.00", "currency": "INR"}, headers={"Prefer": "respond-async"}
        )
        operation_id = answer.headers["x-onerouter-operation-id"]
        [told] = await world.events_of(operation_id, "operation.stuck")
        shown = (await world.api.get(f"/v1/operations/{operation_id}")).json()
    finally:
        (await world.sandbox.delete("/control/faults")).raise_for_status()
    data = told.data
    assert (data["id"], data["operation"]) == (operation_id, "payment.create")
    assert data["state"] in ASKED
    assert (data["reason"], data["provider"], data["resource"]["kind"]) == ("deadline", "razorpay", "payment")
    assert shown["status"] in ASKED
    assert shown["resource"]["id"] == data["resource"]["id"]
