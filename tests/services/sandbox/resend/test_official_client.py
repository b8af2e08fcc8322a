"""Resend's own Python client, pointed at the sandbox and nothing else changed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import resend

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver
    from tests.services.sandbox.resend.conftest import Team

SECRET = "whsec_b25lcm91dGVyLXRlc3Qtd2ViaG9vay1rZXktMzJieXQ="
GIVEN = {"from": "Acme <hello@example.com>", "to": ["ada@example.net"], "subject": "Hi", "html": "<p>T</p>"}


@pytest.fixture
def client(team: "Team", monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(resend, "api_url", f"{team.url}/resend")
    monkeypatch.setattr(resend, "api_key", team.api_key)
    return resend


async def test_send_read_and_cancel(team: "Team", client: Any) -> None:
    do = asyncio.to_thread
    first = await do(client.Emails.send, GIVEN, {"idempotency_key": "k1"})
    again = await do(client.Emails.send, GIVEN, {"idempotency_key": "k1"})
    assert first["id"] == again["id"]
    assert (await do(client.Emails.get, first["id"]))["last_event"] == "delivered"
    later = {**GIVEN, "scheduled_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    waiting = await do(client.Emails.send, later)
    assert (await do(client.Emails.cancel, waiting["id"]))["id"] == waiting["id"]
    assert [each["last_event"] for each in (await do(client.Emails.list))["data"]] == ["canceled", "delivered"]


async def test_attachments_headers_and_tags_come_through(team: "Team", client: Any) -> None:
    attachment = {"filename": "a.txt", "content": list(b"abc")}
    more = {"headers": {"X-Order": "17"}, "tags": [{"name": "a", "value": "b"}], "attachments": [attachment]}
    sent = await asyncio.to_thread(client.Emails.send, {**GIVEN, **more})
    (shown,) = (await team.control.get("/resend/emails", params={"account": team.account_id})).json()["data"]
    assert (shown["id"], shown["headers"], shown["tags"]) == (sent["id"], {"X-Order": "17"}, {"a": "b"})
    opened = (await team.control.get(f"{team.url}/inbox/api/messages/resend/{sent['id']}")).json()
    (file,) = opened["files"]
    assert (await team.control.get(f"{team.url}{file['url']}")).content == b"abc"


@pytest.mark.parametrize(
    ("changes", "account", "error"),
    [
        ({"to": "nonsense"}, {}, "validation_error"),
        ({"from": "hello@elsewhere.example"}, {}, "validation_error"),
        ({}, {"api_key": "re_another_secret"}, "invalid_api_key"),
        ({}, {"requests_per_s": 1}, "rate_limit_exceeded"),
        ({}, {"daily_quota": 1}, "daily_quota_exceeded"),
    ],
)
async def test_refusals_are_its_exceptions(
    team: "Team", client: Any, changes: dict[str, Any], account: dict[str, Any], error: str
) -> None:
    await team.register(**account)
    with pytest.raises(resend.exceptions.ResendError) as caught:
        for _ in range(2):
            await asyncio.to_thread(client.Emails.send, {**GIVEN, **changes})
    assert caught.value.error_type == error


async def test_callbacks_pass_its_verifier(team: "Team", client: Any, receiver: "Receiver") -> None:
    await team.register(webhook_url=receiver.url)
    await asyncio.to_thread(client.Emails.send, GIVEN)
    for delivery in await receiver.wait(2):
        lower = {name.lower(): value for name, value in delivery.headers.items()}
        headers = {name: lower[f"svix-{name}"] for name in ("id", "timestamp", "signature")}
        options = {"payload": delivery.body.decode(), "headers": headers, "webhook_secret": SECRET}
        client.Webhooks.verify(options)
        with pytest.raises(ValueError, match=r".+"):
            client.Webhooks.verify({**options, "payload": delivery.body.decode() + " "})
