"""One database a file, and the provider processes."""

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.services.registry.oidc.provider_process import AuthlibProvider, authlib_provider

from onerouter_local.testing import Cluster, Database
from onerouter_registry.oidc.fetching import open_pool


@pytest.fixture(scope="module")
async def people_database(postgres: Cluster) -> AsyncIterator[Database]:
    made = await postgres.create("registry")
    yield made
    await postgres.drop(made)


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[AuthlibProvider]:
    """The provider from PyPI, in a process of its own."""
    async with authlib_provider() as started:
        yield started


@pytest.fixture
async def pool() -> AsyncIterator[httpx.AsyncHTTPTransport]:
    async with open_pool() as opened:
        yield opened
