from collections.abc import AsyncIterator

import pytest

from tests.libs.common.worker.rig import Rig, open_rig


@pytest.fixture
async def rig(database, kafka_bootstrap) -> AsyncIterator[Rig]:
    payments = await database("payments")
    async with open_rig(payments.dsn, kafka_bootstrap) as rig:
        yield rig
