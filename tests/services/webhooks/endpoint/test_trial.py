"""A test event: the catalogue's example, to one endpoint, signed and delivered as any other."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from onerouter_common.contracts.event_types import EVENT_TYPES
from onerouter_common.once.key import HEADER, Key
from onerouter_webhooks.event.matching import is_pattern
from onerouter_webhooks.event.repository import Events, Stored, StoredEvent

from ..conftest import Receiver, Running, eventually

PATH = "/internal/webhook-endpoints"
_WRITING = """
SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE relation = 'idempotency_keys'::regclass AND mode = 'RowExclusiveLock' AND state = 'idle in transaction'
"""


async def _test(service: Running, endpoint_id: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = await service.http.post(f"{PATH}/{endpoint_id}/test", json=body, headers=service.owner())
    assert answer.status_code == status, answer.text
    sent: dict[str, Any] = answer.json()
    return sent


async def test_it_arrives_signed_and_flagged_at_this_endpoint_alone(service: Running, receiver: Receiver) -> None:
    endpoint = await service.create_endpoint(receiver.url, event_types=["payment.failed"], channels=["eu"])
    await service.create_endpoint("http://127.0.0.1:9/none")
    sent = await _test(service, endpoint["id"], type="refund.succeeded")
    await eventually(lambda: receiver.got)
    (got,) = receiver.got
    payload = Webhook(endpoint["secret"]).verify(got.body.decode(), got.headers)
    assert payload["test"] is True
    assert payload["id"] == sent["event_id"] == got.headers["webhook-id"]
    assert payload["type"] == sent["type"] == "refund.succeeded"
    assert payload["data"] == EVENT_TYPES["refund.succeeded"].example
    assert payload["environment"] == "test"

    async def finished() -> Any:
        return [one for one in await service.deliveries(endpoint["id"]) if one["status"] == "succeeded"]

    (delivery,) = await eventually(finished)
    assert delivery["id"] == sent["delivery_id"]
    assert await service.admin.fetchval("SELECT count(*) FROM deliveries") == 1
    event = await service.http.get(f"/internal/events/{sent['event_id']}", headers=service.owner())
    assert event.json()["test"] is True


async def test_what_the_endpoint_takes_first_is_sent_where_none_is_named(service: Running, receiver: Receiver) -> None:
    endpoint = await service.create_endpoint(receiver.url, event_types=["refund.*"])
    assert (await _test(service, endpoint["id"]))["type"].startswith("refund.")
    no_example = await service.create_endpoint(receiver.url, event_types=["other.*"])
    problem = await _test(service, no_example["id"], 422)
    assert problem["errors"][0]["field"] == "type"


async def test_it_is_tried_once(service: Running, receiver: Receiver) -> None:
    async def no(_: web.Request, __: int) -> web.StreamResponse:
        return web.Response(status=500)

    receiver.answer = no
    endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
    await _test(service, endpoint["id"], type="payment.succeeded")

    async def finished() -> Any:
        return [one for one in await service.deliveries(endpoint["id"]) if one["finished_at"]]

    (delivery,) = await eventually(finished)
    assert (delivery["status"], delivery["attempt_count"]) == ("exhausted", 1)


async def test_its_event_is_stored_before_anything_else_is_written(
    service: Running, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers of events wait for every transaction that writes, and storing it waits for a connection."""
    writing: list[int] = []

    async def watched(events: Events, batch: Sequence[StoredEvent], *how: Any) -> Stored:
        if {event.tenant_id for event in batch} == {service.connection.tenant_id}:  # the topics are everybody's
            writing.append(await service.admin.fetchval(_WRITING))
        return await store(events, batch, *how)

    store = Events.store
    monkeypatch.setattr(Events, "store", watched)
    endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
    path, how = f"{PATH}/{endpoint['id']}/test", {**service.owner(), HEADER: str(Key("1" * 64, "2" * 64))}
    answers = [await service.http.post(path, json={}, headers=how) for _ in range(2)]
    assert [(one.status_code, one.json()) for one in answers] == [(200, answers[0].json())] * 2
    assert writing == [0], "and not at all for a repeat"


async def test_what_cannot_be_is_said(service: Running) -> None:
    endpoint = await service.create_endpoint("https://example.com/hook")
    problem = await _test(service, endpoint["id"], 422, type="payment.imagined")
    assert problem["errors"][0]["field"] == "type"
    await _test(service, "we_00000000000000000000000000", 404)
    await service.http.post(f"{PATH}/{endpoint['id']}/pause", headers=service.owner())
    await _test(service, endpoint["id"], 409)
    stranger = service.owner("ten_stranger")
    assert (await service.http.post(f"{PATH}/{endpoint['id']}/test", json={}, headers=stranger)).status_code == 404
    stored = "SELECT count(*) FROM events WHERE tenant_id = $1"
    assert await service.admin.fetchval(stored, service.connection.tenant_id) == 0


def test_every_type_can_be_taken_by_an_endpoint() -> None:
    assert [one for one in EVENT_TYPES if not is_pattern(one)] == []
