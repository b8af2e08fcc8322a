"""The straight path: a request, a command on the log, a reply, an answer."""

from typing import Any


async def test_a_payment_goes_through_the_log_and_back(gateway: Any, world: Any, tenant: Any) -> None:
    answer = await gateway.http.post(
        "/v1/payments", json={"amount": "499.00", "notes": {"order": 7}, "unheard_of": 1}, headers=tenant.auth
    )
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["amount_minor"] == 49_900
    assert body["payload"]["currency"] == "INR"
    assert body["payload"]["notes"] == {"order": "7"}
    command = next(c for c in world.worker.commands if c.tenant_id == tenant.id)
    assert command.operation == "payment.create"
    assert command.ordering_key == command.resource_id == body["id"]
    assert command.api_key_id == tenant.principal["api_key_id"]
    assert answer.headers["x-onerouter-operation-id"] == command.operation_id
    assert "idempotency-replayed" not in answer.headers
