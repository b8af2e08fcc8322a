"""Endpoints of tenants that were deleted for good."""

from collections.abc import Sequence

import pytest

from onerouter_common.once.key import HEADER, Key
from onerouter_webhooks.delivery.slots import Lane
from onerouter_webhooks.endpoint.ended import EndedTenants

from ..conftest import Running
from ..delivery.test_backlog import fill

URL = "https://example.com/hook"
_TABLES = ("webhook_endpoints", "endpoint_secrets", "data_keys", "idempotency_keys", "known_sequences")

_KNOWN = "INSERT INTO known_sequences VALUES ($1, 'test', 'payment', 'pay_1', '{[1,2)}', NULL, current_date)"


async def _owners(service: Running) -> dict[str, set[str]]:
    return {
        table: {row["tenant_id"] for row in await service.admin.fetch(f"SELECT DISTINCT tenant_id FROM {table}")}
        for table in _TABLES
    }


async def test_they_end_with_their_secrets_and_keys_and_others_stay(service: Running) -> None:
    gone, stays = "ten_gone", "ten_stays"
    for tenant_id in (gone, stays):
        for environment in ("test", "live"):
            keyed = {HEADER: str(Key("0a" * 32, "f1" * 32))}
            made = await service.http.post(
                "/internal/webhook-endpoints",
                json={"url": URL},
                headers={**service.owner(tenant_id, environment), **keyed},
            )
            assert made.status_code < 300, made.text
        await service.admin.execute(_KNOWN, tenant_id)
    asked: list[Sequence[str]] = []

    async def ended_of(tenant_ids: Sequence[str]) -> Sequence[str]:
        asked.append(tenant_ids)
        return [one for one in tenant_ids if one == gone]

    ended = EndedTenants(service.app.state.services.pool, ended_of)
    assert await ended.forget() == 1
    assert await _owners(service) == {table: {stays} for table in _TABLES}
    assert {gone, stays} <= set(asked[0])
    assert await ended.forget() == 0


async def test_what_they_were_owed_goes_a_part_at_a_time(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onerouter_webhooks.endpoint.ended._CHUNK", 10)
    lanes = [Lane((await service.create_endpoint(URL))["id"], "ten_1") for _ in range(2)]
    for lane in lanes:
        await service.admin.execute("UPDATE webhook_endpoints SET status = 'paused' WHERE id = $1", lane.endpoint_id)
        await fill(service.admin, lane, 25, state=2)

    async def everybody(tenant_ids: Sequence[str]) -> Sequence[str]:
        return tenant_ids

    assert await EndedTenants(service.app.state.services.pool, everybody).forget() == 1
    assert await service.admin.fetchval("SELECT count(*) FROM delivery_queue") == 0
    assert await service.admin.fetchval("SELECT count(*) FROM deliveries") == 0, "nobody is left to be told of it"
