"""Every request that the client sends, and every answer that the sandbox gives, is as Twilio's OpenAPI file says."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx
import pytest
from tests.providers.payments.paypal.openapi import Document

from onerouter_providers.messages import MessageReference
from onerouter_providers.testing.payments_suite import new_key

if TYPE_CHECKING:
    from .conftest import TwilioLab

NUMBER = "+14155550100"


@dataclass(frozen=True)
class Exchange:
    request: httpx.Request
    status: int
    received: Any

    @property
    def path(self) -> str:
        return self.request.url.path.removeprefix("/twilio")


@dataclass
class Recorder(httpx.AsyncBaseTransport):
    """Passes calls on, and remembers them."""

    pool: httpx.AsyncBaseTransport
    heard: list[Exchange] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.pool.handle_async_request(request)
        content = b"".join([chunk async for chunk in response.aiter_raw()])
        await response.aclose()
        self.heard.append(Exchange(request, response.status_code, json.loads(content)))
        return httpx.Response(response.status_code, headers=response.headers, content=content)


async def test_the_life_of_messages(lab: "TwilioLab", specs: Path) -> None:
    document = Document(specs / "twilio-messages.openapi.json")
    recorder = Recorder(lab.pool)
    await _do_everything(replace(lab, pool=recorder))
    assert {(each.request.method, re.sub(r"(AC|SM)[0-9a-f]{32}", "X", each.path)) for each in recorder.heard} == {
        ("GET", "/2010-04-01/Accounts/X/Balance.json"),
        ("GET", "/2010-04-01/Accounts/X/Messages.json"),
        ("GET", "/2010-04-01/Accounts/X/Messages/X.json"),
        ("POST", "/2010-04-01/Accounts/X/Messages.json"),
        ("POST", "/2010-04-01/Accounts/X/Messages/X.json"),
    }
    for exchange in recorder.heard:
        assert list(_problems(document, exchange)) == [], f"{exchange.request.method} {exchange.path}"


def test_the_judge_sees_what_is_wrong(specs: Path) -> None:
    document = Document(specs / "twilio-messages.openapi.json")
    url = f"http://x/2010-04-01/Accounts/AC{'0' * 32}/Messages.json"
    for body, received in (
        ({"To": "+1", "Colour": "red"}, {}),
        ({"MessagingServiceSid": "not one"}, {}),
        ({"To": "+1"}, {"status": "teleported"}),
        ({"To": "+1"}, {"num_segments": 1}),
        ({"To": "+1"}, {"colour": "red"}),
    ):
        assert list(_problems(document, Exchange(httpx.Request("POST", url, data=body), 201, received))) != []


async def _do_everything(lab: "TwilioLab") -> None:
    client = lab.client()
    await client.probe()
    for fate in ("delivered", "failed"):
        request = lab.request("Olá 👋")
        made = await client.send_sms(request, key=new_key())
        await lab.decide(made.provider_message_id, fate)
        await client.get_sms(
            MessageReference(request.message_id, made.provider_message_id, request.to, datetime.now(UTC))
        )
    request = replace(lab.request(), send_at=datetime.now(UTC) + timedelta(hours=1))
    scheduled = await client.send_sms(request, key=new_key())
    reference = MessageReference(request.message_id, scheduled.provider_message_id, request.to, datetime.now(UTC))
    await client.cancel_sms(reference, key=new_key())
    await client.send_sms(replace(lab.request(), sender=NUMBER, callback_url=None), key=new_key())
    template = replace(lab.request(""), provider_template="HX" + "c" * 32, variables={"1": "Ada"})
    await client.send_sms(template, key=new_key())
    await client.find_sms(request, since=datetime.now(UTC))


def _problems(document: Document, exchange: Exchange) -> Iterator[str]:
    operation = document.operation(exchange.request.method, exchange.path)
    if operation is None:
        yield "no such operation"
        return
    yield from _request(document, operation, exchange.request)
    response = operation["responses"].get(str(exchange.status))
    if response is None:
        yield f"status {exchange.status} is not documented"
        return
    schema = response["content"]["application/json"]["schema"]
    yield from document.problems(schema, exchange.received, sent=False)


def _request(document: Document, operation: Mapping[str, Any], request: httpx.Request) -> Iterator[str]:
    path_item = [one for one in operation.get("parameters", []) if one["in"] == "query"]
    known = {one["name"]: one["schema"] for one in path_item}
    for name, value in request.url.params.multi_items():
        if name not in known:
            yield f"query {name} is not documented"
        elif known[name].get("type") != "integer":
            yield from document.problems(known[name], value, sent=True)
    form = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
    if not form:
        return
    schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    yield from document.problems(schema, form, sent=True)


@pytest.mark.parametrize("name", ["Messages.json", "Balance.json"])
def test_the_file_is_the_one_we_read(specs: Path, name: str) -> None:
    paths = json.loads((specs / "twilio-messages.openapi.json").read_text("utf-8"))["paths"]
    assert f"/2010-04-01/Accounts/{{AccountSid}}/{name}" in paths
