"""Routing as its tenant meets it: a policy is put, payments follow it within a second, each says why it went there."""

from typing import Any

import httpx
from tests.e2e.shop import GOOD, Shop
from tests.e2e.tenants import administration
from tests.e2e.world import check_problem, until


async def test_payments_follow_a_policy_and_say_why(shop: Shop) -> None:
    before = await shop.pay()
    assert (before["connection_id"], before["routing"]["by"]) == (shop.first, "priority")
    await shop.route({"rules": [{"name": "abroad", "when": {"country": ["DE"]}, "failover": [shop.second]}]})
    abroad: dict[str, Any] = {}

    async def has_moved() -> bool:
        abroad.update(await shop.pay(country="DE"))
        return bool(abroad["connection_id"] == shop.second)

    await until(has_moved, "the policy to reach the worker", lambda: abroad)
    assert (abroad["routing"]["rule"], abroad["routing"]["policy_version"]) == ("abroad", 1)
    assert [one["reason"] for one in abroad["routing"]["refused"]] == ["not_named"]
    explained = (await shop.client.post("/api/routing/explain", json={"country": "DE"})).json()
    assert explained["connection"]["connection_id"] == shop.second
    assert (await shop.pay(country="IN"))["connection_id"] == shop.first
    lived = await shop.pay(customer={"address": {"country": "DE"}})
    assert lived["connection_id"] == shop.second


async def test_a_refund_goes_where_its_payment_went(shop: Shop) -> None:
    operation = await shop.pay()
    payment = (await shop.client.get(f"/v1/payments/{operation['resource']['id']}")).json()
    await shop.world.pay(payment)

    async def is_paid() -> bool:
        seen = (await shop.client.get(f"/v1/payments/{payment['id']}")).json()
        return bool(seen["status"] == "succeeded")

    await until(is_paid, "the payment to succeed")
    await shop.route({"default": {"failover": [shop.second]}})
    answer = await shop.client.post("/v1/refunds", json={"payment_id": payment["id"]})
    assert answer.status_code == 201, answer.text
    refund = await shop.operation_of(answer)
    assert (refund["connection_id"], refund["routing"]["by"]) == (shop.first, "resource")


async def test_a_switched_off_provider_says_so_and_comes_back(shop: Shop) -> None:
    await shop.pay()
    async with administration(shop.world.stack) as admin:
        await admin.switches.disable("payments", "razorpay", "an incident")
        try:
            answers: list[httpx.Response] = []

            async def is_off() -> bool:
                answers.append(await shop.client.post("/v1/payments", json={**GOOD, "provider": "razorpay"}))
                return answers[-1].status_code != 201

            await until(is_off, "the switch to be heard of")
            check_problem(answers[-1], 503, "PROVIDER_DISABLED")
        finally:
            await admin.switches.enable("payments", "razorpay")

    async def is_on() -> bool:
        return (await shop.client.post("/v1/payments", json=GOOD)).status_code == 201

    await until(is_on, "the switch to be heard of")
