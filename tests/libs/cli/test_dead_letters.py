"""What could not be read is shown and put back, on a real broker."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from typer.testing import CliRunner

from onerouter_common.broker import Producer, ensure_topics
from onerouter_common.contracts.topics import Topic, dead_of
from onerouter_common.worker.consumer import park
from onerouter_server import dead_letters
from onerouter_server.main import app

SOURCE = f"test.{uuid4().hex}.v1"
DEAD = dead_of(SOURCE)

pytestmark = pytest.mark.kafka


@pytest.fixture(autouse=True)
async def declared(kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Topics that nobody else reads."""
    made = [Topic(SOURCE, 2, 3_600_000), Topic(DEAD, 1, 3_600_000)]
    await ensure_topics(kafka_bootstrap, made)
    monkeypatch.setattr(dead_letters, "TOPICS", tuple(made))


async def parked(bootstrap: str, value: bytes) -> None:
    """As a consumer parks it."""
    record: Any = type("Record", (), {"topic": SOURCE, "partition": 0, "offset": 7, "key": b"key", "value": value})()
    record.headers = [("ce_id", b"evt_1")]
    async with Producer(bootstrap, client_id="test") as producer:
        await producer.wait_ready(30)
        await park(producer, record, DEAD, "not an event: 1 errors")


async def come_back(bootstrap: str, marker: bytes) -> list[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    try:
        await consumer.start()
        places = [TopicPartition(SOURCE, number) for number in range(2)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found: list[Any] = []
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            got = await consumer.getmany(timeout_ms=1_000)
            found += [record for records in got.values() for record in records if marker in record.value]
        return found
    finally:
        await consumer.stop()


async def test_are_shown_until_they_are_put_back_once(kafka_bootstrap: str) -> None:
    marker = uuid4().hex.encode()
    values = [b"{" + marker + str(number).encode() for number in range(3)]
    for value in values:
        await parked(kafka_bootstrap, value)
    found = await dead_letters.waiting(kafka_bootstrap, DEAD, 100)
    assert [one.value for one in found] == values
    assert {(one.reason, one.key, one.headers) for one in found} == {
        ("not an event: 1 errors", "key", (("ce_id", b"evt_1"),))
    }
    assert len(await dead_letters.waiting(kafka_bootstrap, DEAD, 2)) == 2
    assert await dead_letters.replay(kafka_bootstrap, DEAD) == 3
    back = await come_back(kafka_bootstrap, marker)
    assert [(one.key, one.value, tuple(one.headers)) for one in back] == [
        (b"key", value, (("ce_id", b"evt_1"),)) for value in values
    ]
    assert await dead_letters.replay(kafka_bootstrap, DEAD) == 0
    assert await dead_letters.waiting(kafka_bootstrap, DEAD, 100) == []


async def test_the_command_tells_when_and_why_and_not_what(kafka_bootstrap: str) -> None:
    await parked(kafka_bootstrap, b"{secret")

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["dead-letters", *arguments, "--bootstrap-servers", kafka_bootstrap])
        return result.exit_code, result.output

    code, said = await asyncio.to_thread(run, DEAD)
    assert code == 0
    assert "not an event" in said
    assert "1 parked." in said
    assert "secret" not in said
    code, said = await asyncio.to_thread(run, DEAD, "--replay")
    assert (code, said.splitlines()[-1]) == (0, "Put back: 1.")
    assert await asyncio.to_thread(run, DEAD) == (0, "Nothing is parked.\n")
    code, said = await asyncio.to_thread(run, SOURCE)
    assert code != 0
    assert "is no topic of dead letters" in said
