"""SendGrid's own Python client, pointed at the sandbox and nothing else changed."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
import sendgrid  # type: ignore[import-untyped]
from python_http_client.exceptions import HTTPError  # type: ignore[import-untyped]
from sendgrid.helpers import eventwebhook as event_webhook  # type: ignore[import-untyped]
from sendgrid.helpers import mail as helpers

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver
    from tests.services.sandbox.sendgrid.conftest import Shop


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


async def test_a_batch_that_waits_is_canceled(shop: "Shop", client: Any) -> None:
    do = asyncio.to_thread
    batch_id = (await do(client.client.mail.batch.post)).to_dict["batch_id"]
    message = helpers.Mail("hello@example.com", "ada@example.net", "Hi", "T")
    message.send_at = helpers.SendAt(int(time.time()) + 3_600)
    message.batch_id = helpers.BatchId(batch_id)
    assert (await do(client.send, message)).status_code == 202
    stop = await do(client.client.user.scheduled_sends.post, {"batch_id": batch_id, "status": "cancel"})
    assert stop.to_dict == {"batch_id": batch_id, "status": "cancel"}
    assert (await do(client.client.user.scheduled_sends._(batch_id).get)).to_dict == [stop.to_dict]
    await shop.advance(3_600)
    assert await shop.effects() == []


@pytest.mark.parametrize(
    ("sender", "account", "status"),
    [
        ("hello@example.com", {"api_key": f"SG.{'x' * 22}.{'y' * 43}"}, 401),
        ("hello@elsewhere.example", {}, 403),
        ("nonsense", {}, 400),
        ("hello@example.com", {"requests_per_s": 1}, 429),
    ],
)
async def test_refusals_are_its_exceptions(
    shop: "Shop", client: Any, sender: str, account: dict[str, Any], status: int
) -> None:
    await shop.register(**account)
    with pytest.raises(HTTPError) as caught:
        for _ in range(2):
            await asyncio.to_thread(client.send, helpers.Mail(sender, "ada@example.net", "Hi", "T"))
    assert caught.value.status_code == status
    assert caught.value.to_dict["errors"][0]["message"]
