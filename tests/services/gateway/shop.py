"""A tenant who asks."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
from tests.services.gateway.world import Gateway, Tenant, World

from onerouter_common.contracts.commands import Command
from onerouter_common.ids import new_id


@dataclass
class Shop:
    """A tenant at the gateway, with things that its worker knows."""

    world: World
    gateway: Gateway
    tenant: Tenant

    async def ask(
        self, method: str, path: str, body: Any = None, *, auth: Any = None, **headers: str
    ) -> httpx.Response:
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {**(auth or self.tenant.auth), "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.gateway.http.request(method, path, content=content, headers=sent)

    async def command(self, method: str, path: str, body: Any = None, **headers: str) -> Command:
        """What reached the log of a request that succeeded."""
        answer = await self.ask(method, path, body, **headers)
        assert answer.is_success, answer.text
        return self.command_of(answer.headers["x-onerouter-operation-id"])

    def command_of(self, operation_id: str) -> Command:
        return next(one for one in reversed(self.world.worker.commands) if one.operation_id == operation_id)

    async def arrived(self, operation_id: str) -> Command:
        """The same where nobody waited for it."""
        async with asyncio.timeout(60):
            while not any(one.operation_id == operation_id for one in self.world.worker.commands):
                await asyncio.sleep(0.01)
        return self.command_of(operation_id)

    def commands(self) -> list[Command]:
        return [one for one in self.world.worker.commands if one.tenant_id == self.tenant.id]

    async def refused(
        self, method: str, path: str, body: Any, *, status: int = 422, **headers: str
    ) -> list[dict[str, str]]:
        """The fields that the problem names. Nothing reached the log."""
        before = len(self.commands())
        answer = await self.ask(method, path, body, **headers)
        assert answer.status_code == status, answer.text
        assert len(self.commands()) == before
        problem = answer.json()
        assert problem["effect"] == "none"
        assert "Value error" not in answer.text
        return list(problem.get("errors") or [])

    async def names(self, method: str, path: str, body: Any) -> str:
        """The one field that is wrong."""
        (error,) = await self.refused(method, path, body)
        return error["field"]

    def has(self, kind: str, *, environment: str = "test", tenant_id: str | None = None, **fields: Any) -> str:
        """The id of a resource that the worker knows, active at the tenant's razorpay account."""
        prefixes = {"plan": "plan", "customer": "cus", "subscription": "sub", "vendor": "ven"}
        prefixes |= {"payment_link": "pl", "payment_method": "pm"}
        id_ = new_id(prefixes[kind])
        self.world.services.resources[id_] = {
            "id": id_,
            "kind": kind,
            "object": kind,
            "tenant_id": tenant_id or self.tenant.id,
            "environment": environment,
            "provider": "razorpay",
            "connection_id": "con_1",
            "status": "active",
            "asked": {},
            f"provider_{kind}_id": f"{kind}_at_provider",
            **fields,
        }
        return id_
