"""What our client sends and what the simulator answers, judged by Mailgun's own OpenAPI description."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from tests.providers.email.mailgun.conftest import MailgunLab, Wire

from onerouter_providers.email.mailgun.client import MailgunEmail
from onerouter_providers.messages import Address, Attachment, EmailRequest, MessageReference
from onerouter_sandbox.mailgun import forms
from onerouter_sandbox.wire import Request

MESSAGES = "/v3/{domain_name}/messages"
FREE = ("h:", "v:")
"""Prefixes of names that the description gives by example only."""


@pytest.fixture(scope="module")
def description(specs: Path) -> Mapping[str, Any]:
    file = specs / "mailgun.openapi.json"
    if not file.is_file():
        pytest.skip("no mailgun.openapi.json in the specs folder")
    found: Mapping[str, Any] = json.loads(file.read_text())
    return found


def judge(description: Mapping[str, Any], schema: Mapping[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": description["components"]})


def answer_of(description: Mapping[str, Any], path: str, method: str) -> Draft202012Validator:
    content = description["paths"][path][method]["responses"]["200"]["content"]
    return judge(description, content["application/json"]["schema"])


def complete(lab: MailgunLab) -> EmailRequest:
    return lab.request(
        html="<p>Hi</p>",
        cc=[Address("cc@example.net")],
        bcc=[Address("bcc@example.net")],
        reply_to=[Address("help@example.net")],
        headers={"X-Order": "17"},
        tags=["orders"],
        attachments=[
            Attachment("a.txt", b"a", "text/plain"),
            Attachment("b.png", b"b", "image/png", content_id="b"),
        ],
        send_at=datetime.now(UTC) + timedelta(hours=1),
    )


async def test_the_form_is_as_described(
    lab: MailgunLab, client: MailgunEmail, wire: Wire, description: Mapping[str, Any]
) -> None:
    body = description["paths"][MESSAGES]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    schema = description["components"]["schemas"][body["$ref"].rpartition("/")[2]] if "$ref" in body else body
    templated = lab.request(text=None, subject=None, provider_template="welcome", variables={"a": 1})
    for request in (complete(lab), templated):
        await client.send_email(request, key="k")
        sent = wire.asked[-1]
        assert sent.url.path == MESSAGES.format(domain_name="mg.example.com")
        form = forms.read(
            Request("POST", "/", b"", {b"content-type": sent.headers["Content-Type"].encode()}, sent.content)
        )
        names = {name for name, _ in form.fields} | {each.name for each in form.files}
        assert {name for name in names if not name.startswith(FREE)} <= schema["properties"].keys()
        # A template brings its subject; the description lists `subject` as required all the same.
        assert set(schema["required"]) - names <= ({"subject"} if request is templated else set())
        for name, value in form.fields:
            allowed = schema["properties"].get(name, {}).get("enum")
            assert allowed is None or value in allowed


async def test_the_query_is_as_described(
    lab: MailgunLab, client: MailgunEmail, wire: Wire, description: Mapping[str, Any]
) -> None:
    wire.answer = httpx.Response(200, json={"items": [], "paging": {}})
    await client.find_email(lab.request(), since=datetime.now(UTC))
    asked = dict(wire.asked[-1].url.params)
    described = {
        each["name"]: each["schema"] for each in description["paths"]["/v3/{domain_name}/events"]["get"]["parameters"]
    }
    assert asked.keys() <= described.keys()
    assert asked["ascending"] in described["ascending"]["enum"]
    assert int(asked["limit"]) <= described["limit"]["maximum"]


@pytest.fixture
async def api(lab: MailgunLab) -> AsyncIterator[httpx.AsyncClient]:
    auth = ("api", lab.api_key)
    async with httpx.AsyncClient(base_url=f"{lab.url}/mailgun", auth=auth, trust_env=False) as opened:
        yield opened


async def test_the_simulators_answers_are_as_described(
    lab: MailgunLab, api: httpx.AsyncClient, description: Mapping[str, Any]
) -> None:
    request = complete(lab)
    made = await lab.client().send_email(request, key="k")
    await lab.advance(3_601)
    for fate in ("deferred", "delivered", "opened", "clicked", "complained", "bounced", "rejected", "suppressed"):
        await lab.happens(made.provider_message_id, fate)
    form = {"from": "a@example.com", "to": "b@example.net", "subject": "s", "text": "t"}
    for answer, path, method in (
        (await api.post(f"/v3/{lab.domain}/messages", data=form), MESSAGES, "post"),
        (await api.get(f"/v3/{lab.domain}/events?limit=300"), "/v3/{domain_name}/events", "get"),
        (await api.get(f"/v4/domains/{lab.domain}"), "/v4/domains/{name}", "get"),
    ):
        assert answer.status_code == 200
        errors = [error.message for error in answer_of(description, path, method).iter_errors(answer.json())]
        assert errors == []
    kinds = {event["event"] for event in (await api.get(f"/v3/{lab.domain}/events?limit=300")).json()["items"]}
    assert kinds == {"accepted", "delivered", "failed", "rejected", "opened", "clicked", "complained"}


async def test_the_documented_examples_are_understood(
    client: MailgunEmail, wire: Wire, description: Mapping[str, Any]
) -> None:
    answers = description["paths"]["/v3/{domain_name}/events"]["get"]["responses"]["200"]["content"]
    examples = answers["application/json"]["examples"]
    for name, status in (
        ("Accepted", "queued"),
        ("Delivered", "delivered"),
        ("Failed", "failed"),
        ("Rejected", "failed"),
    ):
        items = examples[name]["value"]["items"]
        wire.answer = httpx.Response(200, json={"items": items, "paging": {}})
        message_id = items[0]["message"]["headers"]["message-id"]
        shown = await client.get_email(MessageReference("eml_1", message_id, "", datetime.now(UTC)))
        assert shown.status == status
