"""Callbacks that come before what they speak of, or more than once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from tests.libs.common.worker.rig import Rig

from onerouter_common.clock import SystemClock
from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.worker.callback_inbox import CallbackInbox
from onerouter_payments.payment.callbacks import PaymentCallbacks
from onerouter_payments.payment.settlement import Views


def make_inbox(rig: Rig, rules: PaymentCallbacks | None = None) -> CallbackInbox:
    worker = rig.make_worker()
    rules = rules or PaymentCallbacks(Views({}))
    return CallbackInbox(rig.pool, worker._rules, rules, rig.producer, worker.publisher, SystemClock())


def callback_of_nobody(callback_id: str = "cb_1") -> Callback:
    return Callback(
        callback_id=callback_id,
        tenant_id="ten_1",
        environment="test",
        category="payments",
        provider="scripted",
        provider_event_id="evt_1",
        provider_event_type="payment.captured",
        connection_id="con_1",
        occurred_at=datetime.now(UTC),
        received_at=datetime.now(UTC),
        object=CallbackObject(kind="payment", status="succeeded", order_id="order_of_nobody"),
    )


async def test_a_double_of_a_callback_that_has_to_wait_does_not_break_the_batch(rig: Rig) -> None:
    inbox = make_inbox(rig)
    record: Any = SimpleNamespace(value=callback_of_nobody().to_bytes())
    await inbox.handle([record, record])
    assert await rig.pool.fetchval("SELECT count(*) FROM pending_callbacks") == 1


async def test_a_payment_that_never_appears_was_made_elsewhere_and_is_given_up(rig: Rig) -> None:
    inbox = make_inbox(rig)
    records: list[Any] = [SimpleNamespace(value=callback_of_nobody(name).to_bytes()) for name in ("cb_old", "cb_new")]
    await inbox.handle(records)
    await rig.pool.execute("UPDATE pending_callbacks SET due_at = now()")
    await rig.pool.execute(
        "UPDATE pending_callbacks SET received_at = now() - interval '2 hours' WHERE callback_id = 'cb_old'"
    )
    assert await inbox.retry_pending() == 2
    assert await rig.pool.fetchval("SELECT array_agg(callback_id) FROM pending_callbacks") == ["cb_new"]
    assert await rig.pool.fetchval("SELECT topic FROM outbox") == "callbacks.payments.dead.v1"


async def test_what_surely_is_none_of_ours_is_not_waited_for(rig: Rig) -> None:
    class Knows(PaymentCallbacks):
        def patience_s(self, callback: Callback) -> float:
            return 0.0 if callback.callback_id == "cb_foreign" else super().patience_s(callback)

    names = ("cb_foreign", "cb_early")
    await make_inbox(rig, Knows(Views({}))).handle(
        [SimpleNamespace(value=callback_of_nobody(name).to_bytes()) for name in names]
    )
    assert await rig.pool.fetchval("SELECT array_agg(callback_id) FROM pending_callbacks") == ["cb_early"]
    assert await rig.pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_a_waiting_callback_that_breaks_holds_up_no_other(rig: Rig) -> None:
    class Breaks(PaymentCallbacks):
        async def find_keys(self, connection: Any, callbacks: Sequence[Callback]) -> Mapping[str, str]:
            if any(callback.callback_id == "cb_bad" for callback in callbacks):
                raise RuntimeError("a defect")
            return await super().find_keys(connection, callbacks)

    await make_inbox(rig).handle(
        [SimpleNamespace(value=callback_of_nobody(n).to_bytes()) for n in ("cb_bad", "cb_good")]
    )
    await rig.pool.execute(
        "UPDATE pending_callbacks SET due_at = now() - make_interval("
        "secs => CASE callback_id WHEN 'cb_bad' THEN 9 ELSE 1 END)"
    )
    await make_inbox(rig, Breaks(Views({}))).retry_pending()
    rows = await rig.pool.fetch(
        "SELECT callback_id, due_at > now() + interval '5 minutes' AS aside FROM pending_callbacks"
    )
    assert {row["callback_id"]: row["aside"] for row in rows} == {"cb_bad": True, "cb_good": False}
