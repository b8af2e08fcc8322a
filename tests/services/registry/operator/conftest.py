"""One registry, served in this process, and an operator of it; each test has tenants of its own."""

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.services.registry.acting import Person, browsing, sign_in
from tests.services.registry.conftest import Registry, opened, serving

from onerouter_local.testing import Cluster


@pytest.fixture(scope="module")
async def registry(postgres: Cluster) -> AsyncIterator[Registry]:
    made = await postgres.create("registry")
    async with opened(made) as one:
        yield one
    await postgres.drop(made)


@pytest.fixture(scope="module")
async def transport(registry: Registry) -> AsyncIterator[httpx.ASGITransport]:
    async with serving(registry.settings) as made:
        yield made


@pytest.fixture(scope="module")
async def person(registry: Registry) -> Person:
    """The operator."""
    return await sign_in(registry, is_operator=True)


@pytest.fixture
async def ops(transport: httpx.ASGITransport, person: Person) -> AsyncIterator[httpx.AsyncClient]:
    """The operator's browser."""
    async with browsing(transport, person) as client:
        yield client
