"""A connection whose calls keep failing, as its tenant sees it: others take over, and it comes back by itself."""

from typing import Any

import httpx
from tests.e2e.shop import GOOD, Shop
from tests.e2e.world import until


async def break_first(shop: Shop) -> list[str]:
    """Payments until the worker leaves the first account alone; the operations whose outcome nobody knows."""
    fault = {"kind": "error_5xx", "operation": "orders.create", "key_id": shop.accounts[0]}
    (await shop.world.sandbox.post("/control/faults", json=fault)).raise_for_status()
    lost: list[str] = []
    for _ in range(5):
        answer = await shop.client.post("/v1/payments", json=GOOD, headers={"Prefer": "respond-async"})
        lost.append(answer.headers["x-onerouter-operation-id"])

        async def is_in_doubt() -> bool:
            return bool((await operation(shop, lost[-1])).get("status") == "unknown")

        await until(is_in_doubt, "the payment to be in doubt")
    return lost


async def operation(shop: Shop, operation_id: str) -> dict[str, Any]:
    answer: httpx.Response = await shop.client.get(f"/v1/operations/{operation_id}")
    return dict(answer.json())


async def test_the_next_account_takes_over_and_the_first_comes_back(shop: Shop) -> None:
    try:
        lost = await break_first(shop)
        taken = await shop.pay()
        assert taken["connection_id"] == shop.second
        assert [(one["connection_id"], one["reason"]) for one in taken["routing"]["refused"]] == [
            (shop.first, "circuit_open")
        ]
        assert [one["connection_id"] for one in taken["attempts"]] == [shop.second]
        for one in lost:  # what may have been done there is done nowhere else
            shown = await operation(shop, one)
            assert {attempt["connection_id"] for attempt in shown["attempts"]} == {shop.first}, shown
    finally:
        (await shop.world.sandbox.delete("/control/faults")).raise_for_status()
    seen: dict[str, Any] = {}

    async def is_back() -> bool:
        seen.update(await shop.pay())
        return bool(seen["connection_id"] == shop.first and not seen["routing"]["refused"])

    await until(is_back, "the first account to take payments again", lambda: seen)
