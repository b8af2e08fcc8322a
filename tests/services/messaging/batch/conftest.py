"""A post office that nobody has used yet."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.libs.common.worker.rig import skip_what_is_there
from tests.services.messaging.batch.post import Phone, Post

from onerouter_common.broker import Producer
from onerouter_common.db.engine import Pool
from onerouter_messaging.template.renderer.process import Renderers


@pytest.fixture
async def post(pool: Pool, engine: AsyncEngine, renderers: Renderers, kafka_bootstrap: str) -> AsyncIterator[Post]:
    for category in ("sms", "email"):
        await skip_what_is_there(kafka_bootstrap, category)
    async with Producer(kafka_bootstrap, client_id="test") as producer:
        await producer.wait_ready(60)
        yield Post(pool, engine, producer, kafka_bootstrap, renderers, Phone())
