"""What else the published client reads and makes: every list, what is connected, customers, plans, links, subscriptions."""

from typing import Any, Final
from uuid import uuid4

import pytest
from tests.e2e.sdk.driver import Sdk

_LISTS: Final[dict[str, dict[str, Any]]] = {
    "payments.list": {},
    "refunds.list": {},
    "subscriptions.list": {},
    "plans.list": {},
    "customers.list": {},
    "payment_links.list": {},
    "payment_methods.list": {},
    "marketplace.list_vendors": {},
    "sms.list": {"direction": "outbound"},
    "email.list": {},
    "webhook_endpoints.list": {},
    "operations.list": {"category": "payments", "metadata": {"order": "1042"}},
}


async def test_every_list_is_read_in_pages(sdk: Sdk) -> None:
    await sdk.call("payments.create", amount=1, metadata={"order": "1042"})
    for method, arguments in _LISTS.items():
        (page, *_) = await sdk.pages_of(method, limit=100, **arguments)
        assert len(page) <= 100, method
        assert len({one.id for one in page}) == len(page), method


async def test_what_can_be_used_is_told(sdk: Sdk) -> None:
    services = await sdk.all_of("services.list")
    assert {"payments", "sms", "email"} <= {each.category for each in services}
    assert await sdk.call("services.supports", "payment.create", currency="INR")
    assert not await sdk.call("services.supports", "payment.cancel", provider="razorpay")
    assert not await sdk.call("services.supports", "payment.levitate")


async def test_customers_plans_and_subscriptions(sdk: Sdk) -> None:
    customer = await sdk.call("customers.create", name="Asha Rao", email=f"{uuid4().hex}@example.com")
    assert (await sdk.call("customers.get", customer.id)) == customer
    plan = await sdk.call("plans.create", name="Gold", amount="199.00", currency="INR", interval="month")
    assert (plan.amount_minor, plan.interval_count) == (19_900, 1)
    subscription = await sdk.call("subscriptions.create", plan_id=plan.id, customer_id=customer.id, total_count=6)
    assert (subscription.plan_id, subscription.total_count) == (plan.id, 6)
    assert (await sdk.call("subscriptions.get", subscription["id"])).id == subscription.id
    canceled = await sdk.call("subscriptions.cancel", subscription_id=subscription.id, cancel_at_cycle_end=False)
    assert canceled.status == "canceled"


async def test_payment_links(sdk: Sdk) -> None:
    link = await sdk.call(
        "payment_links.create", amount=999.00, description="Premium plan", customer_email="asha@example.com"
    )
    assert link.short_url == link["short_url"]
    assert (await sdk.call("payment_links.cancel", link.id)).status == "canceled"


async def test_what_version_2_lists(sdk: Sdk) -> None:
    assert isinstance(await sdk.call("saved_payment_methods.list"), list)
    assert isinstance((await sdk.call("marketplace.list_vendor_accounts"))["data"], list)
    assert (await sdk.call("marketplace.get_platform_fees", period="week", currency="INR")).currency == "INR"


@pytest.mark.parametrize("channel", ["sms", "email"])
async def test_templates_are_listed_by_channel(sdk: Sdk, channel: str) -> None:
    assert {each.channel for each in await sdk.all_of("templates.list", channel)} <= {channel}
