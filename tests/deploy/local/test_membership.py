"""A consumer that is killed must not hold up its group: the embedded broker would wait for it for ever."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer

from onerouter_common.broker import ensure_topics
from onerouter_common.contracts.topics import Topic
from onerouter_local.engines import LocalBroker
from onerouter_local.ports import free_port
from onerouter_local.testing import scratch_directory

_TOPIC = Topic("membership.v1", 4, 60_000)
_MEMBER = f"""
import asyncio, sys
from aiokafka import AIOKafkaConsumer

async def main():
    consumer = AIOKafkaConsumer(
        "{_TOPIC.name}", bootstrap_servers=sys.argv[1], group_id="g", session_timeout_ms=6000, enable_auto_commit=False
    )
    await consumer.start()
    print("joined", flush=True)
    while True:
        await consumer.getmany(timeout_ms=200)

asyncio.run(main())
"""


@asynccontextmanager
async def _member(servers: str) -> AsyncIterator[Any]:
    # As our own consumers: offsets are committed by hand, after the database.
    consumer = AIOKafkaConsumer(
        _TOPIC.name, bootstrap_servers=servers, group_id="g", session_timeout_ms=6_000, enable_auto_commit=False
    )
    await consumer.start()
    reading = asyncio.create_task(_read(consumer))
    try:
        yield consumer
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await consumer.stop()


async def _read(consumer: Any) -> None:
    while True:
        await consumer.getmany(timeout_ms=200)


@asynccontextmanager
async def _doomed_leader(servers: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The first member of the group, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _MEMBER, servers, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert (await process.stdout.readline()).strip() == b"joined"
    yield process
    if process.returncode is None:
        process.kill()
    await process.wait()


async def test_a_killed_leader_does_not_hold_up_those_who_come_after_it() -> None:
    with scratch_directory() as directory:
        broker = LocalBroker(directory / "broker", free_port())
        await broker.start()
        try:
            servers = broker.bootstrap_servers
            await ensure_topics(servers, [_TOPIC])
            async with _doomed_leader(servers) as leader, _member(servers) as survivor:
                leader.kill()
                async with asyncio.timeout(30), _member(servers) as successor:
                    while not _covered(survivor, successor):
                        await asyncio.sleep(0.05)
        finally:
            await broker.stop()


def _covered(*members: Any) -> bool:
    held = [partition.partition for member in members for partition in member.assignment()]
    return sorted(held) == list(range(_TOPIC.partitions))
