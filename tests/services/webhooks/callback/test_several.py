"""Callbacks that tell of several things: taken as a whole, followed one by one, each once."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from onerouter_providers.loader import Providers

from ..conftest import Running, StartService, eventually, is_published, rows_of
from .conftest import ReadCallbacks, SendGrid, delivered, sendgrid


@pytest.fixture
async def service(start_service: StartService, providers: Providers) -> AsyncIterator[Running]:
    async with start_service(providers=providers) as running:
        yield running


@pytest.fixture
def sender(service: Running) -> SendGrid:
    return sendgrid(service)


async def records_of(service: Running) -> list[Any]:
    return list(await service.admin.fetch("SELECT * FROM callback_records ORDER BY id"))


async def test_each_event_is_a_record_of_its_own(
    service: Running, sender: SendGrid, read_callbacks: ReadCallbacks
) -> None:
    events = [delivered(number) for number in range(3)]
    assert (await sender.send(*events)).status_code == 200
    found = await read_callbacks(service.connection.tenant_id, 3, "email")
    assert {callback.provider_event_id for _, callback in found} == {event["sg_event_id"] for event in events}
    assert {callback.connection_id for _, callback in found} == {sender.connection_id}
    assert {callback.category for _, callback in found} == {"email"}
    assert len({callback.callback_id for _, callback in found}) == 3
    assert [(row["kind"], row["state"]) for row in await rows_of(service)] == [("batch", "read")]
    await eventually(lambda: is_published(service))


async def test_what_was_told_before_adds_nothing(
    service: Running, sender: SendGrid, read_callbacks: ReadCallbacks
) -> None:
    first, second, third = (delivered(number) for number in range(3))
    await sender.send(first, second)
    for events in ((second, third), (third,), (first, first)):
        assert (await sender.send(*events)).status_code == 200
    assert [row["event_key"] for row in await records_of(service)] == [
        one["sg_event_id"] for one in (first, second, third)
    ]
    assert len(await rows_of(service)) == 4
    # The same event of another connection is another's.
    other = sendgrid(service)
    assert (await other.send(first)).status_code == 200
    assert len(await read_callbacks(service.connection.tenant_id, 4, "email")) == 4
    assert len(await records_of(service)) == 4


async def test_a_hundred_twins_at_once(service: Running, sender: SendGrid) -> None:
    raw = json.dumps([delivered(number) for number in range(5)]).encode()
    answers = await asyncio.gather(*(sender.send(raw=raw) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert [(row["seen"], row["state"]) for row in await rows_of(service)] == [(100, "read")]
    assert len(await records_of(service)) == 5


async def test_overlapping_batches_at_once_lose_nothing(service: Running, sender: SendGrid) -> None:
    events = [delivered(number) for number in range(20)]
    batches = [[*events[start:], *events[:start]] for start in range(20)]
    answers = await asyncio.gather(*(sender.send(*batch) for batch in batches))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await rows_of(service)) == 20
    assert {row["event_key"] for row in await records_of(service)} == {one["sg_event_id"] for one in events}
    assert len(await records_of(service)) == 20


async def test_one_that_cannot_be_mapped_does_not_lose_the_others(service: Running, sender: SendGrid) -> None:
    good = delivered()
    broken = [
        delivered(event="something_new"),
        delivered(timestamp="yesterday"),
        {"email": "x@example.net"},
        "no object",
        None,
    ]
    assert (await sender.send(*broken[:2], good, *broken[2:])).status_code == 200
    assert [row["event_key"] for row in await records_of(service)] == [good["sg_event_id"]]
    assert [row["state"] for row in await rows_of(service)] == ["partial"]
    for state, events in (("unhandled", (broken[0], broken[0])), ("unparsed", ())):
        assert (await sender.send(*events)).status_code == 200
        assert (await rows_of(service))[-1]["state"] == state


async def test_a_batch_may_be_larger_than_other_callbacks(service: Running, sender: SendGrid) -> None:
    """Of one mebibyte and a half: a fact of SendGrid's, which others do not have."""
    events = [delivered(number, useragent="x" * 1_000) for number in range(1_200)]
    body = json.dumps(events).encode()
    assert 1_300_000 < len(body) < 2_000_000
    assert (await sender.send(raw=body)).status_code == 200
    assert len(await records_of(service)) == 1_200
    assert (await sender.send(raw=body + b" " * 1_000_000)).status_code == 413
    answer = await service.http.post(f"/callbacks/razorpay/{service.connection.token}", content=body)
    assert answer.status_code == 413


async def test_a_defect_of_ours_is_503_and_nothing_is_stored(
    service: Running, sender: SendGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr("onerouter_webhooks.callback.service.read", broken)
        answer = await sender.send(delivered())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert await rows_of(service) == []
    assert (await sender.send(delivered())).status_code == 200
