"""A good client: each request has an idempotency key and is repeated until its operation is final."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from tests.chaos.plan import Purchase

_FINAL: Final = frozenset({"succeeded", "failed", "canceled"})
_PAUSE_S: Final = 0.4
_MOST_PAUSE_S: Final = 1.5


@dataclass(slots=True)
class Ask:
    """One request of the shop, and everything that was tried for it."""

    key: str
    path: str
    body: Mapping[str, Any]
    operation_id: str | None = None
    state: str = "asking"
    answer: dict[str, Any] = field(default_factory=dict)
    timeline: list[str] = field(default_factory=list)


class Shop:
    """Buys, pays and refunds. `asks` tells what was asked for, and how it went."""

    def __init__(self, gateways: Sequence[str], sandbox: httpx.AsyncClient, api_key: str, *, run: str) -> None:
        self._gateways = gateways
        self._sandbox = sandbox
        self._run = run
        self._api_key = api_key
        self._http = httpx.AsyncClient(timeout=25.0, limits=httpx.Limits(max_connections=400, keepalive_expiry=2.0))
        self._began = time.monotonic()
        self.asks: list[Ask] = []
        self.payments: list[dict[str, Any]] = []
        self.done = 0

    async def close(self) -> None:
        await self._http.aclose()

    async def serve(self, purchases: Sequence[Purchase]) -> None:
        """All of them, each at its time."""
        self._began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for purchase in purchases:
                group.create_task(self._purchase(purchase))

    async def get(self, path: str) -> dict[str, Any]:
        """A read, repeated until somebody answers."""
        while True:
            try:
                answer = await self._call("GET", path)
            except httpx.HTTPError:
                await asyncio.sleep(_PAUSE_S)
                continue
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
            await asyncio.sleep(_pause_of(answer))

    async def _purchase(self, purchase: Purchase) -> None:
        await asyncio.sleep(max(0.0, purchase.at_s - (time.monotonic() - self._began)))
        name = f"{self._run}-{purchase.number}"
        body = {
            "amount": f"{purchase.amount_minor / 100:.2f}",
            "currency": "INR",
            "receipt": name,
            "capture": "manual" if purchase.manual_capture else "automatic",
        }
        payment = await self._ask(Ask(f"payment-{name}", "/v1/payments", body))
        if payment is None:
            return
        self.payments.append(payment)
        await self._pay(payment["provider_order_id"], fails_first=purchase.fails_first)
        if purchase.manual_capture:
            await self._reached(payment["id"], "authorized")
            if await self._ask(Ask(f"capture-{name}", f"/v1/payments/{payment['id']}/capture", {})) is None:
                return
        if not purchase.refunds_minor:
            return
        await self._reached(payment["id"], "succeeded")
        async with asyncio.TaskGroup() as group:  # two parts at once: the worker has to put them in order
            for number, amount in enumerate(purchase.refunds_minor):
                wanted = {"payment_id": payment["id"], "amount": f"{amount / 100:.2f}"}
                group.create_task(self._ask(Ask(f"refund-{name}-{number}", "/v1/refunds", wanted)))

    async def _pay(self, order_id: str, *, fails_first: bool) -> None:
        for outcome in ("failure", "success") if fails_first else ("success",):
            paid = await self._sandbox.post(f"/control/razorpay/orders/{order_id}/pay", json={"outcome": outcome})
            paid.raise_for_status()

    async def _reached(self, payment_id: str, status: str) -> None:
        while (await self.get(f"/v1/payments/{payment_id}"))["status"] != status:
            await asyncio.sleep(_PAUSE_S + random.random() * _PAUSE_S)

    async def _ask(self, ask: Ask) -> dict[str, Any] | None:
        """The resource, or None when the operation failed; ends only when it is final."""
        self.asks.append(ask)
        while ask.state not in _FINAL and ask.state != "refused":
            await self._step(ask)
        self.done += 1
        return ask.answer if ask.state == "succeeded" else None

    async def _step(self, ask: Ask) -> None:
        """One request: the command itself, or, once it is accepted, the question how it went."""
        polls = ask.operation_id is not None
        try:
            if polls:
                answer = await self._call("GET", f"/v1/operations/{ask.operation_id}")
            else:
                answer = await self._call("POST", ask.path, ask.body, {"Idempotency-Key": ask.key})
        except httpx.HTTPError as error:
            self._note(ask, type(error).__name__)
            await asyncio.sleep(_PAUSE_S)
            return
        self._note(ask, f"{answer.request.method} {answer.status_code}")
        if answer.status_code in {429, 503}:
            await asyncio.sleep(_pause_of(answer))
        elif polls:
            await self._polled(ask, answer)
        else:
            self._answered(ask, answer)

    async def _polled(self, ask: Ask, answer: httpx.Response) -> None:
        if answer.status_code == 200 and answer.json()["status"] in _FINAL:
            ask.state, ask.answer = answer.json()["status"], answer.json()["result"] or answer.json()
            return
        # 404: it is in the log and the worker has not read it yet.
        await asyncio.sleep(_PAUSE_S)

    def _answered(self, ask: Ask, answer: httpx.Response) -> None:
        ask.answer = answer.json()
        if answer.status_code == 202:
            ask.operation_id = answer.headers["x-onerouter-operation-id"]
        elif answer.is_success:
            ask.operation_id, ask.state = answer.headers["x-onerouter-operation-id"], "succeeded"
        elif "operation_id" in ask.answer:
            ask.operation_id, ask.state = ask.answer["operation_id"], "failed"
        else:
            ask.state = "refused"
        if ask.state in {"failed", "refused"}:
            self._note(ask, str(ask.answer.get("detail")))

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        url = random.choice(self._gateways) + path
        sent = {"Authorization": f"Bearer {self._api_key}", **(headers or {})}
        return await self._http.request(method, url, json=body, headers=sent)

    def _note(self, ask: Ask, what: str) -> None:
        ask.timeline.append(f"{time.monotonic() - self._began:.1f}s {what}")


def _pause_of(answer: httpx.Response) -> float:
    wanted = answer.headers.get("retry-after", "")
    return min(float(wanted), _MOST_PAUSE_S) if wanted.isdigit() else _PAUSE_S
