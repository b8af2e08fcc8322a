"""Callbacks that come before what they speak of, or more than once."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from tests.libs.common.worker.rig import Rig

from onerouter_common.clock import SystemClock
from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.worker.callback_inbox import CallbackInbox
from onerouter_payments.payment.callbacks import PaymentCallbacks
from onerouter_payments.payment.settlement import Views


async def test_a_double_of_a_callback_that_has_to_wait_does_not_break_the_batch(rig: Rig) -> None:
    worker = rig.make_worker()
    inbox = CallbackInbox(
        rig.pool, worker._rules, PaymentCallbacks(Views({})), rig.producer, worker.publisher, SystemClock()
    )
    callback = Callback(
        callback_id="cb_1",
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
    record: Any = SimpleNamespace(value=callback.to_bytes())
    await inbox.handle([record, record])
    assert await rig.pool.fetchval("SELECT count(*) FROM pending_callbacks") == 1
