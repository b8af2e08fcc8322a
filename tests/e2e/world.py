"""A running stack as a tenant's programmer sees it, and as an operator can look into it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx
from tests.e2e.collector import Collector
from tests.e2e.tenants import admin_dsn

from onerouter_local.demo.subscriber import Received, Subscriber
from onerouter_local.stack import Stack

WAIT_S: Final = 60.0
PROBLEM: Final = "application/problem+json"


@dataclass(slots=True)
class World:
    """`api` is the shop's own client; `api_2` the same at the other gateway process."""

    stack: Stack
    api: httpx.AsyncClient
    api_2: httpx.AsyncClient
    sandbox: httpx.AsyncClient
    subscriber: Subscriber
    collector: Collector
    secrets: list[str] = field(default_factory=list)
    """Whatever must stand nowhere in the clear; tests add what they make."""

    async def create(self, *, expect: int = 201, headers: Mapping[str, str] | None = None, **body: Any) -> Any:
        """A payment of ₹499 unless told otherwise."""
        sent = {"Idempotency-Key": str(uuid4()), **(headers or {})}
        answer = await self.api.post("/v1/payments", json={"amount": "499.00", "currency": "INR", **body}, headers=sent)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def pay(self, payment: Mapping[str, Any], **how: Any) -> dict[str, Any]:
        """At the provider, as its customer."""
        order = payment["provider_order_id"]
        answer = await self.sandbox.post(f"/control/razorpay/orders/{order}/pay", json=how)
        answer.raise_for_status()
        paid: dict[str, Any] = answer.json()
        return paid

    async def paid(self, **body: Any) -> dict[str, Any]:
        """A payment that succeeded: created, paid, called back."""
        payment = await self.create(**body)
        await self.pay(payment)
        return await self.reached(f"/v1/payments/{payment['id']}", "succeeded")

    async def reached(self, path: str, status: str) -> dict[str, Any]:
        """The resource once it has the status."""
        seen: dict[str, Any] = {}

        async def has_status() -> bool:
            answer = await self.api.get(path)
            seen.update(answer.json() if answer.is_success else {})
            return seen.get("status") == status

        await until(has_status, f"{path} to become {status}", lambda: seen)
        return seen

    async def refund(self, payment: Mapping[str, Any], *, expect: int = 201, **body: Any) -> Any:
        """A refund of the payment, of all that is left unless told otherwise."""
        answer = await self.api.post(
            "/v1/refunds", json={"payment_id": payment["id"], **body}, headers={"Idempotency-Key": str(uuid4())}
        )
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def events_of(self, resource_id: str, last_type: str) -> list[Received]:
        """The resource's events, by sequence, once one of `last_type` has come and all before it: they go side by side."""

        def events() -> list[Received]:
            return sorted(self.subscriber.of({resource_id}), key=lambda event: event.body["sequence"])

        def have_come() -> bool:
            numbers = {event.body["sequence"] for event in events()}
            return any(event.type == last_type for event in events()) and max(numbers) == len(numbers)

        await until(have_come, f"{last_type} of {resource_id}", events)
        return events()

    async def effects(self, reference: str) -> list[dict[str, Any]]:
        """What the provider's books show under a reference."""
        found: list[dict[str, Any]] = (
            await self.sandbox.get("/control/ledger", params={"reference": reference})
        ).json()["data"]
        return found

    async def fault(self, kind: str, **how: Any) -> None:
        """Let the provider's next call go wrong."""
        await self._fault(kind, **how)

    @asynccontextmanager
    async def faulty(self, kind: str, **how: Any) -> AsyncIterator[None]:
        """The same, but over with the block: where it hit nothing there, it is not left for what comes after."""
        fault_id = await self._fault(kind, **how)
        try:
            yield
        finally:
            (await self.sandbox.delete(f"/control/faults/{fault_id}")).raise_for_status()

    async def _fault(self, kind: str, **how: Any) -> str:
        answer = await self.sandbox.post("/control/faults", json={"kind": kind, "times": 1, **how})
        return str(answer.raise_for_status().json()["id"])

    async def fetch(self, service: str, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows of a service's database, as superuser."""
        connection = await asyncpg.connect(admin_dsn(self.stack, service))
        try:
            rows: list[asyncpg.Record] = await connection.fetch(query, *arguments)
            return rows
        finally:
            await connection.close()

    async def count(self, service: str, what: str, *arguments: object) -> int:
        """How many rows of `table WHERE …` there are."""
        return int((await self.fetch(service, f"SELECT count(*) AS count FROM {what}", *arguments))[0]["count"])

    def client(self, api_key: str | None) -> httpx.AsyncClient:
        """A client with another key, or none; the caller closes it."""
        return client_of(self.stack.services["gateway"].spec.url, api_key)


def client_of(url: str, api_key: str | None) -> httpx.AsyncClient:
    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=30.0)


async def until(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]],
    what: str,
    seen: Callable[[], object] = lambda: "nothing",
    *,
    timeout_s: float = WAIT_S,
) -> None:
    """Wait for a condition. Fails with what was seen last."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        holds = condition()
        if holds if isinstance(holds, bool) else await holds:
            return
        assert asyncio.get_running_loop().time() < deadline, f"waited in vain for {what}; saw {seen()}"
        await asyncio.sleep(0.05)


def check_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is a complete problem, and tells nothing about our insides."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert problem["detail"].endswith("."), problem["detail"]
    assert problem["error"] == problem["detail"]
    assert problem["title"]
    assert problem["type"].startswith("https://")
    assert problem["instance"].startswith("/v1/")
    assert problem["effect"] in {"none", "unknown", "committed"}
    for inside in ("Traceback", "asyncpg", "pydantic", 'File "', "/src/"):
        assert inside not in answer.text
    return problem
