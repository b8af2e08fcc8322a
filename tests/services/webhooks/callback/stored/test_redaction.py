"""Who is to be forgotten: what mentions them is not kept, and is still not taken twice."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from onerouter_providers.loader import Providers
from onerouter_webhooks.callback.stored.redaction import mentions, pattern_of

from ...conftest import Running, StartService, razorpay_body, rows_of
from ..conftest import delivered, sendgrid


@pytest.fixture
async def service(start_service: StartService, providers: Providers) -> AsyncIterator[Running]:
    async with start_service(providers=providers) as running:
        yield running


async def redact(service: Running, *texts: str, status: int = 200, **wish: Any) -> dict[str, Any]:
    body = {"tenant_id": service.connection.tenant_id, "mentioning": list(texts), **wish}
    answer = await service.http.post("/internal/callbacks/redact", json=body, headers=service.owner())
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_headers_and_body_go_and_the_callback_is_still_known(service: Running) -> None:
    sender = sendgrid(service)
    events = [delivered(number) for number in (1, 2)]
    for event in events:
        await sender.send(event)
    await service.send_callback(razorpay_body(email="USER1@example.net", id="pay_ORTEST00000009"), event_id="evt_1")
    told = await redact(service, "user1@example.net")
    assert (told["examined"], told["redacted"], told["next_after"]) == (3, 2, None)
    rows = await rows_of(service)
    assert [(row["sealed"] is None, row["redacted_at"] is None) for row in rows] == [
        (True, False),
        (False, True),
        (True, False),
    ]
    assert (await redact(service, "user1@example.net"))["redacted"] == 0
    records = await service.admin.fetchval("SELECT count(*) FROM callback_records")
    assert (await sender.send(events[0])).status_code == 200  # known by its id
    assert await service.admin.fetchval("SELECT count(*) FROM callback_records") == records


async def test_by_the_id_of_a_resource_and_only_of_this_tenant(service: Running) -> None:
    await service.send_callback(razorpay_body(id="pay_ORTEST00000009", notes={"receipt": "pay_01our"}))
    assert (await redact(service, "pay_ORTEST00000009", tenant_id="ten_another"))["redacted"] == 0
    assert (await redact(service, "pay_ORTEST00000009", environment="live"))["redacted"] == 0
    assert (await redact(service, "pay_ORTEST0000000"))["redacted"] == 0
    assert (await redact(service, "pay_nothing", "pay_01our"))["redacted"] == 1


async def test_what_is_asked_for_wrongly_is_said(service: Running) -> None:
    for texts in ([], ["a"], ["x" * 321], [f"text{number}" for number in range(21)]):
        await redact(service, *texts, status=422)
    await redact(service, "user@example.net", status=422, environment="both")


class TestMentions:
    @pytest.mark.parametrize(
        ("text", "body"),
        [
            ("zoe@example.net", b'{"to":["Zoe@Example.net"]}'),
            ("zoe@example.net", b"To=zoe%40example.net&x=1"),
            ("zoe+tag@example.net", b"To=zoe%2Btag%40example.net"),
            ("zoë@example.net", json.dumps({"to": "zoë@example.net"}).encode()),
            ("zoë@example.net", json.dumps({"Message": json.dumps({"to": "zoë@example.net"})}).encode()),
            ("zoe@example.net", json.dumps({"Message": json.dumps({"to": '"Zoe" <zoe@example.net>'})}).encode()),
            ("👋@example.net", json.dumps({"to": "👋@example.net"}).encode()),
            ("+14155550100", b"From=%2B14155550100&To=x"),
            ("+14155550100", b'{"contact":"+14155550100"}'),
            ("+14155550100", b'{"contact":"14155550100"}'),
            ("14155550100", b'{"contact":"+14155550100"}'),
            ("pay_01abc", b'{"id":"pay_01abc","x":"\xff"}'),
        ],
    )
    def test_in_whatever_form_it_is_written(self, text: str, body: bytes) -> None:
        assert mentions(pattern_of(["nobody@example.org", text]), {}, body)

    @pytest.mark.parametrize(
        ("text", "body"),
        [
            ("zoe@example.net", b'{"to":"chloe.zoe@example.net"}'),
            ("zoe@example.net", b'{"to":"zoe@example.net.au"}'),
            ("zoe@example.net", b'{"to":"zoe@example-net"}'),
            ("+14155550100", b"From=%2B141555501009"),
            ("+14155550100", b"From=914155550100"),
            ("pay_01", b'{"id":"pay_01abc"}'),
            ("a.c@example.net", b'{"id":"abc@example.net"}'),
        ],
    )
    def test_somebody_else_is_left_alone(self, text: str, body: bytes) -> None:
        assert not mentions(pattern_of([text]), {}, body)

    def test_in_headers_too(self) -> None:
        address = {"x-onerouter-callback-address": "https://hooks.example.com/callbacks/twilio/t?msg=sms_01abc"}
        assert mentions(pattern_of(["sms_01abc"]), address, b"")
