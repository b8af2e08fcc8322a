"""Whether a provider accepts the credentials is asked of the provider, and remembered."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import BasicAuth, web
from aiohttp.test_utils import TestServer
from tests.services.registry.conftest import CREDENTIALS, KEY_SECRET, Registry

from onerouter_common.errors import NotFound, ProviderUnavailable
from onerouter_registry.admin import open_admin
from onerouter_registry.tenant.model import Tenant


class Provider:
    """Razorpay's authentication on the wire, nothing else of it."""

    def __init__(self) -> None:
        self.accepts = KEY_SECRET
        self.away = False

    async def answer(self, request: web.Request) -> web.Response:
        if self.away:
            return web.json_response({}, status=503)
        auth = BasicAuth.decode(request.headers.get("Authorization", "Basic Og=="))
        if auth.password != self.accepts:
            error = {"code": "BAD_REQUEST_ERROR", "description": "Authentication failed"}
            return web.json_response({"error": error}, status=401)
        return web.json_response({"entity": "collection", "count": 0, "items": []})


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def address(provider: Provider) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", provider.answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/razorpay"))


async def test_tells_accepted_from_refused_from_unknown(
    registry: Registry, tenant: Tenant, provider: Provider, address: str
) -> None:
    made = await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
    connection_id = made.connection.id
    settings = registry.settings.model_copy(update={"provider_base_urls": {"razorpay": address}})
    async with open_admin(settings) as admin:
        assert await admin.verification.verify(tenant.id, "test", connection_id) is None
        accepted = await admin.connections.get(tenant.id, "test", connection_id)
        assert accepted.verified_at is not None

        provider.away = True
        with pytest.raises(ProviderUnavailable):
            await admin.verification.verify(tenant.id, "test", connection_id)
        assert await admin.connections.get(tenant.id, "test", connection_id) == accepted

        provider.away, provider.accepts = False, "another secret now"
        problem = await admin.verification.verify(tenant.id, "test", connection_id)
        assert problem
        assert KEY_SECRET not in problem
        refused = await admin.connections.get(tenant.id, "test", connection_id)
        assert refused.verified_error == problem
        assert refused.verified_at == accepted.verified_at

        await admin.connections.update_credentials(tenant.id, "test", connection_id, CREDENTIALS)
        renewed = await admin.connections.get(tenant.id, "test", connection_id)
        assert (renewed.verified_at, renewed.verified_error) == (None, None)

        with pytest.raises(NotFound):
            await admin.verification.verify(tenant.id, "live", connection_id)
