"""The published client against the running stack, in both of its forms."""

from collections.abc import AsyncIterator

import pytest
from tests.e2e.sdk.driver import Asynchronous, Sdk, Synchronous
from tests.e2e.world import World

from onerouter import OneRouter, OneRouterSync


@pytest.fixture(params=["asynchronous", "synchronous"])
async def sdk(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Sdk]:
    key, url = world.secrets[0], world.stack.services["gateway"].spec.url
    if request.param == "asynchronous":
        async with OneRouter(key, url) as client:
            yield Asynchronous(client)
    else:
        with OneRouterSync(key, url) as client_sync:
            yield Synchronous(client_sync)
