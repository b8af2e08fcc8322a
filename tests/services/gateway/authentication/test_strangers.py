"""Keys never seen: a few questions at once, fewer of one site, none of a site that was refused too often."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest

from onerouter_common.api_keys import make_key
from onerouter_common.errors import Overloaded, RateLimited
from onerouter_gateway.authentication.strangers import Strangers


class _Asking:
    """Who has a turn, until told that it is over."""

    def __init__(self, strangers: Strangers) -> None:
        self.strangers = strangers
        self.inside: list[str | None] = []
        self.over = asyncio.Event()

    async def ask(self, address: str | None) -> None:
        async with self.strangers.turn(address):
            self.inside.append(address)
            await self.over.wait()

    def start(self, count: int, address: str | None) -> list["asyncio.Task[None]"]:
        return [asyncio.create_task(self.ask(address)) for _ in range(count)]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)


class TestTurn:
    async def test_one_site_has_four_of_the_slots_and_others_the_rest(self) -> None:
        asking = _Asking(Strangers())
        flood = asking.start(400, "203.0.113.7")
        await _until(lambda: sum(task.done() for task in flood) == 400 - 4 - 160)
        assert {type(task.exception()) for task in flood if task.done()} == {Overloaded}
        others = [task for number in range(20) for task in asking.start(1, f"198.51.100.{number}")]
        await _until(lambda: len(asking.inside) == 4 + 20)
        asking.over.set()
        await asyncio.gather(*others)
        await asyncio.gather(*flood, return_exceptions=True)
        assert len(asking.inside) == 4 + 160 + 20, "who had a place to wait had a turn"
        assert asking.strangers._sites == {}, "nothing is kept of who is gone"

    async def test_one_client_of_ipv6_is_one_site(self) -> None:
        asking = _Asking(Strangers())
        flood = [task for number in range(40) for task in asking.start(1, f"2001:db8:7:7::{number:x}")]
        await _until(lambda: len(asking.inside) == 4)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(asking.inside) == 4
        asking.over.set()
        await asyncio.gather(*flood)

    async def test_is_not_given_to_a_site_that_may_not_ask(self) -> None:
        checked: list[str] = []

        async def check(site: str) -> None:
            checked.append(site)
            raise RateLimited("No.")

        asking = _Asking(Strangers(check))
        with pytest.raises(RateLimited):
            await asking.ask("203.0.113.7")
        assert (checked, asking.inside) == (["203.0.113.7"], [])
        assert asking.strangers._sites == {}


BEHIND_OURS: Final = {"trusted_proxies": "127.0.0.1"}


def _from(address: str, key: str | None = None) -> dict[str, str]:
    key = key or make_key("test").get_secret_value()
    return {"X-Forwarded-For": address, "Authorization": f"Bearer {key}"}


@pytest.mark.usefixtures("long_windows")
class TestRefusals:
    """Of a gateway whose client is behind a proxy of ours."""

    async def test_are_exact_across_gateways_and_end_the_asking(self, world: Any) -> None:
        bounds = {**BEHIND_OURS, "refused_rate_per_s": 1, "refused_rate_burst": 30}
        seen, new = world.tenant(), world.tenant()
        async with world.gateway(**bounds) as one, world.gateway(**bounds) as other:
            here = "198.51.100.31"
            assert (await one.http.get("/v1/payments", headers=_from(here, seen.key))).status_code == 200
            asked = world.services.introspections
            answers = await asyncio.gather(
                *((one, other)[n % 2].http.get("/v1/payments", headers=_from(here)) for n in range(200))
            )
            statuses = [answer.status_code for answer in answers]
            assert statuses.count(401) == 30
            assert statuses.count(429) == 170
            assert world.services.introspections <= asked + 2 * 30, "a few were in flight when the last was counted"
            refused = next(answer for answer in answers if answer.status_code == 429)
            assert refused.json()["detail"] == (
                "Your address may make 30 requests without a valid API key in any 600 seconds; try again later."
            )
            assert 1 <= int(refused.headers["retry-after"]) <= 600
            asked = world.services.introspections
            assert (await one.http.get("/v1/payments", headers=_from(here))).status_code == 429
            assert (await one.http.get("/api/services", headers=_from(here))).status_code == 429
            assert (await one.http.get("/v1/payments", headers={"X-Forwarded-For": here})).status_code == 429
            assert world.services.introspections == asked
            assert (await one.http.get("/v1/payments", headers=_from(here, seen.key))).status_code == 200
            elsewhere = _from("198.51.100.32", new.key)
            assert (await one.http.get("/v1/payments", headers=elsewhere)).status_code == 200

    async def test_are_never_counted_of_keys_that_are_somebodys(self, world: Any) -> None:
        async with world.gateway(**BEHIND_OURS, refused_rate_per_s=1, refused_rate_burst=2) as one:
            here = "198.51.100.33"
            keys = [world.tenant().key for _ in range(60)]
            for _ in range(2):
                answers = await asyncio.gather(
                    *(one.http.get("/v1/payments", headers=_from(here, key)) for key in keys)
                )
                assert {answer.status_code for answer in answers} == {200}
            answers = [await one.http.get("/v1/payments", headers=_from(here)) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [401, 401, 429]
            assert answers[0].headers["ratelimit-policy"] == '"refused";q=2;w=600'

    async def test_a_key_that_cannot_be_looked_up_counts_under_api(self, world: Any) -> None:
        tenant = world.tenant()
        async with world.gateway(**BEHIND_OURS, management_rate_per_s=1, management_rate_burst=2) as one:
            world.services.away.add("registry")
            try:
                headers = _from("198.51.100.34", tenant.key)
                answers = [await one.http.get("/api/services", headers=headers) for _ in range(3)]
            finally:
                world.services.away.clear()
            assert [answer.status_code for answer in answers] == [503, 503, 429]
