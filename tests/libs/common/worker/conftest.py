from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.libs.common.worker.rig import Rig, open_rig

from onerouter_local.testing import Database


@pytest.fixture
async def rig(database: Callable[[str], Awaitable[Database]], kafka_bootstrap: str) -> AsyncIterator[Rig]:
    payments = await database("payments")
    async with open_rig(payments.dsn, kafka_bootstrap, payments.admin_dsn) as rig:
        yield rig
