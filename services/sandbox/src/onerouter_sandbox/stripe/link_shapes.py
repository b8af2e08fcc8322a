"""Payment links: what is kept of them, and Stripe's JSON for it."""

from dataclasses import dataclass, field
from typing import Any, TypedDict

from onerouter_sandbox.stripe.state import Slotted


class Bought(TypedDict):
    price: str
    quantity: int


@dataclass(slots=True)
class Link(Slotted):
    """`limit`: after how many completed sessions it ends by itself."""

    id: str
    account: str
    created: int
    url: str
    items: list[Bought]
    currency: str
    metadata: dict[str, str]
    data: dict[str, Any]
    active: bool = True
    redirect: str | None = None
    inactive_message: str | None = None
    limit: int | None = None
    completed: int = 0
    customer_creation: str = "if_required"
    payment_method_types: list[str] = field(default_factory=list)


def payment_link(link: Link, *, livemode: bool) -> dict[str, Any]:
    confirmation = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": None}}
    redirect = {"type": "redirect", "redirect": {"url": link.redirect}}
    limits = {"completed_sessions": {"count": link.completed, "limit": link.limit}}
    return {
        "id": link.id,
        "object": "payment_link",
        "active": link.active,
        "after_completion": confirmation if link.redirect is None else redirect,
        "allow_promotion_codes": False,
        "application": None,
        "application_fee_amount": None,
        "application_fee_percent": None,
        "automatic_tax": {"enabled": False, "liability": None},
        "billing_address_collection": "auto",
        "consent_collection": None,
        "currency": link.currency,
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer_creation": link.customer_creation,
        "inactive_message": link.inactive_message,
        "invoice_creation": None,
        "livemode": livemode,
        "metadata": link.metadata,
        "on_behalf_of": None,
        "payment_intent_data": {"statement_descriptor": None, "statement_descriptor_suffix": None, **link.data}
        if link.data
        else None,
        "payment_method_collection": "always",
        "payment_method_types": link.payment_method_types or None,
        "phone_number_collection": {"enabled": False},
        "restrictions": None if link.limit is None else limits,
        "shipping_address_collection": None,
        "shipping_options": [],
        "submit_type": "auto",
        "subscription_data": None,
        "tax_id_collection": {"enabled": False, "required": "never"},
        "transfer_data": None,
        "url": link.url,
    }
