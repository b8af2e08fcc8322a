"""Nobody finds out by us which stolen credentials are good: a tenant has a provider asked so much, and no more."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.services.registry.conftest import CREDENTIALS, KEY_SECRET
from tests.services.registry.connection.conftest import SOMEBODY, Api, Desk

from onerouter_common.errors import InvalidRequest, OneRouterError, ProviderUnavailable, RateLimited
from onerouter_registry.actor import COMMAND_LINE
from onerouter_registry.tenant.model import Tenant
from onerouter_registry.throttle.model import CREDENTIALS_ASKED

FREE = CREDENTIALS_ASKED.free


async def outcome(asking: Any) -> str:
    try:
        await asking
    except OneRouterError as error:
        return error.error_code
    return "accepted"


async def test_all_ways_to_ask_count_together_and_then_wait(desk: Desk, tenant: Tenant) -> None:
    made = await desk.connect(tenant)
    desk.provider.accepts = "another"
    connections = desk.admin.connections

    def ask(number: int) -> Any:
        if number % 3 == 0:
            return desk.connect(tenant, "stolen", verify=True)
        if number % 3 == 1:
            return connections.change(tenant.id, "test", made.id, {}, credentials=CREDENTIALS, verify=True, by=SOMEBODY)
        return desk.admin.verification.verify(tenant.id, "test", made.id, by=SOMEBODY)

    said = [await outcome(ask(number)) for number in range(FREE + 3)]
    assert set(said[:FREE]) == {"CREDENTIALS_REFUSED", "accepted"}  # `verify` answers, the others raise
    assert said[FREE:] == ["RATE_LIMIT_EXCEEDED"] * 3
    assert desk.provider.asked == FREE
    desk.clock.ahead = timedelta(seconds=CREDENTIALS_ASKED.first_wait_s + 1)
    assert [await outcome(ask(number)) for number in range(2)] == ["CREDENTIALS_REFUSED", "RATE_LIMIT_EXCEEDED"]


async def test_good_ones_count_too(desk: Desk, tenant: Tenant) -> None:
    for number in range(FREE):
        await desk.connect(tenant, f"stolen {number}", verify=True)
    with pytest.raises(RateLimited) as refused:
        await desk.connect(tenant, "one more", verify=True)
    assert refused.value.retry_after_s
    await desk.connect(tenant, "unasked")


async def test_others_are_not_concerned_nor_is_the_operator(desk: Desk, tenant: Tenant, other_tenant: Tenant) -> None:
    made = await desk.connect(tenant)
    verify = desk.admin.verification.verify
    for _ in range(FREE):
        await verify(tenant.id, "test", made.id, by=SOMEBODY)
    for by in (COMMAND_LINE, None):
        assert await verify(tenant.id, "test", made.id, **({"by": by} if by else {})) is None
    with pytest.raises(RateLimited):
        await verify(tenant.id, "test", made.id, by=SOMEBODY)
    await desk.connect(other_tenant, verify=True)


async def test_what_could_not_be_asked_does_not_count(desk: Desk, tenant: Tenant) -> None:
    desk.provider.away = True
    for _ in range(FREE + 2):
        with pytest.raises(ProviderUnavailable):
            await desk.connect(tenant, verify=True)
    desk.provider.reset()
    await desk.connect(tenant, verify=True)


async def test_two_at_once(desk: Desk, tenant: Tenant, other_tenant: Tenant) -> None:
    made = await desk.connect(tenant)
    desk.provider.gate.clear()
    verify = desk.admin.verification.verify
    asking = [asyncio.create_task(verify(tenant.id, "test", made.id, by=SOMEBODY)) for _ in range(2)]
    while desk.provider.asked < 2:
        await asyncio.sleep(0.01)
    with pytest.raises(RateLimited, match="being checked already"):
        await verify(tenant.id, "test", made.id, by=SOMEBODY)
    theirs = asyncio.create_task(desk.connect(other_tenant, verify=True))
    while desk.provider.asked < 3:
        await asyncio.sleep(0.01)
    desk.provider.gate.set()
    assert await asyncio.gather(*asking) == [None, None]
    await theirs
    assert await verify(tenant.id, "test", made.id, by=SOMEBODY) is None


async def test_a_refusal_leaves_its_place(desk: Desk, tenant: Tenant) -> None:
    desk.provider.accepts = "another"
    for _ in range(3):
        with pytest.raises(InvalidRequest):
            await desk.connect(tenant, verify=True)


async def test_over_http_it_is_429_and_says_when(desk: Desk, api: Api) -> None:
    credentials = {"key_id": "rzp_test_1DP5mmOlF5G5ag", "key_secret": KEY_SECRET}
    await api.call("POST", "/payments/razorpay/connect", expect=201, json={"credentials": credentials, "verify": False})
    for _ in range(FREE):
        await api.call("POST", "/payments/razorpay/test")
    problem = await api.call("POST", "/payments/razorpay/test", expect=429)
    assert (problem["code"], problem["retryable"]) == ("RATE_LIMIT_EXCEEDED", True)
