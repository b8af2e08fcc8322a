import asyncio
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from onerouter_sandbox.faults import WIRE_KINDS, Fault, FaultKind, Faults, FaultSpec

if TYPE_CHECKING:
    from tests.pausing import Pause
    from tests.services.sandbox.conftest import Sandbox

ORDER = {"amount": 100, "currency": "INR"}
IMPATIENT = httpx.Timeout(60, read=0.1)
"""Of an answer only."""


async def no_answer(sandbox: "Sandbox") -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await sandbox.api.post("/orders", json=ORDER)


async def until_hit(sandbox: "Sandbox", fault_id: str) -> None:
    async with asyncio.timeout(60):
        while not any(f["hits"] for f in (await sandbox.show("/faults"))["data"] if f["id"] == fault_id):
            await asyncio.sleep(0.01)


class TestTimeouts:
    async def test_before_effect_holds_then_cuts(self, sandbox: "Sandbox") -> None:
        await sandbox.fault("timeout_before_effect", "orders.create", hold_s=0.1, times=1)
        await no_answer(sandbox)
        assert await sandbox.effects() == []
        await sandbox.order()  # and the next call is well

    async def test_after_effect_holds_then_cuts(self, sandbox: "Sandbox") -> None:
        await sandbox.fault("timeout_after_effect", "orders.create", hold_s=0.1, times=1)
        await no_answer(sandbox)
        assert len(await sandbox.effects(kind="order.created")) == 1

    @pytest.mark.parametrize(("kind", "effects"), [("timeout_before_effect", 0), ("timeout_after_effect", 1)])
    async def test_the_client_gives_up_first(self, sandbox: "Sandbox", kind: str, effects: int) -> None:
        fault_id = await sandbox.fault(kind, times=1)
        with pytest.raises(httpx.ReadTimeout):
            await sandbox.api.post("/orders", json=ORDER, timeout=IMPATIENT)
        await until_hit(sandbox, fault_id)
        assert len(await sandbox.effects()) == effects

    async def test_a_refund_whose_answer_was_lost_is_replayed(self, sandbox: "Sandbox") -> None:
        payment_id = await sandbox.paid()
        fault_id = await sandbox.fault("timeout_after_effect", "refunds.create", times=1)
        headers = {"X-Refund-Idempotency": "key-0123456789"}
        with pytest.raises(httpx.ReadTimeout):
            await sandbox.api.post(f"/payments/{payment_id}/refund", json={}, headers=headers, timeout=IMPATIENT)
        await until_hit(sandbox, fault_id)
        replay = await sandbox.api.post(f"/payments/{payment_id}/refund", json={}, headers=headers)
        assert replay.status_code == 200
        assert [e["object_id"] for e in await sandbox.effects(kind="refund.created")] == [replay.json()["id"]]


async def test_refuse_connection_sends_no_byte(sandbox: "Sandbox") -> None:
    await sandbox.fault("refuse_connection", times=1)
    await no_answer(sandbox)
    assert await sandbox.effects() == []


class TestErrors:
    @pytest.mark.parametrize("status", [500, 502, 503])
    async def test_before_effect_by_default(self, sandbox: "Sandbox", status: int) -> None:
        await sandbox.fault("error_5xx", "orders.*", status=status, times=1)
        answer = await sandbox.api.post("/orders", json=ORDER)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, "SERVER_ERROR")
        assert await sandbox.effects() == []

    async def test_after_effect_with_a_proxys_page(self, sandbox: "Sandbox") -> None:
        await sandbox.fault("error_5xx", status=502, body="html", when="after", times=1)
        answer = await sandbox.api.post("/orders", json=ORDER)
        assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")
        assert "Bad Gateway" in answer.text
        assert len(await sandbox.effects()) == 1

    async def test_throttle(self, sandbox: "Sandbox") -> None:
        await sandbox.fault("throttle_429", retry_after_s=7, times=1)
        answer = await sandbox.api.post("/orders", json=ORDER)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
        assert answer.json()["error"]["code"] == "BAD_REQUEST_ERROR"
        assert await sandbox.effects() == []


class TestSlow:
    @pytest.mark.parametrize(("when", "effects_meanwhile"), [("before", 0), ("after", 1), (None, 1)])
    async def test_effect_before_or_after_the_wait(
        self, sandbox: "Sandbox", pause: "Pause", when: str | None, effects_meanwhile: int
    ) -> None:
        await sandbox.fault("slow", "orders.create", delay_s=0.3, when=when, times=1)
        call = asyncio.create_task(sandbox.api.post("/orders", json=ORDER))
        await pause.reached()
        assert len(await sandbox.effects()) == effects_meanwhile
        assert (pause.asked_s, call.done()) == (0.3, False)
        pause.end()
        assert (await call).status_code == 200
        assert len(await sandbox.effects()) == 1

    async def test_latency_of_every_answer(self, sandbox: "Sandbox") -> None:
        await sandbox.ask("/latency", ms=80)
        started = time.monotonic()
        await sandbox.order()
        assert time.monotonic() - started >= 0.08
        assert (await sandbox.show("/latency")) == {"ms": 80}


class TestWhich:
    async def test_only_the_named_operation_and_account(self, sandbox: "Sandbox") -> None:
        await sandbox.register(key_id="rzp_test_Other01", key_secret="other_secret")
        await sandbox.fault("error_5xx", "orders.create", key_id="rzp_test_Other01", provider="razorpay")
        await sandbox.order()
        other = ("rzp_test_Other01", "other_secret")
        assert (await sandbox.api.get("/orders", auth=other)).status_code == 200
        assert (await sandbox.api.post("/orders", json=ORDER, auth=other)).status_code == 500

    async def test_times_delete_and_clear(self, sandbox: "Sandbox") -> None:
        await sandbox.fault("error_5xx", times=2)
        forever = await sandbox.fault("throttle_429")
        statuses = [(await sandbox.api.get("/orders")).status_code for _ in range(4)]
        assert statuses == [500, 500, 429, 429]
        assert [f["spent"] for f in (await sandbox.show("/faults"))["data"]] == [True, False]
        assert (await sandbox.control.delete(f"/faults/{forever}")).status_code == 200
        assert (await sandbox.api.get("/orders")).status_code == 200
        assert (await sandbox.control.delete(f"/faults/{forever}")).status_code == 404
        await sandbox.control.delete("/faults")
        assert (await sandbox.show("/faults"))["data"] == []

    async def test_an_unknown_kind_is_refused(self, sandbox: "Sandbox") -> None:
        assert (await sandbox.control.post("/faults", json={"kind": "explode"})).status_code == 422
        assert (await sandbox.control.post("/faults", json={"kind": "slow", "dealy_s": 1})).status_code == 422


class TestProbability:
    def test_one_seed_gives_one_sequence(self) -> None:
        spec = FaultSpec(kind=FaultKind.SLOW, probability=0.3, seed=42)
        first, second = Fault(spec), Fault(spec)
        sequence = [first.strikes() for _ in range(1_000)]
        assert sequence == [second.strikes() for _ in range(1_000)]
        assert 200 < sum(sequence) < 400
        assert first.hits == sum(sequence)

    def test_several_faults_share_the_calls(self) -> None:
        faults = Faults()
        for seed, kind in enumerate((FaultKind.TIMEOUT_AFTER_EFFECT, FaultKind.ERROR_5XX)):
            faults.add(FaultSpec(kind=kind, probability=0.5, seed=seed))
        drawn = [faults.draw(WIRE_KINDS, "razorpay", "orders.create", "k") for _ in range(100)]
        kinds = {None if each is None else each.kind for each in drawn}
        assert kinds == {FaultKind.TIMEOUT_AFTER_EFFECT, FaultKind.ERROR_5XX, None}


async def test_a_held_call_gets_no_answer_when_the_sandbox_stops(running: Any) -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        async with running() as sandbox:
            await sandbox.register()
            await sandbox.fault("timeout_after_effect", times=1)
            call = asyncio.create_task(
                http.post(f"{sandbox.url}/razorpay/v1/orders", json=ORDER, auth=sandbox.api.auth)
            )
            async with asyncio.timeout(60):
                while not await sandbox.effects():
                    await asyncio.sleep(0.01)
        with pytest.raises(httpx.RemoteProtocolError):
            await call
