"""What a repeat under a request id gets, and for how long: six hours for orders, 45 days for payments."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from onerouter_sandbox.app import create_app
from onerouter_sandbox.settings import Settings

from .conftest import Shop, issue_of, order_body, shop_at

if TYPE_CHECKING:
    from httpx import Response
    from tests.pausing import Pause

ORDERS = "/v2/checkout/orders"
HOUR, DAY = 3_600.0, 86_400.0


@dataclass
class SetClock:
    at: float = 1_772_357_400.0

    def now(self) -> float:
        return self.at


@asynccontextmanager
async def at_any_time() -> AsyncIterator[tuple[Shop, SetClock]]:
    clock = SetClock()
    server = uvicorn.Server(
        uvicorn.Config(create_app(Settings(), clock=clock), port=0, log_config=None, timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    async with shop_at(url, "AXoutOfTime0123456789") as shop:
        yield shop, clock
    server.should_exit = True
    await serving


async def same(shop: Shop, path: str, body: Any, key: str) -> "tuple[Response, Response]":
    return await shop.post(path, body, key=key), await shop.post(path, body, key=key)


async def test_an_order_is_made_once(shop: Shop) -> None:
    first, second = await same(shop, ORDERS, order_body(), "key-1")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len(await shop.effects(kind="order.created")) == 1
    assert (await shop.post(ORDERS, order_body(), key="key-2")).json()["id"] != first.json()["id"]


async def test_a_repeat_shows_what_has_become_of_it(shop: Shop) -> None:
    first = (await shop.post(ORDERS, order_body(), key="key-1")).json()
    await shop.approve(first["id"])
    assert (await shop.post(ORDERS, order_body(), key="key-1")).json()["status"] == "APPROVED"


async def test_without_a_request_id_everything_is_done_again(shop: Shop) -> None:
    for _ in range(2):
        assert (await shop.post(ORDERS, order_body())).status_code == 201
    assert len(await shop.effects(kind="order.created")) == 2


async def test_a_key_belongs_to_one_operation_of_one_app(shop: Shop, sandbox_url: str) -> None:
    order = (await shop.post(ORDERS, order_body(), key="k")).json()
    await shop.approve(order["id"])
    assert (await shop.post(f"{ORDERS}/{order['id']}/capture", key="k")).status_code == 201
    async with shop_at(sandbox_url, f"{shop.client_id}other") as other:
        assert (await other.post(ORDERS, order_body(), key="k")).json()["id"] != order["id"]


async def test_a_refusal_is_not_remembered(shop: Shop) -> None:
    order = await shop.order()
    path = f"{ORDERS}/{order['id']}/capture"
    assert issue_of(await shop.post(path, key="k")) == (422, "ORDER_NOT_APPROVED")
    await shop.approve(order["id"])
    assert (await shop.post(path, key="k")).status_code == 201


@pytest.mark.parametrize("key", ["x" * 109, ""])
async def test_a_key_has_a_length(shop: Shop, key: str) -> None:
    assert (await shop.post(ORDERS, order_body(), key=key)).status_code == 400


async def test_two_at_once_under_one_key(shop: Shop, pause: "Pause") -> None:
    await shop.ask("/faults", kind="slow", operation="orders.create", key_id=shop.client_id, times=1)
    first = asyncio.create_task(shop.post(ORDERS, order_body(), key="k"))
    await pause.reached()
    assert issue_of(await shop.post(ORDERS, order_body(), key="k")) == (409, "PREVIOUS_REQUEST_IN_PROGRESS")
    pause.end()
    assert (await first).status_code == 201


async def test_an_orders_key_is_forgotten_after_six_hours() -> None:
    async with at_any_time() as (shop, clock):
        first = (await shop.post(ORDERS, order_body(), key="k")).json()
        clock.at += 6 * HOUR - 1
        assert (await shop.post(ORDERS, order_body(), key="k")).json()["id"] == first["id"]
        clock.at += 2
        again = await shop.post(ORDERS, order_body(), key="k")
        assert again.status_code == 201
        assert again.json()["id"] != first["id"]


async def test_a_refunds_key_is_forgotten_after_45_days() -> None:
    async with at_any_time() as (shop, clock):
        capture = await shop.captured()
        path, part = (
            f"/v2/payments/captures/{capture['id']}/refund",
            {"amount": {"currency_code": "USD", "value": "1.00"}},
        )
        first, second = await same(shop, path, part, "k")
        assert first.json()["id"] == second.json()["id"]
        clock.at += 45 * DAY - 1
        await shop.sign_in()
        assert (await shop.post(path, part, key="k")).json()["id"] == first.json()["id"]
        clock.at += 2
        assert (await shop.post(path, part, key="k")).json()["id"] != first.json()["id"]
        assert len(await shop.effects(kind="refund.created")) == 2


async def test_a_token_lasts_as_long_as_it_says() -> None:
    async with at_any_time() as (shop, clock):
        clock.at += 32_399
        assert (await shop.post(ORDERS, order_body())).status_code == 201
        clock.at += 2
        assert (await shop.post(ORDERS, order_body())).status_code == 401
