"""Endpoints of tenants that were deleted for good."""

from collections.abc import Sequence

from onerouter_webhooks.endpoint.ended import EndedTenants

from ..conftest import Running

URL = "https://example.com/hook"
_TABLES = ("webhook_endpoints", "endpoint_secrets", "data_keys")


async def _owners(service: Running) -> dict[str, set[str]]:
    return {
        table: {row["tenant_id"] for row in await service.admin.fetch(f"SELECT DISTINCT tenant_id FROM {table}")}
        for table in _TABLES
    }


async def test_they_end_with_their_secrets_and_keys_and_others_stay(service: Running) -> None:
    gone, stays = "ten_gone", "ten_stays"
    for tenant_id in (gone, stays):
        for environment in ("test", "live"):
            made = await service.http.post(
                "/internal/webhook-endpoints", json={"url": URL}, headers=service.owner(tenant_id, environment)
            )
            assert made.status_code < 300, made.text
    asked: list[Sequence[str]] = []

    async def ended_of(tenant_ids: Sequence[str]) -> Sequence[str]:
        asked.append(tenant_ids)
        return [one for one in tenant_ids if one == gone]

    ended = EndedTenants(service.app.state.services.pool, ended_of)
    assert await ended.forget() == 1
    assert await _owners(service) == {table: {stays} for table in _TABLES}
    assert {gone, stays} <= set(asked[0])
    assert await ended.forget() == 0
