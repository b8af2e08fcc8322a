"""The messaging service on real engines, with one tenant's connections to the sandbox: what the gateway sees of it.

In place of the webhooks service stands a receiver that takes every callback for genuine (signatures are tested where they
are checked) and publishes what it tells.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import httpx
from aiokafka import AIOKafkaConsumer
from fastapi import FastAPI, Request
from pydantic import SecretStr
from tests.libs.common.worker.rig import skip_what_is_there
from tests.services.payments.stack import (
    KEYS,
    LIVE_KEYS,
    REPLY_PARTITION,
    TOKEN,
    Account,
    connection_of,
    reader,
    registry_of,
    served,
)

from onerouter_common.broker import Producer
from onerouter_common.contracts import topics
from onerouter_common.contracts.base import Contract
from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.contracts.commands import HEADER_REPLY_PARTITION, HEADER_REPLY_TO, Command
from onerouter_common.contracts.events import Event
from onerouter_common.contracts.replies import Reply
from onerouter_common.ids import new_id
from onerouter_common.web.internal import InternalAuth
from onerouter_messaging.app import create_app
from onerouter_messaging.settings import Settings
from onerouter_providers.loader import Providers
from onerouter_providers.webhook import ADDRESS_HEADER
from onerouter_sandbox.app import create_app as create_sandbox
from onerouter_sandbox.settings import Settings as SandboxSettings

if TYPE_CHECKING:
    from onerouter_local.testing import Database

NUMBER: Final = "+15005550006"
_SECRET: Final = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
_PLAYED_AT: Final = {"twilio": "twilio", "sns": "sns/v1", "resend": "resend"}
_PREFIX: Final = {"sms": "sms", "email": "em", "sms_batch": "bat", "email_batch": "bat"}


@dataclass
class Told:
    """Replies, or events, that were read, for whoever asks later."""

    consumer: AIOKafkaConsumer
    seen: list[bytes] = field(default_factory=list)

    async def until(self, wanted: Any, within_s: float = 60) -> Any:
        place = 0
        async with asyncio.timeout(within_s):
            while True:
                while place < len(self.seen):
                    found = wanted(self.seen[place])
                    place += 1
                    if found is not None:
                        return found
                self.seen.append((await self.consumer.getone()).value)


@dataclass
class Stack:
    tenant_id: str
    connections: Mapping[str, str]
    """By provider; the second account at Twilio is `twilio_2`."""
    messaging: httpx.AsyncClient
    sandbox: httpx.AsyncClient
    producer: Producer
    replies: Told
    events: Told

    async def ask(self, operation: str, payload: Contract, *, message_id: str | None = None) -> Reply:
        """What the gateway does: publish a command, wait for its reply on the gateway's partition."""
        command = await self.publish(operation, payload, message_id=message_id)
        return await self.reply_to(command)

    async def publish(self, operation: str, payload: Contract, *, message_id: str | None = None) -> Command:
        kind = operation.partition(".")[0]
        category: Any = kind.removesuffix("_batch")
        resource_id = message_id or new_id(_PREFIX[kind])
        command = Command(
            command_id=new_id("cmd"),
            operation_id=new_id("op"),
            operation=operation,
            tenant_id=self.tenant_id,
            environment="test",
            category=category,
            resource_id=resource_id,
            ordering_key=resource_id,
            fingerprint="f" * 64,
            payload=payload.model_dump(mode="json"),
            api_key_id="key_1",
            accepted_at=datetime.now(UTC),
        )
        await self.producer.publish(
            topics.commands(category),
            command.to_bytes(),
            key=command.ordering_key,
            headers=[(HEADER_REPLY_TO, b"replies.v1"), (HEADER_REPLY_PARTITION, str(REPLY_PARTITION).encode())],
        )
        return command

    async def reply_to(self, command: Command) -> Reply:
        def of_it(value: bytes) -> Reply | None:
            reply = Reply.model_validate_json(value)
            return reply if reply.operation_id == command.operation_id else None

        found: Reply = await self.replies.until(of_it)
        return found

    async def event(self, type_: str, message_id: str) -> Event:
        """The first of this type about the message."""

        def of_it(value: bytes) -> Event | None:
            event = Event.model_validate_json(value)
            return event if (event.type, event.resource.id) == (type_, message_id) else None

        found: Event = await self.events.until(of_it)
        return found

    async def call_back(self, told: CallbackObject, provider: str) -> None:
        await self.producer.publish(
            topics.callbacks(told.kind), _callback(self, told, provider).to_bytes(), key=told.reference or ""
        )

    async def read(self, path: str) -> dict[str, Any]:
        answer = await self.messaging.get(f"/internal{path}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    @property
    def headers(self) -> dict[str, str]:
        return dict(InternalAuth(SecretStr(TOKEN)).tenant_headers(self.tenant_id, "test"))

    async def control(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self.sandbox.post(f"/control{path}", json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def effects(self, kind: str, reference: str) -> int:
        answer = await self.sandbox.get("/control/ledger", params={"kind": kind, "reference": reference})
        return len(answer.json()["data"])


def accounts() -> dict[str, Account]:
    return {
        "twilio": Account("twilio", {"account_sid": f"AC{'1' * 32}", "from_number": NUMBER}, "api_key_secret", _SECRET),
        "twilio_2": Account(
            "twilio", {"account_sid": f"AC{'2' * 32}", "from_number": "+14155550100"}, "api_key_secret", _SECRET
        ),
        "sns": Account(
            "sns", {"access_key_id": "AKIA" + "S" * 16, "region": "us-east-1"}, "secret_access_key", "s" * 40
        ),
        "resend": Account("resend", {"default_from": "Shop <shop@example.com>"}, "api_key", "re_Of_the_Stack_Secret"),
    }


@asynccontextmanager
async def running(database: "Database", kafka_bootstrap: str) -> AsyncIterator[Stack]:
    """The service with a connection to each account; commands may prefer any of them."""
    for category in ("sms", "email"):
        await skip_what_is_there(kafka_bootstrap, category)
    tenant_id = new_id("ten")
    ids = {name: new_id("con") for name in accounts()}
    async with contextlib.AsyncExitStack() as opened:
        producer = await opened.enter_async_context(Producer(kafka_bootstrap, client_id="test-gateway"))
        by_category: dict[str, list[dict[str, Any]]] = {"sms": [], "email": []}
        for name, account in accounts().items():
            category = "email" if name == "resend" else "sms"
            by_category[category].append(connection_of(account, tenant_id, ids[name], category))
        registry = registry_of(by_category)
        stack = Stack(
            tenant_id,
            ids,
            httpx.AsyncClient(),
            httpx.AsyncClient(),
            producer,
            Told(await opened.enter_async_context(reader(kafka_bootstrap, topics.REPLIES, [REPLY_PARTITION]))),
            Told(await opened.enter_async_context(_events(kafka_bootstrap))),
        )
        _receive(registry, stack)
        base_url = await opened.enter_async_context(served(lambda: registry))
        sandbox = await opened.enter_async_context(
            served(lambda: create_sandbox(SandboxSettings(accounts=_sandbox_accounts(base_url, ids))))
        )
        settings = Settings.model_validate(
            {
                "mode": "local",
                "kafka_bootstrap_servers": kafka_bootstrap,
                "internal_tokens": TOKEN,
                "database_url": database.dsn,
                "database_pool_size": 4,
                "registry_url": base_url,
                "callback_base_url": base_url,
                "credential_keys_test": KEYS,
                "credential_keys_live": LIVE_KEYS,
                "provider_base_urls": {name: f"{sandbox}/{path}" for name, path in _PLAYED_AT.items()},
                "provider_timeout_s": 1.0,
                "provider_absence_s": 0.0,
                "poll_interval_s": 0.2,
                "log_level": "ERROR",
                "drain_timeout_s": 5,
            }
        )
        service = await opened.enter_async_context(served(lambda: create_app(settings)))
        stack.messaging = await opened.enter_async_context(httpx.AsyncClient(base_url=service))
        stack.sandbox = await opened.enter_async_context(httpx.AsyncClient(base_url=sandbox))
        await producer.wait_ready(60)
        async with asyncio.timeout(60):
            while (await stack.messaging.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.02)
        yield stack


def _sandbox_accounts(base_url: str, ids: Mapping[str, str]) -> dict[str, tuple[dict[str, Any], ...]]:
    twilio = [
        {
            "account_sid": account.public["account_sid"],
            "auth_token": _SECRET,
            "numbers": [account.public["from_number"]],
            "delivery": "manual",
            "webhook_url": f"{base_url}/callbacks/twilio/token-of-{ids[name]}",
        }
        for name, account in accounts().items()
        if account.provider == "twilio"
    ]
    resend = {
        "account_id": "team_stack",
        "api_key": accounts()["resend"].secret,
        "webhook_url": f"{base_url}/callbacks/resend/token-of-{ids['resend']}",
        "webhook_secret": "whsec_b25lcm91dGVyLXRlc3Qtd2ViaG9vay1rZXktMzJieXQ=",
        "fate": "none",
    }
    sns = {"access_key_id": accounts()["sns"].public["access_key_id"], "opted_out": []}
    return {"twilio": tuple(twilio), "resend": (resend,), "sns": (sns,)}


def _receive(app: FastAPI, stack: Stack) -> None:
    providers = Providers.load()
    by_token = {f"token-of-{id_}": name for name, id_ in stack.connections.items()}

    @app.post("/callbacks/{provider}/{token}")
    async def receive(provider: str, token: str, request: Request) -> dict[str, bool]:
        package = providers.find("email" if provider == "resend" else "sms", provider)
        assert package is not None
        assert package.webhook is not None
        body, headers = await request.body(), {**request.headers, ADDRESS_HEADER: str(request.url)}
        event = package.webhook.parse(body, headers)
        if event is not None:
            callback = _callback(stack, event.object, by_token[token], event.id, event.occurred_at)
            await stack.producer.publish(topics.callbacks(event.object.kind), callback.to_bytes(), key=token)
        return {"received": True}


def _callback(
    stack: Stack, told: CallbackObject, name: str, event_id: str | None = None, at: datetime | None = None
) -> Callback:
    now = datetime.now(UTC)
    return Callback(
        callback_id=new_id("cb"),
        provider=accounts()[name].provider,
        provider_event_id=event_id or new_id("evt"),
        provider_event_type="x",
        connection_id=stack.connections[name],
        tenant_id=stack.tenant_id,
        environment="test",
        category="sms" if told.kind == "sms" else "email",
        occurred_at=at or now,
        received_at=now,
        object=told,
    )


@asynccontextmanager
async def _events(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Of both channels: their partitions have one reader."""
    async with reader(bootstrap, topics.events("sms"), range(12)) as sms:
        others: Sequence[Any] = [*sms.assignment()]
        sms.assign([*others, *_partitions("email")])
        await sms.seek_to_end(*_partitions("email"))
        for partition in _partitions("email"):
            await sms.position(partition)
        yield sms


def _partitions(category: str) -> list[Any]:
    from aiokafka import TopicPartition

    return [TopicPartition(topics.events(category), number) for number in range(12)]
