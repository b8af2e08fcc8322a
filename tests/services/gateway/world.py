"""Everything around a gateway under test, and the gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from tests.services.gateway.desk import Desk
from tests.services.gateway.services import TOKEN, Services
from tests.services.gateway.serving import served
from tests.services.gateway.vault import Vault
from tests.services.gateway.worker import Worker

from onerouter_common.api_keys import hash_key, make_key
from onerouter_common.contracts.commands import Command
from onerouter_common.ids import TENANT, new_id
from onerouter_gateway.app import create_app
from onerouter_gateway.settings import Settings

PEPPER = SecretStr("p" * 32)


@dataclass
class World:
    """Everything around the gateway under test."""

    services: Services
    messaging: Services
    """The messaging service alone; all others share an address."""
    desk: Desk
    """What it keeps of messages, templates and files."""
    storage: Services
    """The storage service alone."""
    vault: Vault
    """What it keeps of buckets, objects and uploads."""
    worker: Worker
    bootstrap: str
    redis_url: str
    services_url: str
    messaging_url: str
    storage_url: str

    def settings(self, **changed: Any) -> Settings:
        values = {
            "kafka_bootstrap_servers": self.bootstrap,
            "redis_url": self.redis_url,
            "internal_tokens": TOKEN,
            "api_key_pepper": PEPPER,
            "idempotency_secret": "s" * 32,
            "registry_url": self.services_url,
            "payments_url": self.services_url,
            "messaging_url": self.messaging_url,
            "storage_url": self.storage_url,
            "webhooks_url": self.services_url,
            # A machine that does many things at once is not one without services.
            "upstream_timeout_s": 30,
            "storage_timeout_s": 60,
        }
        settings = Settings(**{**values, **changed})
        if "rate_limit_timeout_s" in changed:
            return settings
        # Nor is it one without Redis, however long it does nothing: longer than may be set.
        return settings.model_copy(update={"rate_limit_timeout_s": 60.0})

    def tenant(self, *, environment: str = "test", **changed: Any) -> "Tenant":
        key = make_key(environment).get_secret_value()
        tenant_id = new_id(TENANT)
        principal = {
            "tenant_id": tenant_id,
            "environment": environment,
            "api_key_id": new_id("key"),
            "status": "active",
            "scopes": ["*"],
            "rate_limit_per_s": 10_000,
            "rate_burst": 10_000,
            "default_currency": "INR",
            "services": {
                "payments": ["razorpay"],
                "sms": ["twilio", "sns"],
                "email": ["resend", "sendgrid"],
                "storage": ["s3"],
            },
            "expires_at": None,
        }
        principal.update(changed)
        self.services.principals[hash_key(key, PEPPER)] = principal
        return Tenant(key, hash_key(key, PEPPER), principal)

    @asynccontextmanager
    async def gateway(self, **changed: Any) -> AsyncIterator["Gateway"]:
        app = create_app(self.settings(**changed))
        async with (
            served(app, lifespan="on") as url,
            httpx.AsyncClient(base_url=url, timeout=30) as client,
        ):
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.02)
            yield Gateway(app, url, client)


@dataclass
class Tenant:
    key: str
    key_hash: str
    principal: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.principal["tenant_id"])

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def payment(self, payment_id: str, **fields: Any) -> dict[str, Any]:
        return {"tenant_id": self.id, "id": payment_id, "object": "payment", "currency": "INR", **fields}

    def operation(self, command: Command, **fields: Any) -> dict[str, Any]:
        """As the payments service would reply now."""
        return {
            "tenant_id": self.id,
            "operation_id": command.operation_id,
            "made_by": command.command_id,
            "fingerprint": command.fingerprint,
            "state": "executing",
            "resource_id": command.resource_id,
            "status": 201,
            **fields,
        }


@dataclass
class Gateway:
    app: FastAPI
    url: str
    http: httpx.AsyncClient
