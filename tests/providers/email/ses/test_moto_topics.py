"""Notifications that moto signs as SNS does are believed, and none that differs: somebody else's idea of the signature."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from cryptography import x509
from pydantic import SecretStr
from tests.providers.payments.inbox import Inbox

from onerouter_providers.email.ses import webhook
from onerouter_providers.webhook import SignatureInvalid

SIGNED_AS_SNS = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20261122/us-east-1/sns/aws4_request"}
EVENT = {"eventType": "Send", "send": {}, "mail": {"messageId": "m-1", "timestamp": "2026-11-22T00:00:00.000Z"}}


async def published(moto_url: str, inbox: Inbox) -> tuple[str, dict[str, Any], x509.Certificate]:
    """The topic, one notification as it came, and the certificate that it names. moto signs only without a subject."""
    config = AioConfig(retries={"max_attempts": 0})
    keys = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "s"}
    async with get_session().create_client(
        "sns", region_name="us-east-1", endpoint_url=moto_url, config=config, **keys
    ) as sns:
        topic = (await sns.create_topic(Name="events"))["TopicArn"]
        await sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{inbox.url}/moto")
        await sns.publish(TopicArn=topic, Message=json.dumps(EVENT))
    async with asyncio.timeout(60):
        while not inbox.came.get("moto"):
            await asyncio.sleep(0.01)
    _, body = inbox.came["moto"][0]
    message = json.loads(body)
    async with httpx.AsyncClient(base_url=moto_url, trust_env=False) as http:
        answer = await http.get(urlsplit(message["SigningCertURL"]).path, headers=SIGNED_AS_SNS)
    return topic, message, x509.load_pem_x509_certificate(answer.raise_for_status().content)


async def test_only_what_was_signed_is_believed(moto_url: str, inbox: Inbox) -> None:
    topic, message, certificate = await published(moto_url, inbox)
    secrets, now = {"sns_topic_arn": SecretStr(topic)}, datetime.now(UTC)

    def verify(changed: dict[str, Any], pinned: dict[str, SecretStr] = secrets) -> None:
        webhook.verify(json.dumps(changed).encode(), {}, pinned, certificate, now)

    verify(message)
    for name in ("Message", "MessageId", "Timestamp", "TopicArn", "Signature"):
        with pytest.raises(SignatureInvalid):
            verify({**message, name: message[name][:-1] + ("A" if message[name][-1] != "A" else "B")})
    with pytest.raises(SignatureInvalid):
        verify(message, {"sns_topic_arn": SecretStr(topic + "x")})
