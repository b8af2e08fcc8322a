"""PayPal's JSON for saved methods."""

from typing import Any

from onerouter_sandbox.paypal.shapes import link, moment
from onerouter_sandbox.paypal.vault.state import PaymentToken, SetupToken


def setup_token(token: SetupToken) -> dict[str, Any]:
    here = f"{token.base}/v3/vault/setup-tokens/{token.id}"
    links = [link(here, "self")]
    if token.status == "PAYER_ACTION_REQUIRED":
        links.append(link(approve_url(token), "approve"))
    if token.status == "APPROVED":
        links.append(link(f"{token.base}/v3/vault/payment-tokens", "confirm", "POST"))
    return {
        "id": token.id,
        "customer": {"id": token.customer},
        "status": token.status,
        "payment_source": {token.kind: token.shown},
        "links": links,
    }


def payment_token(token: PaymentToken) -> dict[str, Any]:
    here = f"{token.base}/v3/vault/payment-tokens/{token.id}"
    return {
        "id": token.id,
        "customer": {"id": token.customer},
        "payment_source": {token.kind: token.shown},
        "links": [link(here, "self"), link(here, "delete", "DELETE")],
    }


def event(token: PaymentToken) -> dict[str, Any]:
    metadata = {} if token.order_id is None else {"metadata": {"order_id": token.order_id}}
    return {**payment_token(token), "time_created": moment(token.created_at), **metadata}


def approve_url(token: SetupToken) -> str:
    return f"{token.base}/agreements/approve?approval_session_id={token.id}"
