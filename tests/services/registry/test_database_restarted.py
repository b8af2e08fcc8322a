"""The database was restarted: what the pools still hold is dead, and nobody need notice."""

from tests.services.registry.acting import as_owner, browsing, sign_in
from tests.services.registry.conftest import Registry, serving

from onerouter_registry.tenant.model import Tenant

_END_ALL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def test_the_first_request_after_it_is_answered(registry: Registry, tenant: Tenant) -> None:
    person = await sign_in(registry, tenant.id)
    async with serving(registry.settings) as transport, browsing(transport, person) as browser:
        for _ in range(2):
            assert (await browser.get("/api/tenant")).status_code == 200
            await as_owner(registry, _END_ALL)
        changed = await browser.patch("/api/tenant", json={"name": "Acme and Sons"})
        assert changed.status_code == 200, changed.text
