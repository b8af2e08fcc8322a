"""Stripe's JSON for what the state holds, with ids where it refers to other objects."""

import json
from collections.abc import Sequence
from typing import Any, Final

from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.state import Charge, Intent, Refund, Session
from onerouter_sandbox.wire import Reply

VERSION: Final = "2026-05-27.dahlia"
NO_ADDRESS: Final = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def intent(intent: Intent, *, livemode: bool) -> dict[str, Any]:
    capturable = intent.amount if intent.status == "requires_capture" else 0
    return {
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": capturable,
        "amount_details": {"tip": {}},
        "amount_received": intent.amount_received,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True} if intent.automatic else None,
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": intent.capture_method,
        "client_secret": f"{intent.id}_secret_{intent.secret}",
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": intent.customer,
        "description": intent.description,
        "last_payment_error": intent.last_payment_error,
        "latest_charge": intent.latest_charge,
        "livemode": livemode,
        "metadata": intent.metadata,
        "next_action": None
        if intent.waits_at is None
        else {"type": "redirect_to_url", "redirect_to_url": {"url": intent.waits_at, "return_url": None}},
        "on_behalf_of": None,
        "payment_method": intent.payment_method,
        "payment_method_options": {},
        "payment_method_types": intent.payment_method_types,
        "processing": None,
        "receipt_email": intent.receipt_email,
        "review": None,
        "setup_future_usage": intent.setup_future_usage,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": intent.status,
        "transfer_data": None,
        "transfer_group": intent.transfer_group,
    }


def charge(charge: Charge, *, livemode: bool) -> dict[str, Any]:
    failed = charge.failure is not None
    failure = charge.failure or {}
    return {
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": charge.amount_captured,
        "amount_refunded": charge.amount_refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": charge.booking,
        "billing_details": billing(),
        "calculated_statement_descriptor": "DEMO",
        "captured": charge.captured,
        "created": charge.created,
        "currency": charge.currency,
        "customer": charge.customer,
        "description": None,
        "disputed": charge.disputed,
        "failure_balance_transaction": None,
        "failure_code": failure.get("code"),
        "failure_message": failure.get("message"),
        "fraud_details": {},
        "livemode": livemode,
        "metadata": charge.metadata,
        "on_behalf_of": None,
        "outcome": {
            "network_status": "declined_by_network" if failed else "approved_by_network",
            "reason": failure.get("decline_code"),
            "risk_level": "normal",
            "seller_message": "The bank declined." if failed else "Payment complete.",
            "type": "issuer_declined" if failed else "authorized",
        },
        "paid": charge.status == "succeeded",
        "payment_intent": charge.intent,
        "payment_method": charge.payment_method,
        "payment_method_details": _instrument(charge.method),
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": charge.amount_refunded == charge.amount and charge.amount > 0,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": charge.status,
        "transfer_data": None,
        "transfer_group": charge.transfer_group,
    }


def session(session: Session, intent: Intent | None, *, livemode: bool) -> dict[str, Any]:
    return {
        "id": session.id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": session.amount,
        "amount_total": session.amount,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": session.cancel_url,
        "client_reference_id": session.client_reference_id,
        "client_secret": None,
        "consent": None,
        "consent_collection": None,
        "created": session.created,
        "currency": session.currency,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer": session.customer,
        "customer_creation": session.customer_creation,
        "customer_details": None
        if session.email is None
        else {
            "address": dict(NO_ADDRESS),
            "business_name": None,
            "email": session.email,
            "individual_name": None,
            "name": None,
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
        "customer_email": session.customer_email,
        "discounts": [],
        "expires_at": session.expires_at,
        "invoice": None,
        "livemode": livemode,
        "locale": None,
        "metadata": session.metadata,
        "mode": "payment",
        "payment_intent": session.intent,
        "payment_link": session.payment_link,
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "payment_method_types": session.payment_method_types,
        "payment_status": "paid" if intent is not None and intent.status == "succeeded" else "unpaid",
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": session.status,
        "submit_type": None,
        "subscription": None,
        "success_url": session.success_url,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": session.url if session.status == "open" else None,
        "wallet_options": None,
    }


def refund(refund: Refund) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": refund.booking,
        "charge": refund.charge,
        "created": refund.created,
        "currency": refund.currency,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": refund.metadata,
        "payment_intent": refund.intent,
        "reason": refund.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": refund.status,
        "transfer_reversal": None,
    }
    if refund.failure_reason is not None:
        shown["failure_reason"] = refund.failure_reason
    return shown


def account(account: Account) -> dict[str, Any]:
    return {
        "id": account.account_id,
        "object": "account",
        "business_type": "company",
        "charges_enabled": True,
        "country": account.country,
        "default_currency": "inr" if account.country == "IN" else "usd",
        "details_submitted": True,
        "email": None,
        "payouts_enabled": True,
        "type": "standard",
    }


def balance(*, livemode: bool) -> dict[str, Any]:
    nothing = [{"amount": 0, "currency": "usd", "source_types": {"card": 0}}]
    return {"object": "balance", "available": nothing, "livemode": livemode, "pending": nothing}


def collection(items: Sequence[dict[str, Any]], *, url: str, more: bool, searched: bool = False) -> dict[str, Any]:
    if searched:
        return {"object": "search_result", "url": url, "has_more": more, "next_page": None, "data": list(items)}
    return {"object": "list", "url": url, "has_more": more, "data": list(items)}


def encode(body: dict[str, Any]) -> bytes:
    # Stripe's bodies are indented; a client that signs or compares re-encoded JSON must fail here as it would there.
    return json.dumps(body, ensure_ascii=False, indent=2).encode()


def ok(body: dict[str, Any]) -> Reply:
    return Reply(200, encode(body))


def billing(*, email: str | None = None, name: str | None = None) -> dict[str, Any]:
    return {"address": dict(NO_ADDRESS), "email": email, "name": name, "phone": None, "tax_id": None}


def saved_card(brand: str, last4: str, exp_month: int, exp_year: int) -> dict[str, Any]:
    return {
        "brand": brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": f"SandboxCard{last4}",
        "funding": "credit",
        "generated_from": None,
        "last4": last4,
        "networks": {"available": [brand], "preferred": None},
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _instrument(method: str) -> dict[str, Any]:
    match method:
        case "card":
            return {"type": "card", "card": _CARD}
        case "upi":
            return {"type": "upi", "upi": {"vpa": "buyer@upi"}}
        case _:
            return {"type": method, method: {}}


_CARD: Final = {
    "brand": "visa",
    "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
    "country": "US",
    "exp_month": 12,
    "exp_year": 2034,
    "fingerprint": "SandboxCard00001",
    "funding": "credit",
    "installments": None,
    "last4": "4242",
    "mandate": None,
    "network": "visa",
    "three_d_secure": None,
    "wallet": None,
}
