"""Nothing is locked while a KMS is asked for the key that a tenant's secrets are sealed with."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from onerouter_common.secrets import KeyRing

from ..conftest import Running, eventually

PATH = "/internal/webhook-endpoints"
_ROW = "SELECT id FROM webhook_endpoints WHERE id = $1 FOR UPDATE NOWAIT"
_OWNER = "SELECT pg_try_advisory_xact_lock(hashtextextended($1 || '/test', 0))"


class SlowKms:
    """Answers once it may."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        for name in names:
            monkeypatch.setattr(KeyRing, name, self._slow(getattr(KeyRing, name)))

    def _slow(self, real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def slow(*what: Any, **how: Any) -> Any:
            self.asked += 1
            await self.may_answer.wait()
            return await real(*what, **how)

        return slow


async def test_an_endpoint_can_be_locked_meanwhile_and_what_was_asked_for_is_done(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = await service.create_endpoint("https://example.com/hook")
    kms = SlowKms(monkeypatch, "open_data_key")
    path = f"{PATH}/{endpoint['id']}"
    change = {"headers": {"X-Shop": "eu"}, "auth": {"type": "bearer", "token": "hush"}}
    asking = [
        asyncio.create_task(service.http.patch(path, json=change, headers=service.owner())),
        asyncio.create_task(service.http.post(f"{path}/secret/rotate", json={}, headers=service.owner())),
        asyncio.create_task(service.http.post(PATH, json={"url": endpoint["url"]}, headers=service.owner())),
    ]
    await eventually(lambda: kms.asked == 3)
    assert await service.admin.fetchval(_ROW, endpoint["id"]) == endpoint["id"]
    assert await service.admin.fetchval(_OWNER, service.connection.tenant_id)
    kms.may_answer.set()
    assert [(await one).status_code for one in asking] == [200, 200, 201]
    shown = (await service.http.get(path, headers=service.owner())).json()
    assert (shown["header_names"], shown["auth"]["type"]) == (["X-Shop"], "bearer")
    live = "SELECT count(*) FROM endpoint_secrets WHERE endpoint_id = $1 AND scheme = 'v1'"
    assert await service.admin.fetchval(live, endpoint["id"]) == 2


async def test_of_twins_that_make_a_first_key_one_is_stored_and_opens_what_both_sealed(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    kms = SlowKms(monkeypatch, "new_data_key")
    making = [asyncio.create_task(service.create_endpoint("https://example.com/hook")) for _ in range(3)]
    await eventually(lambda: kms.asked == 3)
    kms.may_answer.set()
    made = [await one for one in making]
    assert await service.admin.fetchval("SELECT count(*) FROM data_keys") == 1
    used = "SELECT count(DISTINCT split_part(sealed, '.', 2)) FROM endpoint_secrets"
    assert await service.admin.fetchval(used) == 1
    assert len({one["id"] for one in made}) == 3


async def test_who_has_none_of_it_leaves_nothing_behind(service: Running) -> None:
    unknown = f"{PATH}/we_00000000000000000000000000"
    stranger = service.owner("ten_stranger")
    assert (await service.http.patch(unknown, json={}, headers=stranger)).status_code == 404
    assert (await service.http.post(f"{unknown}/secret/rotate", json={}, headers=stranger)).status_code == 404
    assert await service.admin.fetchval("SELECT count(*) FROM data_keys") == 0
