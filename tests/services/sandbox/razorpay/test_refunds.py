import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.services.sandbox.conftest import Receiver, Sandbox

KEY = "0b54b0e6-7f0b-5d0c-8b44-aaaaaaaaaaaa"


async def refund(sandbox: "Sandbox", payment_id: str, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {} if key is None else {"X-Refund-Idempotency": key}
    return await sandbox.api.post(f"/payments/{payment_id}/refund", json=body, headers=headers)


async def settled(sandbox: "Sandbox", refund_id: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            shown: dict[str, Any] = (await sandbox.api.get(f"/refunds/{refund_id}")).json()
            if shown["status"] != "pending":
                return shown
            await asyncio.sleep(0.01)


class TestCreate:
    async def test_in_parts_and_never_too_much(self, sandbox: "Sandbox") -> None:
        payment_id = await sandbox.paid()
        part = (await refund(sandbox, payment_id, amount=100_000, receipt="rf_1", notes={"a": "b"})).json()
        assert (part["status"], part["receipt"], part["notes"], part["speed_requested"]) == (
            "processed",
            "rf_1",
            {"a": "b"},
            "normal",
        )
        too_much = await refund(sandbox, payment_id, amount=29_901)
        assert too_much.status_code == 400
        assert (await refund(sandbox, payment_id)).json()["amount"] == 29_900
        payment = (await sandbox.api.get(f"/payments/{payment_id}?expand[]=refunds")).json()
        assert (payment["status"], payment["refund_status"], payment["amount_refunded"]) == (
            "refunded",
            "full",
            129_900,
        )
        assert payment["refunds"]["count"] == 2
        assert (await refund(sandbox, payment_id)).status_code == 400
        listed = (await sandbox.api.get(f"/payments/{payment_id}/refunds")).json()
        assert [each["amount"] for each in listed["items"]] == [29_900, 100_000]
        assert (await sandbox.api.get(f"/payments/{payment_id}/refunds/{part['id']}")).json() == part
        assert sum(effect["amount"] for effect in await sandbox.effects(kind="refund.created")) == 129_900

    async def test_only_of_captured_payments(self, sandbox: "Sandbox") -> None:
        order = await sandbox.order(payment={"capture": "manual"})
        payment_id = (await sandbox.pay(order["id"]))["payment_id"]
        answer = await refund(sandbox, payment_id)
        assert (answer.status_code, answer.json()["error"]["description"]) == (
            400,
            "The payment status should be captured for action to be taken",
        )

    @pytest.mark.parametrize("body", [{"amount": 99}, {"speed": "fast"}, {"receipt": "r" * 41}, {"reason": "x"}])
    async def test_refuses_bad_fields(self, sandbox: "Sandbox", body: dict[str, Any]) -> None:
        assert (await refund(sandbox, await sandbox.paid(), **body)).status_code == 400


class TestIdempotency:
    async def test_same_key_same_body_is_one_refund(self, sandbox: "Sandbox") -> None:
        payment_id = await sandbox.paid()
        first = await refund(sandbox, payment_id, KEY, amount=129_900)
        again = await refund(sandbox, payment_id, KEY, amount=129_900)
        assert (again.status_code, again.json()) == (200, first.json())
        assert [effect["reference"] for effect in await sandbox.effects(kind="refund.created")] == [KEY]

    async def test_same_key_other_body_is_refused(self, sandbox: "Sandbox") -> None:
        payment_id = await sandbox.paid()
        await refund(sandbox, payment_id, KEY, amount=50_000)
        for other_payment, amount in ((payment_id, 50_001), (await sandbox.paid(), 50_000)):
            answer = await refund(sandbox, other_payment, KEY, amount=amount)
            assert (answer.status_code, answer.json()["error"]["description"]) == (
                400,
                "Different request with the same idempotency key has already been processed.",
            )

    async def test_same_key_in_flight_is_a_conflict(self, sandbox: "Sandbox") -> None:
        payment_id = await sandbox.paid()
        await sandbox.fault("slow", "refunds.create", delay_s=0.3, when="before", times=1)
        answers = await asyncio.gather(*(refund(sandbox, payment_id, KEY, amount=50_000) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
        assert (await refund(sandbox, payment_id, KEY, amount=50_000)).status_code == 200
        assert len(await sandbox.effects(kind="refund.created")) == 1

    @pytest.mark.parametrize("key", ["short", "has space in it", "x" * 256])
    async def test_refuses_a_malformed_key(self, sandbox: "Sandbox", key: str) -> None:
        answer = await refund(sandbox, await sandbox.paid(), key, amount=50_000)
        assert answer.status_code == 400


class TestPending:
    async def test_account_option(self, sandbox: "Sandbox", receiver: "Receiver") -> None:
        await sandbox.register(refund_mode="pending", refund_delay_s=0.05)
        payment_id = await sandbox.paid()
        await sandbox.register(refund_mode="pending", refund_delay_s=0.05, webhook_url=receiver.url)
        made = (await refund(sandbox, payment_id, speed="optimum")).json()
        assert (made["status"], made["acquirer_data"]) == ("pending", {"arn": None})
        assert (await refund(sandbox, payment_id)).status_code == 400  # all of it is spoken for
        done = await settled(sandbox, made["id"])
        assert (done["status"], done["speed_processed"]) == ("processed", "instant")
        deliveries = await receiver.wait(2)
        assert receiver.events == ["refund.created", "refund.processed"]
        assert [d.payload["payment"]["entity"]["amount_refunded"] for d in deliveries] == [0, 129_900]

    async def test_fault_option_fails_and_frees_the_amount(self, sandbox: "Sandbox") -> None:
        payment_id = await sandbox.paid()
        await sandbox.fault("refund_failed", delay_s=0.02, times=1)
        made = (await refund(sandbox, payment_id)).json()
        assert made["status"] == "pending"
        assert (await settled(sandbox, made["id"]))["status"] == "failed"
        assert (await refund(sandbox, payment_id)).json()["status"] == "processed"

    async def test_settled_by_hand(self, sandbox: "Sandbox") -> None:
        await sandbox.fault("refund_pending", delay_s=3_600, times=1)
        made = (await refund(sandbox, await sandbox.paid())).json()
        assert (await sandbox.ask(f"/razorpay/refunds/{made['id']}/settle"))["status"] == "processed"
