"""The storage service on real engines, with buckets at the sandbox: what the gateway sees of it."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from tests.libs.common.worker.rig import skip_what_is_there
from tests.services.messaging.stack import Told
from tests.services.payments.stack import (
    KEYS,
    LIVE_KEYS,
    REPLY_PARTITION,
    TOKEN,
    Account,
    connection_of,
    reader,
    served,
)

from onerouter_common.broker import Producer
from onerouter_common.contracts import topics
from onerouter_common.contracts.base import Contract
from onerouter_common.contracts.commands import HEADER_REPLY_PARTITION, HEADER_REPLY_TO, Command
from onerouter_common.contracts.events import Event
from onerouter_common.contracts.replies import Reply
from onerouter_common.contracts.storage import DeleteObject, PutObject, object_id
from onerouter_common.ids import new_id
from onerouter_common.web.internal import InternalAuth
from onerouter_providers.http import open_pool
from onerouter_providers.loader import Providers
from onerouter_providers.objects import StoresObjects
from onerouter_sandbox.app import create_app as create_sandbox
from onerouter_sandbox.settings import Settings as SandboxSettings
from onerouter_storage.app import create_app
from onerouter_storage.settings import Settings

if TYPE_CHECKING:
    from onerouter_local.testing import Database

FILES: Final = "shop-files"
MEDIA: Final = "shop-media"
OTHERS: Final = "other-files"
_S3_KEY: Final = "AKIA" + "S" * 16
_S3_SECRET: Final = "s" * 40
_R2_KEY: Final = "0" * 32
_R2_SECRET: Final = "f" * 64
_OTHER_KEY: Final = "AKIA" + "T" * 16


@dataclass(frozen=True)
class Bucket:
    name: str
    account: Account
    connection_id: str
    tenant_id: str


@dataclass
class Stack:
    tenant_id: str
    other_id: str
    """Of a tenant with a bucket of its own."""
    buckets: Mapping[str, Bucket]
    storage: httpx.AsyncClient
    sandbox: httpx.AsyncClient
    producer: Producer
    replies: Told
    events: Told

    def place(self, key: str, bucket: str = FILES) -> dict[str, Any]:
        return {"bucket": bucket, "key": key, "connection_id": self.buckets[bucket].connection_id}

    def id_of(self, key: str, bucket: str = FILES) -> str:
        return object_id(self.buckets[bucket].connection_id, key)

    async def put(self, key: str, content: bytes, *, bucket: str = FILES, **said: Any) -> Reply:
        """What the gateway does with the body of a PUT."""
        return await self.reply_to(await self.begin_put(key, content, bucket=bucket, **said))

    async def begin_put(self, key: str, content: bytes, *, bucket: str = FILES, **said: Any) -> Command:
        kept = await self.hand_over(content)
        given = {"content_type": "text/plain", **self.place(key, bucket), **said}
        payload = PutObject(
            content_id=kept["id"],
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            **given,
        )
        return await self.publish("object.put", payload, self.id_of(key, bucket))

    async def delete(self, key: str, *, bucket: str = FILES, **said: Any) -> Reply:
        return await self.reply_to(await self.begin_delete(key, bucket=bucket, **said))

    async def begin_delete(self, key: str, *, bucket: str = FILES, **said: Any) -> Command:
        payload = DeleteObject(**self.place(key, bucket), **said)
        return await self.publish("object.delete", payload, self.id_of(key, bucket))

    async def until_in_doubt(self, command: Command) -> None:
        async with asyncio.timeout(60):
            while await self.status_of(command) != "unknown":
                await asyncio.sleep(0.01)

    async def until_kept(self, command: Command) -> None:
        """Until the service has it, whether it is its turn or not."""
        async with asyncio.timeout(60):
            while await self.status_of(command) is None:
                await asyncio.sleep(0.01)

    async def status_of(self, command: Command) -> str | None:
        answer = await self.storage.get(f"/internal/operations/{command.operation_id}", headers=self.headers())
        return str(answer.json()["status"]) if answer.status_code == 200 else None

    async def hand_over(self, content: bytes) -> dict[str, Any]:
        answer = await self.storage.post("/internal/contents", content=content, headers=self.headers())
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def ask(self, operation: str, payload: Contract, resource_id: str, *, tenant: str | None = None) -> Reply:
        return await self.reply_to(await self.publish(operation, payload, resource_id, tenant=tenant))

    async def publish(
        self, operation: str, payload: Contract, resource_id: str, *, tenant: str | None = None
    ) -> Command:
        command = Command(
            command_id=new_id("cmd"),
            operation_id=new_id("op"),
            operation=operation,
            tenant_id=tenant or self.tenant_id,
            environment="test",
            category="storage",
            resource_id=resource_id,
            ordering_key=resource_id,
            fingerprint="f" * 64,
            payload=payload.model_dump(mode="json"),
            api_key_id="key_1",
            accepted_at=datetime.now(UTC),
        )
        await self.producer.publish(
            topics.commands("storage"),
            command.to_bytes(),
            key=command.ordering_key,
            headers=[(HEADER_REPLY_TO, b"replies.v1"), (HEADER_REPLY_PARTITION, str(REPLY_PARTITION).encode())],
        )
        return command

    async def reply_to(self, command: Command, within_s: float = 60) -> Reply:
        def of_it(value: bytes) -> Reply | None:
            reply = Reply.model_validate_json(value)
            return reply if reply.operation_id == command.operation_id else None

        found: Reply = await self.replies.until(of_it, within_s)
        return found

    async def event(self, resource_id: str, sequence: int) -> Event:
        def of_it(value: bytes) -> Event | None:
            event = Event.model_validate_json(value)
            return event if (event.resource.id, event.sequence) == (resource_id, sequence) else None

        found: Event = await self.events.until(of_it, 60)
        return found

    def told_of(self, resource_id: str) -> list[Event]:
        """Of all events that were read by now."""
        told = [Event.model_validate_json(value) for value in self.events.seen]
        return [event for event in told if event.resource.id == resource_id]

    def headers(self, tenant_id: str | None = None, environment: str = "test") -> dict[str, str]:
        return dict(InternalAuth(SecretStr(TOKEN)).tenant_headers(tenant_id or self.tenant_id, environment))

    async def read(self, path: str, **params: Any) -> dict[str, Any]:
        answer = await self.storage.get(f"/internal{path}", headers=self.headers(), params=params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def fault(self, kind: str, operation: str, **said: Any) -> None:
        spec = {"kind": kind, "provider": "s3", "operation": operation, "times": 1, **said}
        answer = await self.sandbox.post("/control/faults", json=spec)
        assert answer.is_success, answer.text

    async def content_at(self, key: str, bucket: str = FILES) -> bytes | None:
        """What the bucket really has."""
        provider = self.buckets[bucket].account.provider
        answer = await self.sandbox.get(f"/control/{provider}/buckets/{bucket}/content", params={"key": key})
        return answer.content if answer.status_code == 200 else None

    async def effects(self, kind: str, reference: str) -> int:
        answer = await self.sandbox.get("/control/ledger", params={"kind": kind, "reference": reference})
        return len(answer.json()["data"])

    async def deletions(self, key: str, bucket: str = FILES) -> int:
        """How often something was really taken away there."""
        answer = await self.sandbox.get("/control/ledger", params={"kind": "object.deleted", "limit": 10_000})
        return sum(1 for one in answer.json()["data"] if one["object_id"] == f"{bucket}/{key}")

    @asynccontextmanager
    async def past_us(self, bucket: str = FILES) -> AsyncIterator[StoresObjects]:
        """The bucket as everybody else has it who may write there."""
        account = self.buckets[bucket].account
        package = Providers.load().find("storage", account.provider)
        assert package is not None
        fields = {**account.public, account.secret_name: account.secret}
        async with open_pool() as http:
            yield package.open(
                {name: SecretStr(value) for name, value in fields.items()},
                http=http,
                environment="test",
                base_url=f"{str(self.sandbox.base_url).rstrip('/')}/{account.provider}/v1",
                timeout_s=10.0,
            )


def buckets_of(tenant_id: str, other_id: str) -> dict[str, Bucket]:
    s3 = {"access_key_id": _S3_KEY, "region": "eu-central-1", "bucket": FILES}
    r2 = {"access_key_id": _R2_KEY, "account_id": "a" * 32, "bucket": MEDIA}
    other = {"access_key_id": _OTHER_KEY, "region": "eu-central-1", "bucket": OTHERS}
    public = {"public_base_url": "https://media.example.com/shop"}
    accounts = {
        FILES: (Account("s3", s3, "secret_access_key", _S3_SECRET), tenant_id),
        MEDIA: (Account("r2", {**r2, **public}, "secret_access_key", _R2_SECRET), tenant_id),
        OTHERS: (Account("s3", other, "secret_access_key", _S3_SECRET), other_id),
    }
    return {name: Bucket(name, account, new_id("con"), whose) for name, (account, whose) in accounts.items()}


def sandbox_accounts() -> dict[str, tuple[dict[str, Any], ...]]:
    def s3(key: str, bucket: str) -> dict[str, Any]:
        account = {"access_key_id": key, "secret_access_key": _S3_SECRET, "region": "eu-central-1"}
        return {**account, "buckets": [bucket]}

    r2 = {"access_key_id": _R2_KEY, "secret_access_key": _R2_SECRET, "region": "auto", "buckets": [MEDIA]}
    return {"s3": (s3(_S3_KEY, FILES), s3(_OTHER_KEY, OTHERS)), "r2": (r2,)}


def registry_with(buckets: Sequence[Bucket]) -> FastAPI:
    """Each tenant's own, in the test environment."""
    app = FastAPI()
    known = [connection_of(one.account, one.tenant_id, one.connection_id, "storage") for one in buckets]

    @app.get("/internal/tenants/{tenant_id}/environments/{environment}/routes/{category}")
    async def routes(tenant_id: str, environment: str, category: str) -> dict[str, Any]:
        asked = {"tenant_id": tenant_id, "environment": environment, "category": category}
        return {"version": "1", "connections": [one for one in known if asked.items() <= one.items()]}

    return app


def settings_of(
    database: "Database", kafka_bootstrap: str, registry: str, sandbox: str, **changed: Any
) -> dict[str, Any]:
    return {
        "mode": "local",
        "kafka_bootstrap_servers": kafka_bootstrap,
        "internal_tokens": TOKEN,
        "database_url": database.dsn,
        "database_pool_size": 4,
        "registry_url": registry,
        "credential_keys_test": KEYS,
        "credential_keys_live": LIVE_KEYS,
        "cursor_secret": "cursor-secret-of-tests-0123456789abcdef",
        "provider_base_urls": {"s3": f"{sandbox}/s3/v1", "r2": f"{sandbox}/r2/v1"},
        # A read that lasts longer has failed, and the machine may do nothing for seconds.
        "provider_timeout_s": 30.0,
        "read_timeout_s": 30.0,
        "provider_absence_s": 0.0,
        "log_level": "ERROR",
        "drain_timeout_s": 5,
        **changed,
    }


@asynccontextmanager
async def around(kafka_bootstrap: str) -> AsyncIterator[tuple[Stack, str, str]]:
    """All but the service itself: what it asks, and who asks it. With the addresses of the registry and the sandbox."""
    await skip_what_is_there(kafka_bootstrap, "storage")
    buckets = buckets_of(new_id("ten"), new_id("ten"))
    async with contextlib.AsyncExitStack() as opened:
        registry = await opened.enter_async_context(served(lambda: registry_with(list(buckets.values()))))
        sandbox = await opened.enter_async_context(
            served(lambda: create_sandbox(SandboxSettings(accounts=sandbox_accounts())))
        )
        producer = await opened.enter_async_context(Producer(kafka_bootstrap, client_id="test-gateway"))
        await producer.wait_ready(30)
        stack = Stack(
            buckets[FILES].tenant_id,
            buckets[OTHERS].tenant_id,
            buckets,
            httpx.AsyncClient(),
            await opened.enter_async_context(httpx.AsyncClient(base_url=sandbox, timeout=30)),
            producer,
            Told(await opened.enter_async_context(reader(kafka_bootstrap, topics.REPLIES, [REPLY_PARTITION]))),
            Told(await opened.enter_async_context(reader(kafka_bootstrap, topics.events("storage"), range(12)))),
        )
        yield stack, registry, sandbox


@asynccontextmanager
async def running(database: "Database", kafka_bootstrap: str, **changed: Any) -> AsyncIterator[Stack]:
    async with around(kafka_bootstrap) as (stack, registry, sandbox):
        settings = Settings.model_validate(settings_of(database, kafka_bootstrap, registry, sandbox, **changed))
        async with (
            served(lambda: create_app(settings)) as url,
            httpx.AsyncClient(base_url=url, timeout=30) as storage,
        ):
            stack.storage = storage
            async with asyncio.timeout(60):
                while (await storage.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.02)
            yield stack
