"""What is kept of callbacks and events, and the timeline that is made of it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.libs.common.worker.rig import Rig, create_payment, create_refund
from tests.libs.common.worker.test_callback_inbox import make_inbox

from onerouter_common.contracts.callbacks import Callback, CallbackObject
from onerouter_common.contracts.commands import Command
from onerouter_common.db.engine import tenant_engine
from onerouter_common.errors import ProviderUnavailable
from onerouter_common.ids import CALLBACK, new_id
from onerouter_common.operations.repository import OperationReads
from onerouter_common.reads.paging import Page
from onerouter_common.web.internal import TenantContext
from onerouter_common.worker.history import cost_in
from onerouter_payments.payment.costs import OperationCosts

TENANT = TenantContext("ten_1", "test")


def told_of(payment: Command, *, status: str = "succeeded", fee_minor: int | None = 1_178) -> Callback:
    provider_id = payment.resource_id[4:]
    return Callback(
        callback_id=new_id(CALLBACK),
        tenant_id="ten_1",
        environment="test",
        category="payments",
        provider="scripted",
        provider_event_id="evt_1",
        provider_event_type="payment.captured",
        connection_id="con_1",
        occurred_at=datetime.now(UTC),
        received_at=datetime.now(UTC),
        object=CallbackObject(
            kind="payment",
            status=status,
            order_id=f"order_{provider_id}",
            payment_id=f"pay_{provider_id}",
            fee_minor=fee_minor,
        ),
    )


async def whole_timeline(engine: AsyncEngine, operation_id: str, *, limit: int = 100) -> dict[str, Any]:
    """All pages as one; checks what holds of each."""
    reads, data, cursor = OperationReads(engine, OperationCosts({})), list[Any](), None
    while True:
        page: Any = await reads.timeline(TENANT, operation_id, Page(limit=limit, cursor=cursor))
        assert len(page["data"]) <= limit
        assert page["has_more"] == (page["next_cursor"] is not None)
        data += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return {**page, "data": data}


async def test_a_payments_timeline_tells_all_that_happened_in_order(rig: Rig) -> None:
    rig.provider.capture_first = False
    away = ProviderUnavailable("Not reached.", provider="scripted", reason="connection_refused")
    rig.provider.before = [away]
    payment = create_payment()
    async with rig.worker():
        await rig.ask(payment)
        inbox = make_inbox(rig)
        record: Any = SimpleNamespace(value=told_of(payment).to_bytes())
        await inbox.handle([record])
        await inbox.handle([record])  # the log gives it once more: it is one line still
        await rig.ask(create_refund(payment, 1_000))
    async with tenant_engine(rig.dsn, size=2) as engine:
        timeline = await whole_timeline(engine, payment.operation_id)
        for limit in (1, 2, 5):
            assert await whole_timeline(engine, payment.operation_id, limit=limit) == {**timeline}
        operation: Any = await OperationReads(engine, OperationCosts({})).one(TENANT, payment.operation_id)
    shown = [(entry["kind"], entry["data"].get("type") or entry["data"].get("outcome")) for entry in timeline["data"]]
    assert shown == [
        ("accepted", None),
        ("routed", None),
        ("attempt", "unreachable"),
        ("attempt", "succeeded"),
        ("event", "payment.created"),
        ("finished", None),
        ("callback", None),
        ("event", "payment.succeeded"),
        ("event", "payment.partially_refunded"),
    ]
    assert all(before["at"] <= after["at"] for before, after in pairwise(timeline["data"]))
    entries = {entry["detail"]: entry["data"] for entry in timeline["data"]}
    callback = next(entry["data"] for entry in timeline["data"] if entry["kind"] == "callback")
    assert callback["changed"] == [{"type": "payment.succeeded", "resource_id": payment.resource_id, "sequence": 2}]
    created, succeeded, refunded = (entry["data"] for entry in timeline["data"] if entry["kind"] == "event")
    assert (created["source"], created["operation_id"]) == ("operation", payment.operation_id)
    assert (succeeded["source"], succeeded["callback_id"]) == ("callback", callback["callback_id"])
    assert refunded["operation_id"] not in (None, payment.operation_id)
    assert [one["sequence"] for one in (created, succeeded, refunded)] == [1, 2, 3]
    assert any("connection_refused" in detail for detail in entries)
    cost = {"amount": 11.78, "amount_minor": 1_178, "currency": "INR", "estimated": False}
    assert timeline["cost"] == operation["cost"] == succeeded["cost"] == cost


async def test_a_refunds_timeline_is_its_own_and_what_it_did_to_its_payment(rig: Rig) -> None:
    payment = create_payment()
    refund = create_refund(payment, 1_000)
    async with rig.worker():
        await rig.ask(payment)
        await rig.ask(refund)
    async with tenant_engine(rig.dsn, size=2) as engine:
        timeline = await whole_timeline(engine, refund.operation_id)
    events = [entry["data"]["type"] for entry in timeline["data"] if entry["kind"] == "event"]
    assert events == ["refund.created", "refund.succeeded", "payment.partially_refunded"]
    routed = next(entry for entry in timeline["data"] if entry["kind"] == "routed")
    assert routed["detail"] == "The resource lives at this connection."
    assert timeline["cost"] is None


async def test_what_happened_at_one_moment_is_paged_without_a_gap(rig: Rig) -> None:
    payment = create_payment()
    async with rig.worker():
        await rig.ask(payment)
        at = datetime.now(UTC) + timedelta(seconds=1)
        told = [told_of(payment).model_copy(update={"received_at": at}) for _ in range(7)]
        await make_inbox(rig).handle([SimpleNamespace(value=one.to_bytes()) for one in told])
    async with tenant_engine(rig.dsn, size=2) as engine:
        timeline = await whole_timeline(engine, payment.operation_id)
        for limit in (1, 3, 4):
            assert await whole_timeline(engine, payment.operation_id, limit=limit) == timeline
    assert sum(entry["kind"] == "callback" for entry in timeline["data"]) == 7


@pytest.mark.parametrize(
    ("shown", "cost"),
    [
        ({"cost": {"amount": 11.78, "currency": "INR"}}, {"amount": 11.78, "currency": "INR"}),
        (
            {"cost": 0.0083, "currency": "USD", "cost_estimated": True},
            {"amount": 0.0083, "amount_minor": 0.83, "currency": "USD", "estimated": True},
        ),
        (
            {"cost": 2, "currency": "JPY", "cost_estimated": False},
            {"amount": 2, "amount_minor": 2, "currency": "JPY", "estimated": False},
        ),
        ({"cost": 0.01, "currency": "credits"}, None),
        ({"cost": None, "currency": None}, None),
        ({}, None),
    ],
)
def test_a_cost_has_one_form_whatever_it_is_of(shown: dict[str, Any], cost: Any) -> None:
    assert cost_in(shown) == cost


async def test_nobody_may_rewrite_history(rig: Rig) -> None:
    async with rig.worker():
        await rig.ask(create_payment())
    for change in ("UPDATE history SET kind = 'callback'", "DELETE FROM history"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await rig.pool.execute(change)
