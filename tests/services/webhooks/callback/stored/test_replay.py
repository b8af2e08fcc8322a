"""What was kept is read again: after a mapping was added, and never twice."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onerouter_providers.email.sendgrid import webhook
from onerouter_providers.loader import Providers
from onerouter_webhooks.callback.stored import repository

from ...conftest import Running, StartService, razorpay_body, rows_of
from ..conftest import ReadCallbacks, delivered, sendgrid


@pytest.fixture
async def service(start_service: StartService, providers: Providers) -> AsyncIterator[Running]:
    async with start_service(providers=providers) as running:
        yield running


async def replay(service: Running, **wish: Any) -> dict[str, Any]:
    answer = await service.http.post("/internal/callbacks/replay", json=wish, headers=service.owner())
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def states(service: Running) -> list[str]:
    return [row["state"] for row in await rows_of(service)]


def learn(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """What an update of a provider's mapping does."""
    monkeypatch.setattr(webhook, "FOLLOWED", {**webhook.FOLLOWED, kind: "delivered"})


async def test_a_kind_that_is_followed_now_reaches_the_worker_once(
    service: Running, read_callbacks: ReadCallbacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = sendgrid(service)
    whole = delivered(1, event="arrived")
    part, known = delivered(2, event="arrived"), delivered(3)
    await sender.send(whole)
    await sender.send(part, known)
    await service.send_callback(razorpay_body("invoice.expired"))
    assert await states(service) == ["unhandled", "partial", "unhandled"]
    assert await replay(service) == {
        "examined": 3,
        "read_again": 3,
        "understood": 0,
        "records": 0,
        "unopenable": 0,
        "reached": (await replay(service))["reached"],
        "next_after": None,
    }
    learn(monkeypatch, "arrived")
    told = await replay(service)
    assert (told["read_again"], told["understood"], told["records"]) == (3, 2, 2)
    assert await states(service) == ["read", "read", "unhandled"]
    found = await read_callbacks(service.connection.tenant_id, 3, "email")
    ids = [callback.provider_event_id for _, callback in found]
    assert sorted(ids) == sorted(one["sg_event_id"] for one in (whole, part, known))
    again = await replay(service, states=["read"])
    assert (again["read_again"], again["records"]) == (2, 0)


async def test_only_what_is_asked_for(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = sendgrid(service)
    for number in range(3):
        await sender.send(delivered(number, event="arrived"))
    await service.send_callback(razorpay_body("invoice.expired"))
    first, *_ = await rows_of(service)
    later = (first["received_at"] + timedelta(microseconds=1)).isoformat()
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    for wish, found in (
        ({"provider": "razorpay"}, 1),
        ({"connection_id": sender.connection_id}, 3),
        ({"since": later}, 3),
        ({"until": later}, 1),
        ({"until": hour_ago}, 0),
        ({"since": hour_ago, "until": later, "provider": "sendgrid"}, 1),
        ({"tenant_id": "ten_another"}, 0),
        ({"states": ["unparsed"]}, 0),
    ):
        assert (await replay(service, **wish))["read_again"] == found, wish
    wishes: tuple[dict[str, Any], ...] = (
        {"states": []},
        {"states": ["handshake"]},
        {"since": "yesterday"},
        {"more": 1},
    )
    for wrong in wishes:
        answer = await service.http.post("/internal/callbacks/replay", json=wrong, headers=service.owner())
        assert answer.status_code == 422


async def test_page_by_page(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = sendgrid(service)
    for number in range(7):
        await sender.send(delivered(number, event="arrived" if number % 2 else "delivered"))
    monkeypatch.setattr(repository, "_EXAMINED", 3)
    monkeypatch.setattr(repository, "_FOUND", 1)
    learn(monkeypatch, "arrived")
    after, pages, understood = None, 0, 0
    while True:
        told = await replay(service, **({} if after is None else {"after": after}))
        pages, understood, after = pages + 1, understood + told["understood"], told["next_after"]
        if after is None:
            break
    assert understood == 3
    assert pages >= 4
    assert await states(service) == ["read"] * 7


async def test_what_cannot_be_opened_any_more_is_counted(service: Running) -> None:
    sender = sendgrid(service)
    await sender.send(delivered(event="arrived"))
    service.app.state.services.replay.sealing._newest.clear()
    await service.admin.execute("DELETE FROM data_keys")
    told = await replay(service)
    assert (told["read_again"], told["unopenable"]) == (0, 1)


async def test_bodies_go_after_their_time_and_the_rest_after_its(
    start_service: StartService, providers: Providers
) -> None:
    async with start_service(providers=providers, callback_raw_retention_days=3, callback_retention_days=20) as service:
        sender = sendgrid(service)
        for number in range(3):
            await sender.send(delivered(number))
        old, older, _ = await rows_of(service)
        for id_, days in ((old["id"], 4), (older["id"], 21)):
            at = datetime.now(UTC) - timedelta(days=days)
            await service.admin.execute("UPDATE inbound_events SET received_at = $2 WHERE id = $1", id_, at)
            await service.admin.execute("UPDATE callback_records SET received_at = $2 WHERE inbound_id = $1", id_, at)
        await service.admin.execute("UPDATE callback_records SET publish_at = NULL, callback = NULL")
        stored = service.app.state.services.replay.stored
        assert await stored.expire(timedelta(days=3), 1_000) == 2
        assert await stored.forget(timedelta(days=20), 1_000) == 2
        assert [row["sealed"] is None for row in await rows_of(service)] == [True, False]
        assert await service.admin.fetchval("SELECT count(*) FROM callback_records") == 2
