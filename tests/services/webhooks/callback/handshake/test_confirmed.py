"""A topic of Amazon SNS that asks before it calls: answered through the messaging service, until that has said yes."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from onerouter_common.contracts.event_types import EVENT_TYPES
from onerouter_providers.certificates import Certificates
from onerouter_providers.loader import Providers
from onerouter_providers.sns_messages import string_to_sign
from onerouter_webhooks.callback.handshake.notices import REFUSED, of_refusal
from onerouter_webhooks.callback.handshake.repository import Asked

from ...conftest import INTERNAL_TOKEN, Running, StartService, eventually, rows_of

TOPIC = "arn:aws:sns:us-east-1:123456789012:onerouter-ses"
KEY = rsa.generate_private_key(65_537, 2_048)


@dataclass
class Messaging:
    """The messaging service's part of it. `answers`: a status for each question, then 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((request.path, headers, await request.json()))
        status = self.answers.pop(0) if self.answers else 200
        return web.json_response({"confirmed": status == 200, "detail": "Not with this key."}, status=status)


@asynccontextmanager
async def listening(messaging: Messaging) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_post("/{tail:.*}", messaging.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    messaging.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    try:
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
async def messaging() -> AsyncIterator[Messaging]:
    made = Messaging()
    async with listening(made):
        yield made


@pytest.fixture(autouse=True)
def certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(KEY, hashes.SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)

    async def download(_: Certificates, __: str) -> tuple[int, bytes]:
        return 200, pem

    monkeypatch.setattr(Certificates, "_download", download)


def asks(topic: str = TOPIC, message_id: str = "msg-1", **changes: str) -> bytes:
    message = {
        "Type": "SubscriptionConfirmation",
        "MessageId": message_id,
        "Token": f"token-of-{message_id}",
        "TopicArn": topic,
        "Message": "You have chosen to subscribe",
        "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?"
        + urlencode({"Action": "ConfirmSubscription", "TopicArn": topic, "Token": f"token-of-{message_id}"}),
        "Timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}",
        "SignatureVersion": "2",
        "SigningCertURL": f"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-{'0' * 32}.pem",
        **changes,
    }
    signature = KEY.sign(string_to_sign(message), padding.PKCS1v15(), hashes.SHA256())
    return json.dumps({**message, "Signature": base64.b64encode(signature).decode()}).encode()


Start = Callable[..., Any]


@pytest.fixture
def start(start_service: StartService, providers: Providers, messaging: Messaging) -> Start:
    return lambda **changes: start_service(
        **{"providers": providers, "messaging_url": messaging.url or "http://127.0.0.1:1", **changes}
    )


async def state_of(service: Running) -> tuple[str, int, bool]:
    """State, tries, and whether the token is still there."""
    (row,) = await service.admin.fetch("SELECT * FROM callback_handshakes")
    return row["state"], row["attempts"], row["sealed"] is not None


async def ask(service: Running, body: bytes) -> int:
    token, _ = service.connection.connect("email", "ses", {}, {"sns_topic_arn": TOPIC})
    answer = await service.http.post(f"/callbacks/ses/{token}", content=body)
    return answer.status_code


async def hurry(service: Running) -> None:
    await service.admin.execute("UPDATE callback_handshakes SET due_at = now() WHERE state = 'waiting'")


async def test_yes_is_said_by_who_has_the_credentials(start: Start, messaging: Messaging) -> None:
    async with start() as service:
        token, target = service.connection.connect("email", "ses", {}, {"sns_topic_arn": TOPIC})
        body = asks()
        for _ in range(3):
            assert (await service.http.post(f"/callbacks/ses/{token}", content=body)).status_code == 200

        async def confirmed() -> bool:
            return await state_of(service) == ("confirmed", 1, False)

        await eventually(confirmed)
        ((path, headers, told),) = messaging.asked
        assert path == f"/internal/connections/{target.connection_id}/confirm-callbacks"
        assert told == {"subject": TOPIC, "token": "token-of-msg-1"}
        assert headers["authorization"] == f"Bearer {INTERNAL_TOKEN}"
        assert headers["x-onerouter-tenant"] == target.tenant_id
        assert headers["x-onerouter-environment"] == "test"
        assert [(row["state"], row["seen"]) for row in await rows_of(service)] == [("handshake", 3)]
        assert await service.admin.fetchval("SELECT count(*) FROM callback_records") == 0


async def test_only_of_the_connections_topic(start: Start, messaging: Messaging) -> None:
    async with start() as service:
        assert await ask(service, asks("arn:aws:sns:us-east-1:999999999999:theirs")) == 401
        assert await ask(service, asks().replace(b"token-of-msg-1", b"token-of-msg-2")) == 401
        assert await rows_of(service) == []
        assert await service.admin.fetchval("SELECT count(*) FROM callback_handshakes") == 0
        assert messaging.asked == []


async def test_not_where_it_is_to_be_confirmed_elsewhere(start: Start, messaging: Messaging) -> None:
    async with start() as service:
        assert await ask(service, asks(SubscribeURL="https://evil.example/fetch-me")) == 200
        assert [row["state"] for row in await rows_of(service)] == ["unparsed"]
        assert await service.admin.fetchval("SELECT count(*) FROM callback_handshakes") == 0
        assert messaging.asked == []


async def test_it_is_asked_again_until_there_is_a_yes(start: Start, messaging: Messaging) -> None:
    messaging.answers = [503, 502, 401]
    async with start() as service:
        assert await ask(service, asks()) == 200
        for tries in range(1, 4):

            async def tried(tries: int = tries) -> bool:
                return await state_of(service) == ("waiting", tries, True)

            await eventually(tried)
            await hurry(service)

        async def confirmed() -> bool:
            return await state_of(service) == ("confirmed", 4, False)

        await eventually(confirmed)
    assert len(messaging.asked) == 4


async def test_what_was_asked_outlives_the_process(start: Start, messaging: Messaging) -> None:
    async with start(messaging_url="http://127.0.0.1:1") as service:
        assert await ask(service, asks()) == 200

        async def tried() -> bool:
            return (await state_of(service))[1] >= 1

        await eventually(tried)
    async with start() as service:
        await hurry(service)

        async def confirmed() -> bool:
            return (await state_of(service))[0] == "confirmed"

        await eventually(confirmed)
    assert [told["token"] for _, _, told in messaging.asked] == ["token-of-msg-1"]


async def test_a_refusal_for_good_and_a_token_that_is_over_end_it(start: Start, messaging: Messaging) -> None:
    messaging.answers = [404]
    async with start() as service:
        assert await ask(service, asks()) == 200

        async def refused() -> bool:
            return await state_of(service) == ("refused", 1, False)

        await eventually(refused)
        await service.admin.execute("DELETE FROM callback_handshakes")
        messaging.answers = [503]
        assert await ask(service, asks(message_id="msg-2")) == 200

        async def tried() -> bool:
            return (await state_of(service))[1] == 1

        await eventually(tried)
        (row,) = await service.admin.fetch("SELECT expires_at - created_at AS valid FROM callback_handshakes")
        assert row["valid"] == timedelta(days=3)
        await service.admin.execute("UPDATE callback_handshakes SET expires_at = now(), due_at = now()")

        async def expired() -> bool:
            return await state_of(service) == ("expired", 2, False)

        await eventually(expired)
    assert len(messaging.asked) == 2


async def test_a_key_that_may_not_say_yes_is_told_once(start: Start, messaging: Messaging) -> None:
    messaging.answers = [502] * 5
    async with start() as service:
        assert await ask(service, asks()) == 200
        for tries in range(1, 6):

            async def tried(count: int = tries) -> bool:
                return len(messaging.asked) >= count

            await eventually(tried)
            await hurry(service)

        async def is_over() -> bool:
            unsent = await service.admin.fetchval("SELECT count(*) FROM event_outbox")
            return (await state_of(service))[0] == "confirmed" and not unsent

        await eventually(is_over)
        told = "SELECT resource_kind FROM events WHERE type = 'callback_subscription.refused' AND tenant_id = $1"
        await eventually(lambda: service.admin.fetchval(f"SELECT EXISTS ({told})", service.connection.tenant_id))
        (row,) = await service.admin.fetch(told, service.connection.tenant_id)
        assert row["resource_kind"] == "callback_subscription"


def test_what_is_told_is_what_the_catalogue_says() -> None:
    at = datetime.now(UTC)
    asked = Asked("cb_1", "ten_1", "live", "con_1", "ses", "email", TOPIC, "sealed", 3, at, is_over=False)
    first, again = of_refusal(asked, "Not with this key."), of_refusal(replace(asked, attempts=4), "Not with this key.")
    assert first == again, "it would be another event"
    assert first.data.keys() == EVENT_TYPES[REFUSED].example.keys()
    assert (first.data["subject"], first.data["reason"]) == (TOPIC, "Not with this key.")
    assert "sealed" not in first.model_dump_json()
