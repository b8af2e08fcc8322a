"""Providers of messages beside those of payments, and the service at a real address."""

import asyncio
import base64
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from aiokafka import AIOKafkaConsumer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from onerouter_common.contracts import topics
from onerouter_common.contracts.callbacks import Callback
from onerouter_providers.loader import GROUP, Providers

from ..conftest import Running, eventually

BASE_URL = "https://hooks.example.com/in"
"""As providers know us, whatever address the tests use."""

_MESSAGES = ("sms.twilio", "sms.sns", "email.resend", "email.sendgrid", "email.mailgun", "email.ses")

ReadCallbacks = Callable[..., Any]


@pytest.fixture(scope="session")
def providers() -> Providers:
    return all_providers()


def all_providers() -> Providers:
    """Whether or not they are installed."""
    ours = [EntryPoint(name, f"onerouter_providers.{name}", GROUP) for name in _MESSAGES]
    return Providers.load([*entry_points(group=GROUP), *ours])


@pytest.fixture(scope="session")
def specs() -> Path:
    """The reference folder with signature vectors; it is not part of the repository."""
    repository = Path(__file__).resolve().parents[4]
    folder = Path(os.environ.get("ONEROUTER_SPECS_DIR", repository.parent / "shared" / "specs"))
    if not (folder / "messaging-webhook-vectors.json").is_file() or not (folder / "webhook-samples").is_dir():
        pytest.skip("no specs folder: set ONEROUTER_SPECS_DIR")
    return folder


@pytest.fixture
def read_callbacks(kafka_bootstrap: str) -> ReadCallbacks:
    """`await read_callbacks(tenant_id, n, category)`: the first n records on the topic that are of the tenant."""

    async def read(tenant_id: str, count: int, category: str = "payments") -> list[tuple[str, Callback]]:
        consumer = AIOKafkaConsumer(
            topics.callbacks(category), bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest"
        )
        await consumer.start()
        found: list[tuple[str, Callback]] = []
        try:
            async with asyncio.timeout(10):
                while len(found) < count:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        for record in records:
                            callback = Callback.model_validate_json(record.value)
                            if callback.tenant_id == tenant_id:
                                found.append((record.key.decode(), callback))
        finally:
            await consumer.stop()
        return found

    return read


SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())


@dataclass
class SendGrid:
    """One of the tenant's connections, and who sends to it."""

    service: Running
    token: str
    connection_id: str

    async def send(self, *events: Any, raw: bytes | None = None) -> httpx.Response:
        body = json.dumps(events).encode() + b"\r\n" if raw is None else raw
        at = str(int(time.time()))
        signature = SENDGRID_KEY.sign(at.encode() + body, ec.ECDSA(SHA256()))
        prefix = "X-Twilio-Email-Event-Webhook"
        headers = {f"{prefix}-Timestamp": at, f"{prefix}-Signature": base64.b64encode(signature).decode()}
        return await self.service.http.post(f"/callbacks/sendgrid/{self.token}", content=body, headers=headers)


def sendgrid(service: Running) -> SendGrid:
    der = SENDGRID_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    public = {"webhook_public_key": base64.b64encode(der).decode()}
    token, target = service.connection.connect("email", "sendgrid", {}, public)
    return SendGrid(service, token, target.connection_id)


def delivered(number: int = 0, **changes: Any) -> dict[str, Any]:
    """One event of SendGrid's."""
    return {
        "email": f"user{number}@example.net",
        "event": "delivered",
        "sg_event_id": secrets.token_hex(8),
        "sg_message_id": f"message{number}.recvd-1.0",
        "timestamp": 1_795_279_573,
        **changes,
    }


@asynccontextmanager
async def over_http(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    """The running service behind a real server."""
    server = uvicorn.Server(uvicorn.Config(service.app, port=0, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        yield http
    server.should_exit = True
    await task
