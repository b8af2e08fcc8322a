"""What happens in the demo, step by step, over plain HTTP."""

from collections import Counter
from typing import Any

import httpx

from onerouter_local.demo.client import Api, overhead
from onerouter_local.demo.story import Story
from onerouter_local.demo.subscriber import Received, Subscriber, until
from onerouter_local.stack import Stack

_AMOUNT_MINOR = 49_900
_REFUND_MINOR = 19_900
_ORDER = {
    "amount": "499.00",
    "currency": "INR",
    "receipt": "order-1001",
    "description": "A book",
    "notes": {"cart": "c-7"},
}
_EXPECTED_EVENTS = (
    "payment.created",
    "payment.succeeded",
    "refund.created",
    "refund.succeeded",
    "payment.partially_refunded",
)
_WAIT_S = 20.0
_RECOVERY_S = 60.0


class Scenario:
    """One payment, its refund, and a crash. Each method is a step; what one learns the next uses."""

    def __init__(self, story: Story, stack: Stack, api: Api, sandbox: Api, subscriber: Subscriber) -> None:
        self._story = story
        self._stack = stack
        self._api = api
        self._sandbox = sandbox
        self._subscriber = subscriber
        self._payment: dict[str, Any] = {}
        self._refund: dict[str, Any] = {}

    async def play(self) -> None:
        """All steps in order; the first that fails ends it with Wrong."""
        await self.subscribe()
        await self.create_payment()
        await self.repeat_the_request()
        await self.customer_pays()
        await self.payment_succeeds()
        await self.refund_a_part()
        await self.refund_succeeds()
        await self.receive_events()
        await self.survive_a_crash()
        await self.count_effects()

    async def subscribe(self) -> None:
        """A tenant asks to be told."""
        with self._story.step("A shop asks to be told what happens to its payments") as step:
            endpoint = await self._api.post("/v1/webhook-endpoints", {"url": self._subscriber.url})
            step.check(str(endpoint.get("secret", "")).startswith("whsec_"), "a signing secret, shown once", endpoint)
            self._subscriber.secret = endpoint["secret"]
            step.saw(f"{endpoint['id']}  →  {self._subscriber.url}, signed with a secret that is shown once")

    async def create_payment(self) -> None:
        """Gateway → Kafka → worker → provider → Kafka → gateway."""
        with self._story.step("It creates a payment of ₹499.00: gateway → Kafka → worker → provider → back") as step:
            response = await self._create("order-1001")
            payment = self._payment = response.json()
            step.check(payment["amount_minor"] == _AMOUNT_MINOR, f"{_AMOUNT_MINOR} paise", payment["amount_minor"])
            step.check(payment["status"] in {"created", "requires_action"}, "a payment to be paid", payment["status"])
            step.check(bool(payment["provider_order_id"]), "the provider's order id", payment)
            step.check(payment["effect_guarantee"] == "exactly_once", "exactly_once", payment["effect_guarantee"])
            step.saw(f"{payment['id']}  {payment['status']}  {payment['provider']} {payment['provider_order_id']}")
            step.saw(overhead(response))

    async def repeat_the_request(self) -> None:
        """The same Idempotency-Key is the same operation."""
        with self._story.step("Its connection breaks, so it sends the same request again") as step:
            response = await self._create("order-1001")
            again = response.json()
            step.check(again["id"] == self._payment["id"], self._payment["id"], again["id"])
            step.check(response.headers.get("idempotency-replayed") == "true", "Idempotency-Replayed: true")
            other = await self._create("order-1001", amount="1.00", expect=(422,))
            step.saw("the same payment, Idempotency-Replayed: true")
            step.saw(f"another amount under the same key: 422 {other.json()['code']}")

    async def customer_pays(self) -> None:
        """At the provider, where we are not present."""
        with self._story.step("The customer pays by UPI on Razorpay's page") as step:
            order = self._payment["provider_order_id"]
            paid = await self._sandbox.post(f"/control/razorpay/orders/{order}/pay", {"method": "upi"})
            step.check(paid["status"] in {"captured", "authorized"}, "a paid order", paid)
            step.saw(f"{paid['payment_id']}  {paid['status']} at the provider")

    async def payment_succeeds(self) -> None:
        """The provider's signed callback comes in."""
        with self._story.step("Razorpay's signed callback comes in; the payment succeeds") as step:
            payment = self._payment = await self._api.settled(step, f"/v1/payments/{self._payment['id']}", "succeeded")
            step.saw(f"{payment['id']}  {payment['status']}  {payment['provider_payment_id']} by {_method(payment)}")
            found = await self._api.get(f"/v1/payments/{payment['provider_order_id']}")
            step.check(found["id"] == payment["id"], "the payment under the provider's order id too", found["id"])

    async def refund_a_part(self) -> None:
        """₹199 of ₹499."""
        with self._story.step("The shop refunds ₹199.00 of it") as step:
            body = {"payment_id": self._payment["id"], "amount": "199.00", "reason": "requested_by_customer"}
            headers = {"Idempotency-Key": "refund-1001"}
            response = await self._api.call("POST", "/v1/refunds", body, headers=headers, expect=(200, 201))
            self._refund = response.json()
            step.check(self._refund["amount_minor"] == _REFUND_MINOR, f"{_REFUND_MINOR} paise", self._refund)
            step.saw(f"{self._refund['id']}  {self._refund['status']}  {self._refund['provider_refund_id']}")
            step.saw(overhead(response))
            too_much = {"payment_id": self._payment["id"], "amount": "300.01"}
            refused = await self._api.call("POST", "/v1/refunds", too_much, expect=(409, 422))
            step.saw(f"₹300.01 more: {refused.status_code} {refused.json()['detail']}")

    async def refund_succeeds(self) -> None:
        """The money is on its way back."""
        with self._story.step("The refund goes through") as step:
            self._refund = await self._api.settled(step, f"/v1/refunds/{self._refund['id']}", "succeeded")
            payment = await self._api.settled(step, f"/v1/payments/{self._payment['id']}", "partially_refunded")
            step.check(payment["amount_refunded_minor"] == _REFUND_MINOR, f"{_REFUND_MINOR} paise refunded", payment)
            step.saw(
                f"{payment['id']}  {payment['status']}: ₹{payment['amount_refunded']:.2f} of ₹{payment['amount']:.2f}"
            )

    async def receive_events(self) -> None:
        """Signed, complete, in order."""
        with self._story.step("The shop has been told everything, signed and complete") as step:
            ids = {self._payment["id"], self._refund["id"]}
            complete = await until(lambda: _is_complete(self._subscriber.of(ids)), _WAIT_S)
            events = self._subscriber.of(ids)
            seen = ", ".join(event.type for event in events)
            step.check(complete, f"{', '.join(_EXPECTED_EVENTS)}, no sequence number missing", seen or "none")
            step.check(self._subscriber.refused == 0, "every signature to verify", f"{self._subscriber.refused} bad")
            step.saw(seen)
            step.saw(f"{len(events)} signatures verified with the Standard Webhooks library, no gap in any sequence")

    async def survive_a_crash(self) -> None:
        """SIGKILL in the middle of a payment."""
        with self._story.step("The payments worker is killed in the middle of another payment") as step:
            # The provider takes its time, so the crash falls between the call and its answer.
            await self._sandbox.post("/control/latency", {"ms": 700})
            worker = self._stack.services["payments"]
            accepted = await self._create("order-1002", headers={"Prefer": "respond-async"}, expect=(202,))
            operation = accepted.json()
            await until(lambda: self._executing(operation["id"]), _WAIT_S)
            worker.kill()
            await self._sandbox.post("/control/latency", {"ms": 0})
            await until(lambda: self._final(operation["id"]), _RECOVERY_S, every_s=0.2)
            ended = await self._api.get(f"/v1/operations/{operation['id']}")
            step.check(ended["status"] == "succeeded", "the operation to succeed all the same", ended)
            step.saw(f"{operation['id']}  kill -9 while the provider was thinking")
            step.saw(f"its successor asked the provider what had become of it: {ended['status']}, nothing sent twice")

    async def count_effects(self) -> None:
        """What really happened at the provider."""
        with self._story.step("Razorpay's own books show each effect exactly once") as step:
            effects = (await self._sandbox.get("/control/ledger", limit="1000"))["data"]
            summary = await self._sandbox.get("/control/ledger/summary")
            kinds = Counter(effect["kind"] for effect in effects)
            step.check(not summary["repeated"], "no reference with two effects", summary["repeated"])
            step.check(_count(kinds, "order") == 2, "two orders for two payments", dict(kinds))
            step.check(_count(kinds, "refund") == 1, "one refund", dict(kinds))
            step.saw(", ".join(f"{count} × {kind}" for kind, count in sorted(kinds.items())))

    async def _create(
        self,
        key: str,
        *,
        amount: str | None = None,
        headers: dict[str, str] | None = None,
        expect: tuple[int, ...] = (200, 201),
    ) -> httpx.Response:
        body = _ORDER | {"receipt": key} | ({"amount": amount} if amount else {})
        sent = {"Idempotency-Key": key} | (headers or {})
        return await self._api.call("POST", "/v1/payments", body, headers=sent, expect=expect)

    async def _executing(self, operation_id: str) -> bool:
        found = await self._api.call("GET", f"/v1/operations/{operation_id}", expect=(200, 404))
        return found.status_code == httpx.codes.OK and found.json()["status"] != "accepted"

    async def _final(self, operation_id: str) -> bool:
        found = await self._api.call("GET", f"/v1/operations/{operation_id}", expect=(200, 404, 503))
        return found.status_code == httpx.codes.OK and found.json()["status"] in {"succeeded", "failed"}


def _is_complete(events: list[Received]) -> bool:
    """Whether nothing is missing: every expected type, and for each resource the sequence numbers 1, 2, 3 …"""
    sequences: dict[str, list[int]] = {}
    for event in events:
        sequences.setdefault(event.data["id"], []).append(event.body["sequence"])
    without_gap = all(sorted(numbers) == list(range(1, len(numbers) + 1)) for numbers in sequences.values())
    return without_gap and {event.type for event in events} >= set(_EXPECTED_EVENTS)


def _count(kinds: Counter[str], word: str) -> int:
    return sum(count for kind, count in kinds.items() if word in kind)


def _method(payment: dict[str, Any]) -> str:
    return str(payment.get("payment_method") or "its customer")
