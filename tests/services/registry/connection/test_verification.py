"""Whether a provider accepts the credentials is asked of the provider, and remembered."""

import pytest
from tests.services.registry.conftest import CREDENTIALS, KEY_SECRET
from tests.services.registry.connection.conftest import Desk

from onerouter_common.errors import NotFound, ProviderUnavailable
from onerouter_registry.tenant.model import Tenant


async def test_tells_accepted_from_refused_from_unknown(desk: Desk, tenant: Tenant) -> None:
    made = await desk.connect(tenant)
    verification = desk.admin.verification
    assert await verification.verify(tenant.id, "test", made.id) is None
    accepted = await desk.get(made)
    assert accepted.verification == "accepted"

    desk.provider.away = True
    with pytest.raises(ProviderUnavailable):
        await verification.verify(tenant.id, "test", made.id)
    assert await desk.get(made) == accepted

    desk.provider.away, desk.provider.accepts = False, "another secret now"
    problem = await verification.verify(tenant.id, "test", made.id)
    assert problem
    assert KEY_SECRET not in problem
    refused = await desk.get(made)
    assert refused.verification == "refused"
    assert refused.verified_error == problem
    assert refused.verified_at == accepted.verified_at

    await desk.admin.connections.update_credentials(tenant.id, "test", made.id, CREDENTIALS)
    renewed = await desk.get(made)
    assert (renewed.verified_at, renewed.verified_error) == (None, None)

    with pytest.raises(NotFound):
        await verification.verify(tenant.id, "live", made.id)


async def test_an_answer_of_other_credentials_says_nothing_of_these(
    desk: Desk, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are replaced while the provider is being asked."""
    made = await desk.connect(tenant)
    desk.provider.accepts = "another secret now"

    async def replaced_meanwhile(*given: object) -> str | None:
        await desk.admin.connections.update_credentials(tenant.id, "test", made.id, CREDENTIALS)
        return await original(*given)  # type: ignore[arg-type]

    prober = desk.admin.verification._questions._prober
    original = prober.ask
    monkeypatch.setattr(prober, "ask", replaced_meanwhile)
    assert await desk.admin.verification.verify(tenant.id, "test", made.id)
    assert (await desk.get(made)).verification == "unverified"
    assert await desk.events_of(made) == []
