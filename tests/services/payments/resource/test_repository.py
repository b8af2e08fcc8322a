"""Resources in a real PostgreSQL: found by what callbacks call them."""

from typing import Final

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.db.engine import Pool
from onerouter_payments.callbacks import Callbacks
from onerouter_payments.payment.callbacks import PaymentCallbacks
from onerouter_payments.resource.change import observe
from onerouter_payments.resource.kinds import KINDS
from onerouter_payments.resource.repository import ResourceStore
from onerouter_payments.resource.state import Resource
from onerouter_providers.resources import ResourceSnapshot

from ..examples import NOW, VIEWS, a_callback, a_resource

RULES: Final = Callbacks(PaymentCallbacks(VIEWS))


async def a_paid_link(pool: Pool, number: str) -> Resource:
    facts = {"provider_order_id": f"order_{number}", "provider_payment_id": f"pay_{number}"}
    paid = ResourceSnapshot("paid", f"plink_{number}", as_of=NOW, facts=facts)
    link = observe(a_resource(KINDS["payment_link"]), paid, NOW).resource
    async with pool.acquire() as connection, connection.transaction():
        await ResourceStore().save(connection, [link])
    return link


async def test_what_a_links_payer_does_belongs_to_the_link_and_changes_nothing(pool: Pool) -> None:
    link = await a_paid_link(pool, "L1")
    told = [
        a_callback(CallbackObject(kind="payment", status="failed", order_id="order_L1", payment_id="pay_other")),
        a_callback(CallbackObject(kind="payment", status="succeeded", payment_id="pay_L1")),
    ]
    others = [
        # These wait until what was paid at the link is a payment of its own.
        a_callback(CallbackObject(kind="refund", status="succeeded", payment_id="pay_L1", refund_id="rfnd_1")),
        a_callback(CallbackObject(kind="dispute", status="needs_response", payment_id="pay_L1", provider_id="disp_1")),
        a_callback(CallbackObject(kind="payment", status="succeeded", order_id="order_L2", payment_id="pay_L2")),
        a_callback(CallbackObject(kind="payment", status="succeeded", order_id="order_L1"), connection_id="con_other"),
    ]
    async with pool.acquire() as connection:
        found = await RULES.find_keys(connection, [*told, *others])
    assert found == {one.callback_id: link.id for one in told}
    for one in told:
        settled = RULES.apply(one, link)
        assert (settled.resource, settled.events) == (None, ())
