"""Stripe's JSON for connected accounts and their banks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from onerouter_sandbox.stripe import shapes
from onerouter_sandbox.stripe.connect.details import currency_of

if TYPE_CHECKING:
    from onerouter_sandbox.stripe.connect.vendors import Bank, Vendor


def bank_account(bank: "Bank", vendor_id: str) -> dict[str, Any]:
    return {
        "id": bank["id"],
        "object": "bank_account",
        "account": vendor_id,
        "account_holder_name": bank["holder"],
        "account_holder_type": bank["holder_type"],
        "account_type": None,
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": bank["country"],
        "currency": bank["currency"],
        "default_for_currency": True,
        "fingerprint": f"SandboxBank{bank['last4']}",
        "last4": bank["last4"],
        "metadata": {},
        "routing_number": bank["routing_number"],
        "status": "new",
    }


def vendor_account(vendor: "Vendor", needs: Sequence[str]) -> dict[str, Any]:
    """`needs`: what is due of one that is new."""
    due = _due(vendor, needs)
    banks = [bank_account(bank, vendor.id) for bank in vendor.banks]
    status = {"new": "inactive", "restricted": "inactive", "active": "active"}[vendor.state]
    return {
        "id": vendor.id,
        "object": "account",
        "business_profile": {
            "annual_revenue": None,
            "estimated_worker_count": None,
            "mcc": None,
            "name": None,
            "product_description": None,
            "support_address": None,
            "support_email": None,
            "support_phone": None,
            "support_url": None,
            "url": None,
        }
        | vendor.profile,
        "business_type": vendor.business_type,
        "capabilities": dict.fromkeys(vendor.capabilities, status),
        "charges_enabled": vendor.active,
        "controller": _controller(vendor),
        "country": vendor.country,
        "created": vendor.created,
        "default_currency": currency_of(vendor.country),
        "details_submitted": vendor.submitted,
        "email": vendor.email,
        "external_accounts": shapes.collection(banks, url=f"/v1/accounts/{vendor.id}/external_accounts", more=False),
        "future_requirements": _requirements([], None),
        "metadata": vendor.metadata,
        "payouts_enabled": vendor.active,
        "requirements": _requirements(due, "requirements.past_due" if due else None),
        "tos_acceptance": {"date": vendor.created if vendor.submitted else None, "ip": None, "user_agent": None},
        "type": vendor.type,
    }


def _due(vendor: "Vendor", needs: Sequence[str]) -> list[str]:
    if vendor.active:
        return []
    if vendor.state == "restricted":
        return ["individual.verification.document"]
    return [need for need in needs if need != "external_account" or not vendor.banks]


def _requirements(due: list[str], disabled: str | None) -> dict[str, Any]:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": due,
        "disabled_reason": disabled,
        "errors": [],
        "eventually_due": due,
        "past_due": due,
        "pending_verification": [],
    }


def _controller(vendor: "Vendor") -> dict[str, Any]:
    given = vendor.controller
    if vendor.type == "standard":
        return {"type": "account"}
    custom = vendor.type == "custom"
    return {
        "fees": {
            "payer": given.get("fees", {}).get("payer", "application_custom" if custom else "application_express")
        },
        "is_controller": True,
        "losses": {"payments": given.get("losses", {}).get("payments", "application")},
        "requirement_collection": given.get("requirement_collection", "application" if custom else "stripe"),
        "stripe_dashboard": {"type": given.get("stripe_dashboard", {}).get("type", "none" if custom else "express")},
        "type": "application",
    }
