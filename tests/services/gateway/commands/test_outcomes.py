"""What a caller gets for every way an operation can go."""

import asyncio
from typing import Any

from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.replies import Problem, Reply
from onerouter_common.ids import is_id
from onerouter_gateway.compatibility.schemas import LegacyAccepted
from onerouter_gateway.operations.schemas import AcceptedOperation

PAY = {"amount": "499.00"}


def _reply(command: Command, **fields: Any) -> Reply:
    base = {"operation_id": command.operation_id, "made_by": command.command_id, "resource_id": command.resource_id}
    return Reply(**{**base, "fingerprint": command.fingerprint, **fields})


def _succeeded(command: Command) -> Reply:
    return _reply(command, state="succeeded", status=201, result={"id": command.resource_id})


async def _declined(command: Command) -> Reply:
    problem = Problem(
        status=402, code="PAYMENT_FAILED", title="Declined", detail="The card was declined.", provider="razorpay"
    )
    return _reply(command, state="failed", problem=problem)


async def _unknown(command: Command) -> Reply:
    problem = Problem(status=202, code="PROVIDER_ERROR", title="x", detail="No answer came.", effect="unknown")
    return _reply(command, state="unknown", status=202, problem=problem)


async def _lost(command: Command) -> Reply:
    problem = Problem(status=500, code="INTERNAL_ERROR", title="x", detail="It was done.", effect="committed")
    return _reply(command, state="succeeded", status=202, problem=problem)


async def _never(command: Command) -> None:
    return None


async def test_a_decline_is_402(gateway: Any, world: Any, tenant: Any) -> None:
    world.worker.outcomes[tenant.id] = _declined
    answer = await gateway.http.post("/v1/payments", json=PAY, headers=tenant.auth)
    body = answer.json()
    assert (answer.status_code, body["code"], body["provider"]) == (402, "PAYMENT_FAILED", "razorpay")
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["instance"] == "/v1/payments"
    assert is_id("op", body["operation_id"])


async def test_an_unknown_outcome_is_202(gateway: Any, world: Any, tenant: Any) -> None:
    world.worker.outcomes[tenant.id] = _unknown
    answer = await gateway.http.post("/v1/payments", json=PAY, headers=tenant.auth)
    assert answer.status_code == 202
    assert AcceptedOperation.model_validate(answer.json()).effect == "unknown"
    old = await gateway.http.post("/api/v1/payments", json={"amount": 49_900}, headers=tenant.auth)
    assert LegacyAccepted.model_validate(old.json()).status == "processing"
    assert answer.headers["location"] == f"/v1/operations/{answer.json()['id']}"


async def test_what_was_done_is_said_to_be_done_also_where_its_result_is_lost(
    gateway: Any, world: Any, tenant: Any
) -> None:
    world.worker.outcomes[tenant.id] = _lost
    answer = await gateway.http.post("/v1/payments", json=PAY, headers=tenant.auth)
    body = answer.json()
    assert (answer.status_code, body["status"], body["effect"]) == (202, "succeeded", "committed")
    assert (body["detail"], body["error"]["code"]) == ("It was done.", "INTERNAL_ERROR")
    assert AcceptedOperation.model_validate(body).effect == "committed"
    old = await gateway.http.post("/api/v1/payments", json={"amount": 49_900}, headers=tenant.auth)
    assert (old.status_code, old.json()["status"], old.json()["effect"]) == (202, "completed", "committed")
    assert LegacyAccepted.model_validate(old.json()).id == old.json()["id"]


async def test_a_wait_that_ends_is_202_with_the_operation(gateway: Any, world: Any, tenant: Any) -> None:
    world.worker.outcomes[tenant.id] = _never
    answer = await gateway.http.post("/v1/payments", json=PAY, headers={**tenant.auth, "Prefer": "wait=1"})
    assert answer.status_code == 202
    command = next(c for c in world.worker.commands if c.tenant_id == tenant.id)
    assert answer.json()["id"] == command.operation_id
    assert answer.json()["resource_id"] == command.resource_id
    assert answer.headers["location"] == f"/v1/operations/{command.operation_id}"


async def test_respond_async_does_not_wait(world: Any, tenant: Any) -> None:
    """Whoever waits there does so for longer than the test would wait for the answer."""
    world.worker.outcomes[tenant.id] = _never
    async with world.gateway(default_wait_s=60) as gateway:
        answer = await gateway.http.post("/v1/payments", json=PAY, headers={**tenant.auth, "Prefer": "respond-async"})
    assert answer.status_code == 202


async def test_a_lost_reply_is_made_good_by_asking(gateway: Any, world: Any, tenant: Any) -> None:
    async def finish_without_replying(command: Command) -> None:
        world.services.operations[command.operation_id] = tenant.operation(
            command, state="succeeded", result={"id": command.resource_id, "status": "created"}
        )

    world.worker.outcomes[tenant.id] = finish_without_replying
    answer = await gateway.http.post("/v1/payments", json=PAY, headers={**tenant.auth, "Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["status"]) == (201, "created")


async def test_a_lost_answer_to_another_request_is_not_given_to_this_one(gateway: Any, world: Any, tenant: Any) -> None:
    async def finish_without_replying(command: Command) -> None:
        world.services.operations[command.operation_id] = tenant.operation(
            command, state="succeeded", result={"id": command.resource_id}, fingerprint="e" * 64
        )

    world.worker.outcomes[tenant.id] = finish_without_replying
    headers = {**tenant.auth, "Prefer": "wait=1", "Idempotency-Key": "lost"}
    answer = await gateway.http.post("/v1/payments", json=PAY, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_lost_refusal_is_made_good_too(gateway: Any, world: Any, tenant: Any) -> None:
    async def fail_without_replying(command: Command) -> None:
        problem = {"status": 402, "code": "PAYMENT_FAILED", "title": "x", "detail": "Declined."}
        world.services.operations[command.operation_id] = tenant.operation(command, state="failed", problem=problem)

    world.worker.outcomes[tenant.id] = fail_without_replying
    answer = await gateway.http.post("/v1/payments", json=PAY, headers={**tenant.auth, "Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["code"]) == (402, "PAYMENT_FAILED")


async def test_concurrent_twins_are_one_operation_with_one_effect(gateway: Any, world: Any, tenant: Any) -> None:
    release = asyncio.Event()

    async def when_released(command: Command) -> Reply:
        await release.wait()
        return _succeeded(command)

    world.worker.outcomes[tenant.id] = when_released
    headers = {**tenant.auth, "Idempotency-Key": "twins"}
    # However the amount is written, it is the same request.
    bodies = [{"amount": "499.00"}, {"amount": 499}, {"amount": 499.0, "capture": "automatic"}, {"amount": "499"}] * 5
    twins = [asyncio.create_task(gateway.http.post("/v1/payments", json=body, headers=headers)) for body in bodies]
    while len([c for c in world.worker.commands if c.tenant_id == tenant.id]) < len(bodies):
        await asyncio.sleep(0.01)
    release.set()
    answers = await asyncio.gather(*twins)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    commands = [c for c in world.worker.commands if c.tenant_id == tenant.id]
    assert len({c.operation_id for c in commands}) == len({c.resource_id for c in commands}) == 1
    assert world.worker.effects[commands[0].operation_id] == 1
    assert len([a for a in answers if a.headers.get("idempotency-replayed") == "true"]) == len(bodies) - 1


async def test_a_repeat_gets_the_first_answer(gateway: Any, world: Any, tenant: Any) -> None:
    body = {**PAY, "idempotency_key": "again"}
    first = await gateway.http.post("/v1/payments", json=body, headers=tenant.auth)
    second = await gateway.http.post("/v1/payments", json=PAY, headers={**tenant.auth, "Idempotency-Key": "again"})
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"


async def test_another_body_under_the_key_is_422(gateway: Any, world: Any, tenant: Any) -> None:
    headers = {**tenant.auth, "Idempotency-Key": "reused"}
    assert (await gateway.http.post("/v1/payments", json=PAY, headers=headers)).status_code == 201
    answer = await gateway.http.post("/v1/payments", json={"amount": 500}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_another_body_while_the_first_is_in_flight_is_422_and_the_first_is_unharmed(
    gateway: Any, world: Any, tenant: Any
) -> None:
    release = asyncio.Event()

    async def when_released(command: Command) -> Reply:
        await release.wait()
        return _succeeded(command)

    world.worker.outcomes[tenant.id] = when_released
    headers = {**tenant.auth, "Idempotency-Key": "differs"}
    first = asyncio.create_task(gateway.http.post("/v1/payments", json=PAY, headers=headers))
    while not [c for c in world.worker.commands if c.tenant_id == tenant.id]:
        await asyncio.sleep(0.01)
    other = await gateway.http.post("/v1/payments", json={"amount": 500}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert not first.done()
    release.set()
    assert (await first).status_code == 201


async def test_the_same_key_in_two_environments_is_two_operations(gateway: Any, world: Any) -> None:
    live = world.tenant(environment="live")
    headers = {**live.auth, "Idempotency-Key": "k"}
    first = await gateway.http.post("/v1/payments", json=PAY, headers=headers)
    second = await gateway.http.post("/v1/payments", json={**PAY, "environment": "test"}, headers=headers)
    assert first.json()["id"] != second.json()["id"]
    assert [c.environment for c in world.worker.commands if c.tenant_id == live.id] == ["live", "test"]


async def test_in_flight_with_respond_async_is_409(gateway: Any, world: Any, tenant: Any) -> None:
    async def begin(command: Command) -> None:
        world.services.operations[command.operation_id] = tenant.operation(command)

    world.worker.outcomes[tenant.id] = begin
    headers = {**tenant.auth, "Idempotency-Key": "slow", "Prefer": "respond-async"}
    assert (await gateway.http.post("/v1/payments", json=PAY, headers=headers)).status_code == 202
    while not [c for c in world.worker.commands if c.tenant_id == tenant.id]:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0)
    answer = await gateway.http.post("/v1/payments", json=PAY, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "OPERATION_IN_FLIGHT")
    (begun,) = [c for c in world.worker.commands if c.tenant_id == tenant.id]
    assert answer.json()["operation_id"] == answer.headers["x-onerouter-operation-id"] == begun.operation_id
    other = await gateway.http.post("/v1/payments", json={"amount": 1}, headers=headers)
    assert other.status_code == 422


async def test_refunds_and_changes_are_keyed_by_their_payment(gateway: Any, world: Any, tenant: Any) -> None:
    payment = tenant.payment("pay_ours", currency="JPY")
    world.services.payments["order_theirs"] = payment
    capture = await gateway.http.post("/v1/payments/order_theirs/capture", json={"amount": 5}, headers=tenant.auth)
    assert capture.status_code == 200, capture.text
    cancel = await gateway.http.post("/v1/payments/order_theirs/cancel", headers=tenant.auth)
    assert cancel.status_code == 200
    refund = await gateway.http.post("/v1/refunds", json={"payment_id": "order_theirs"}, headers=tenant.auth)
    assert refund.status_code == 201
    commands = {c.operation: c for c in world.worker.commands if c.tenant_id == tenant.id}
    assert commands["payment.capture"].payload == {"payment_id": "pay_ours", "amount_minor": 5}
    assert commands["payment.cancel"].resource_id == "pay_ours"
    assert is_id("re", commands["refund.create"].resource_id)
    assert {c.ordering_key for c in commands.values()} == {"pay_ours"}
    decimals = await gateway.http.post(
        "/v1/refunds", json={"payment_id": "order_theirs", "amount": "1.5"}, headers=tenant.auth
    )
    assert decimals.status_code == 422


async def test_queries_are_forwarded_as_they_are(gateway: Any, world: Any, tenant: Any) -> None:
    answer = await gateway.http.get("/v1/payments?status=succeeded&limit=5", headers=tenant.auth)
    assert answer.json() == {"data": [], "has_more": False, "next_cursor": None}
    assert ("/internal/payments", tenant.id, "test", "status=succeeded&limit=5") in world.services.asked
    answer = await gateway.http.get("/v1/refunds?limit=1000", headers=tenant.auth)
    assert (answer.status_code, answer.json()["instance"]) == (422, "/v1/refunds")


async def test_a_service_that_is_away_is_503(gateway: Any, world: Any, tenant: Any) -> None:
    world.services.away.add("refunds")
    answer = await gateway.http.get("/v1/refunds/re_1", headers=tenant.auth)
    world.services.away.clear()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_webhook_endpoints_are_the_webhooks_services(gateway: Any, world: Any, tenant: Any) -> None:
    answer = await gateway.http.post(
        "/v1/webhook-endpoints", json={"url": "https://example.com", "idempotency_key": "k"}, headers=tenant.auth
    )
    assert "idempotency_key" not in answer.json()
    assert (answer.status_code, answer.json()["url"]) == (201, "https://example.com")
    answer = await gateway.http.delete("/v1/webhook-endpoints/nonsense", headers=tenant.auth)
    assert answer.status_code == 404
