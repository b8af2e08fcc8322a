"""PayPal's JSON for referrals and the integrations of merchants."""

from typing import Any

from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.partners.state import Vendor
from onerouter_sandbox.paypal.shapes import link

_SCOPES = [
    "https://uri.paypal.com/services/payments/realtimepayment",
    "https://uri.paypal.com/services/payments/refund",
]


def created(vendor: Vendor) -> dict[str, Any]:
    return {"links": [_self(vendor), link(signup_url(vendor), "action_url")]}


def referral(vendor: Vendor, account: Account) -> dict[str, Any]:
    return {
        "partner_referral_id": vendor.id,
        "submitter_payer_id": account.merchant_id,
        "referral_data": vendor.given,
        "links": [_self(vendor), link(signup_url(vendor), "action_url")],
    }


def integration(vendor: Vendor, account: Account) -> dict[str, Any]:
    status = "ACTIVE" if vendor.receivable else "NEED_DATA"
    party = {"partner_client_id": account.client_id, "merchant_client_id": account.client_id, "scopes": _SCOPES}
    shown: dict[str, Any] = {
        "merchant_id": vendor.merchant_id,
        "products": [
            {
                "name": "PPCP_STANDARD",
                "vetting_status": "SUBSCRIBED" if vendor.receivable else "NEED_MORE_DATA",
                "capabilities": ["RECEIVE_MONEY", "WITHDRAW_MONEY"],
            }
        ],
        "capabilities": [{"name": name, "status": status} for name in ("RECEIVE_MONEY", "WITHDRAW_MONEY")],
        "payments_receivable": vendor.receivable,
        "legal_name": "Test vendor",
        "primary_email": vendor.email,
        "primary_email_confirmed": vendor.email_confirmed,
        "primary_currency": "USD",
        "country": "US",
        "oauth_integrations": [
            {"integration_type": "OAUTH_THIRD_PARTY", "integration_method": "PAYPAL", "oauth_third_party": [party]}
        ],
        "links": [integration_link(vendor, account)],
    }
    return shown | ({} if vendor.tracking_id is None else {"tracking_id": vendor.tracking_id})


def found(vendor: Vendor, account: Account) -> dict[str, Any]:
    """What a search by tracking id tells."""
    return {
        "merchant_id": vendor.merchant_id,
        "tracking_id": vendor.tracking_id,
        "links": [integration_link(vendor, account)],
    }


def event(vendor: Vendor, account: Account) -> dict[str, Any]:
    shown = {"partner_client_id": account.client_id, "merchant_id": vendor.merchant_id}
    tracked = {} if vendor.tracking_id is None else {"tracking_id": vendor.tracking_id}
    return {**shown, **tracked, "links": [integration_link(vendor, account)]}


def integration_link(vendor: Vendor, account: Account) -> dict[str, str]:
    path = f"v1/customer/partners/{account.merchant_id}/merchant-integrations/{vendor.merchant_id}"
    return link(f"{vendor.base}/{path}", "self")


def signup_url(vendor: Vendor) -> str:
    return f"{vendor.base}/bizsignup/partner/entry?referralToken={vendor.id}"


def _self(vendor: Vendor) -> dict[str, str]:
    return link(f"{vendor.base}/v2/customer/partner-referrals/{vendor.id}", "self")
