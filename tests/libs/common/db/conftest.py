from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from onerouter_local.testing import Cluster, Database


@pytest.fixture(scope="package")
async def shared_database(postgres: Cluster) -> AsyncIterator[Callable[[str], Awaitable[Database]]]:
    """`await shared_database("payments")`: one for all tests that leave no trace in it."""
    made: dict[str, Database] = {}

    async def get(service: str) -> Database:
        if service not in made:
            made[service] = await postgres.create(service)
        return made[service]

    yield get
    for one in made.values():
        await postgres.drop(one)
