"""The straight path: an event on the log arrives at the endpoint, signed and once."""

import json
from typing import Any

from standardwebhooks import Webhook

from onerouter_common.contracts import topics
from onerouter_common.contracts.events import EventResource
from onerouter_webhooks.event.bodies import unpack

from ..conftest import Receiver, Running, eventually


async def test_event_arrives_signed_as_standard_webhooks_demands(service: Running, receiver: Receiver) -> None:
    endpoint = await service.create_endpoint(receiver.url, event_types=["payment.*"])
    event = service.event()
    await service.publish(event)
    await eventually(lambda: receiver.got, what="the delivery")
    got = receiver.got[0]
    payload = Webhook(endpoint["secret"]).verify(got.body.decode(), got.headers)
    assert got.headers["webhook-id"] == event.id
    assert payload["type"] == "payment.succeeded"
    assert payload["id"] == event.id
    assert payload["sequence"] == 1
    assert payload["resource"] == {"kind": "payment", "id": event.resource.id}
    assert payload["data"] == {"amount": 499.0, "currency": "INR", "note": "Zoë ₹"}
    assert "accept-encoding" not in got.headers
    stored = unpack(await service.admin.fetchval("SELECT body FROM events WHERE id = $1", event.id))
    assert stored == got.body

    async def finished() -> Any:
        return [one for one in await service.deliveries(endpoint["id"]) if one["status"] == "succeeded"]

    (delivery,) = await eventually(finished, what="the outcome")
    assert delivery["event_id"] == event.id
    assert [one["status"] for one in delivery["attempts"]] == [200]
    assert delivery["attempts"][0]["response_body"] == "taken"


async def test_only_matching_endpoints_of_the_tenant_get_it(service: Running, receiver: Receiver) -> None:
    tenant = service.connection.tenant_id
    wanted = await service.create_endpoint(receiver.url, event_types=["refund.*"])
    await service.create_endpoint(receiver.url, event_types=["payment.failed"])
    await service.create_endpoint(receiver.url, tenant_id="ten_others_shop")
    await service.publish(service.event("payment.succeeded"))
    await service.publish(service.event("refund.succeeded"))
    await eventually(lambda: receiver.got, what="the delivery")
    assert json.loads(receiver.got[0].body)["type"] == "refund.succeeded"
    await eventually(lambda: service.admin.fetchval("SELECT count(*) = 2 FROM events WHERE tenant_id = $1", tenant))
    owed = await service.admin.fetch(
        "SELECT endpoint_id FROM deliveries UNION ALL SELECT endpoint_id FROM delivery_queue"
    )
    assert [row["endpoint_id"] for row in owed] == [wanted["id"]]


async def test_the_same_record_twice_is_one_delivery(service: Running, receiver: Receiver) -> None:
    await service.create_endpoint(receiver.url)
    first, last = service.event(), service.event()
    for event in (first, first, first, last):
        await service.publish(event)
    await eventually(lambda: any(got.headers["webhook-id"] == last.id for got in receiver.got))
    await eventually(lambda: service.admin.fetchval("SELECT count(*) = 2 FROM deliveries"))
    assert sorted(got.headers["webhook-id"] for got in receiver.got) == sorted([first.id, last.id])
    slots = service.app.state.services.worker._slots
    assert slots.in_flight == 0, "what was stored before holds no slot"


async def test_what_the_registry_says_of_a_connection_is_delivered_too(service: Running, receiver: Receiver) -> None:
    await service.create_endpoint(receiver.url, event_types=["connection.*"])
    connection = EventResource(kind="connection", id=service.connection.connection_id)
    for sequence, type_ in enumerate(("connection.credentials_refused", "connection.credentials_accepted"), start=1):
        event = service.event(type_, resource=connection, sequence=sequence, data={"id": connection.id})
        await service.publish(event, source="registry")
    await eventually(lambda: len(receiver.got) == 2, what="both deliveries")
    payloads = sorted((json.loads(got.body) for got in receiver.got), key=lambda payload: payload["sequence"])
    assert [payload["type"] for payload in payloads] == [
        "connection.credentials_refused",
        "connection.credentials_accepted",
    ]
    assert payloads[0]["resource"] == {"kind": "connection", "id": connection.id}


async def test_what_is_no_event_of_the_registry_is_put_aside(
    service: Running, receiver: Receiver, kafka_bootstrap: str
) -> None:
    await service.create_endpoint(receiver.url)
    await service.producer.publish(topics.events(topics.REGISTRY), b"not an event", key="con_x")
    after = service.event("connection.credentials_refused")
    await service.publish(after, source="registry")
    await eventually(lambda: receiver.got, what="the delivery")
    assert receiver.got[0].headers["webhook-id"] == after.id
