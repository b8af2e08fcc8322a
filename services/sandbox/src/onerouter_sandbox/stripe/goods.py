"""Products and prices: what is kept of them, and Stripe's JSON for it."""

from dataclasses import dataclass
from typing import Any

from onerouter_sandbox.stripe.state import Slotted


@dataclass(slots=True)
class Product(Slotted):
    id: str
    account: str
    created: int
    updated: int
    name: str
    metadata: dict[str, str]
    description: str | None = None
    active: bool = True
    default_price: str | None = None


@dataclass(slots=True)
class Price(Slotted):
    """`interval` is None for what is bought once."""

    id: str
    account: str
    created: int
    product: str
    currency: str
    unit_amount: int
    metadata: dict[str, str]
    interval: str | None = None
    interval_count: int = 1
    nickname: str | None = None
    lookup_key: str | None = None
    active: bool = True


def shown_product(product: Product, *, livemode: bool) -> dict[str, Any]:
    return {
        "id": product.id,
        "object": "product",
        "active": product.active,
        "created": product.created,
        "default_price": product.default_price,
        "description": product.description,
        "images": [],
        "livemode": livemode,
        "marketing_features": [],
        "metadata": product.metadata,
        "name": product.name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "unit_label": None,
        "updated": product.updated,
        "url": None,
    }


def shown_price(price: Price, *, livemode: bool) -> dict[str, Any]:
    recurring = {
        "interval": price.interval,
        "interval_count": price.interval_count,
        "meter": None,
        "usage_type": "licensed",
    }
    return {
        "id": price.id,
        "object": "price",
        "active": price.active,
        "billing_scheme": "per_unit",
        "created": price.created,
        "currency": price.currency,
        "custom_unit_amount": None,
        "livemode": livemode,
        "lookup_key": price.lookup_key,
        "metadata": price.metadata,
        "nickname": price.nickname,
        "product": price.product,
        "recurring": None if price.interval is None else recurring,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time" if price.interval is None else "recurring",
        "unit_amount": price.unit_amount,
        "unit_amount_decimal": str(price.unit_amount),
    }
