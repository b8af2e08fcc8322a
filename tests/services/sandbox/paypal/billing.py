"""Plans and subscriptions as the tests of billing make them."""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from .conftest import Shop

SUBSCRIPTIONS = "/v1/billing/subscriptions"
PLANS = "/v1/billing/plans"


def usd(value: str) -> dict[str, str]:
    return {"currency_code": "USD", "value": value}


def cycle(
    value: str | None, sequence: int, *, trial: bool = False, unit: str = "MONTH", total: int = 0
) -> dict[str, Any]:
    priced = {} if value is None else {"pricing_scheme": {"fixed_price": usd(value)}}
    return {
        "frequency": {"interval_unit": unit, "interval_count": 1},
        "tenure_type": "TRIAL" if trial else "REGULAR",
        "sequence": sequence,
        "total_cycles": total,
        **priced,
    }


def plan_body(product_id: str, *cycles: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "product_id": product_id,
        "name": "Monthly",
        "billing_cycles": list(cycles) or [cycle("10.00", 1)],
        "payment_preferences": {"auto_bill_outstanding": True, "payment_failure_threshold": 2},
        **changes,
    }


async def a_product(shop: "Shop") -> str:
    body = {"name": "Tickets", "type": "SERVICE", "category": "SOFTWARE"}
    return str((await shop.asked("/v1/catalogs/products", body, key=uuid4().hex))["id"])


async def a_plan(shop: "Shop", *cycles: dict[str, Any], product: str | None = None, **changes: Any) -> dict[str, Any]:
    product = product or await a_product(shop)
    return await shop.asked(PLANS, plan_body(product, *cycles, **changes), key=uuid4().hex)


async def a_subscription(shop: "Shop", plan_id: str, **changes: Any) -> dict[str, Any]:
    context = {"return_url": "https://shop.example/done", "cancel_url": "https://shop.example/back"}
    body = {"plan_id": plan_id, "custom_id": "sub_1", "application_context": context, **changes}
    return await shop.asked(SUBSCRIPTIONS, body, key=uuid4().hex)


async def active(shop: "Shop", plan_id: str, **changes: Any) -> str:
    """The path of a subscription that its payer has agreed to."""
    made = await a_subscription(shop, plan_id, **changes)
    await shop.ask(f"/paypal/subscriptions/{made['id']}/approve")
    return f"{SUBSCRIPTIONS}/{made['id']}"
