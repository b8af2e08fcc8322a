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


async def test_what_routing_may_ask_for_reaches_the_worker(gateway: Any, tenant: Any) -> None:
    async def payload(**said: Any) -> dict[str, Any]:
        answer = await gateway.http.post("/v1/payments", json={"amount": 499, **said}, headers=tenant.auth)
        assert answer.status_code == 201, answer.text
        sent: dict[str, Any] = answer.json()["payload"]
        return sent

    named = await payload(country="in", channel=" pos ", customer={"address": {"country": "DE"}})
    assert (named["country"], named["channel"]) == ("IN", "pos")
    lived = await payload(customer={"name": "A", "address": {"country": "de", "line1": "x"}})
    assert (lived["country"], lived["customer"]) == ("DE", {"name": "A"})
    nowhere: list[Any] = [{"country": "Germany"}, {"country": 7}, "Berlin", []]
    for address in nowhere:
        assert "country" not in await payload(customer={"address": address})


async def test_a_country_that_is_none_is_refused(gateway: Any, tenant: Any) -> None:
    for wrong in ("UK", "Germany", "", "\u0130N"):
        answer = await gateway.http.post("/v1/payments", json={"amount": 499, "country": wrong}, headers=tenant.auth)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "country")
    answer = await gateway.http.post("/v1/payments", json={"amount": 499, "channel": "x" * 41}, headers=tenant.auth)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "channel")
