"""SendGrid's own Python client, pointed at the sandbox and nothing else changed."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver
    from tests.services.sandbox.sendgrid.conftest import Shop

sendgrid = pytest.importorskip("sendgrid", reason="the official client is not installed here")
event_webhook = pytest.importorskip("sendgrid.helpers.eventwebhook")
helpers = pytest.importorskip("sendgrid.helpers.mail")


@pytest.fixture
def client(shop: "Shop") -> Any:
    return sendgrid.SendGridAPIClient(shop.api_key, host=f"{shop.url}/sendgrid")


async def test_send_and_read(shop: "Shop", client: Any) -> None:
    message = helpers.Mail(
        from_email=("hello@example.com", "Acme"),
        to_emails="ada@example.net",
        subject="Hi",
        plain_text_content="T",
        html_content="<p>T</p>",
    )
    message.add_custom_arg(helpers.CustomArg("onerouter_id", "eml_01"))
    message.add_attachment(helpers.Attachment("YWJj", "a.txt", "text/plain", "attachment"))
    answer = await asyncio.to_thread(client.send, message)
    assert answer.status_code == 202
    assert await shop.effects() == ["eml_01"]
    found = await asyncio.to_thread(client.client.logs.post, {"query": "to_email = 'ada@example.net'"})
    (line,) = found.to_dict["messages"]
    assert line["sg_message_id"].startswith(answer.headers["X-Message-Id"])


async def test_events_pass_its_verifier(shop: "Shop", client: Any, receiver: "Receiver") -> None:
    key = (await shop.register(webhook_url=receiver.url))["webhook_public_key"]
    await shop.sent()
    (delivery,) = await receiver.wait(1)
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    signature, at = (headers[f"x-twilio-email-event-webhook-{name}"] for name in ("signature", "timestamp"))
    verifier = event_webhook.EventWebhook(key)
    assert verifier.verify_signature(delivery.body.decode(), signature, at)
    assert not verifier.verify_signature(delivery.body.decode().strip(), signature, at)
