"""PayPal's rules for request bodies, as pure functions that raise `Refused`."""

import json
from typing import Any, Final

from onerouter_sandbox.paypal.errors import bad_request, unprocessable
from onerouter_sandbox.paypal.money import Money, parse_money
from onerouter_sandbox.paypal.orders import OrderRequest
from onerouter_sandbox.paypal.payments import CaptureRequest
from onerouter_sandbox.paypal.refunds import RefundRequest

_UNIT_TEXTS: Final = {
    "reference_id": 256,
    "description": 127,
    "custom_id": 127,
    "invoice_id": 127,
    "soft_descriptor": 22,
}
_UNIT: Final = "/purchase_units/@reference_id=='default'"
_CONTEXT: Final = {
    "user_action": ("CONTINUE", "PAY_NOW"),
    "shipping_preference": ("GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS"),
    "landing_page": ("LOGIN", "GUEST_CHECKOUT", "NO_PREFERENCE"),
    "payment_method_preference": ("UNRESTRICTED", "IMMEDIATE_PAYMENT_REQUIRED"),
}


def parse_json(body: bytes, issues: str) -> dict[str, Any]:
    """An empty body is an empty object."""
    if not body.strip():
        return {}
    try:
        parsed = json.loads(body)
    except ValueError as problem:
        raise bad_request("MALFORMED_REQUEST_JSON", "/", issues) from problem
    if not isinstance(parsed, dict):
        raise bad_request("MALFORMED_REQUEST_JSON", "/", issues)
    return parsed


def order_request(body: dict[str, Any]) -> OrderRequest:
    intent = body.get("intent")
    if intent is None:
        raise bad_request("MISSING_REQUIRED_PARAMETER", "/intent")
    if intent not in ("CAPTURE", "AUTHORIZE"):
        raise bad_request("INVALID_PARAMETER_VALUE", "/intent", value=str(intent)[:100])
    units = body.get("purchase_units")
    if not isinstance(units, list) or not units or not isinstance(units[0], dict):
        raise bad_request("MISSING_REQUIRED_PARAMETER", "/purchase_units")
    if len(units) > 1:  # not simulated
        raise bad_request("INVALID_PARAMETER_VALUE", "/purchase_units")
    unit = units[0]
    source = body.get("payment_source")
    wallet = source.get("paypal") if isinstance(source, dict) else None
    email = wallet.get("email_address") if isinstance(wallet, dict) else None
    kind = "card" if isinstance(source, dict) and isinstance(source.get("card"), dict) else "paypal"
    amount = parse_money(unit.get("amount"), f"{_UNIT}/amount")
    payee = unit.get("payee")
    return OrderRequest(
        intent=intent,
        amount=amount,
        unit={
            name: text
            for name, most in _UNIT_TEXTS.items()
            if (text := _text(unit, name, most, f"/purchase_units/0/{name}", "orders")) is not None
        },
        context=_context(wallet),
        has_source=isinstance(wallet, dict),
        email=email if isinstance(email, str) else None,
        kind=kind,
        vault_id=_vault_id(source, kind),
        store=_store(wallet),
        payee=_text(payee, "merchant_id", 13, f"{_UNIT}/payee/merchant_id", "orders")
        if isinstance(payee, dict)
        else None,
        platform_fee=_platform_fee(unit, amount),
        instruction=unit.get("payment_instruction"),
    )


def capture_request(body: dict[str, Any]) -> CaptureRequest:
    final = body.get("final_capture", False)
    if not isinstance(final, bool):
        raise bad_request("INVALID_PARAMETER_SYNTAX", "/final_capture", "payments")
    return CaptureRequest(
        amount=None if body.get("amount") is None else parse_money(body["amount"], "/amount", "payments"),
        invoice_id=_text(body, "invoice_id", 127, "/invoice_id", "payments"),
        final=final,
    )


def refund_request(body: dict[str, Any]) -> RefundRequest:
    return RefundRequest(
        amount=None if body.get("amount") is None else parse_money(body["amount"], "/amount", "payments"),
        custom_id=_text(body, "custom_id", 127, "/custom_id", "payments"),
        invoice_id=_text(body, "invoice_id", 127, "/invoice_id", "payments"),
        note=_text(body, "note_to_payer", 255, "/note_to_payer", "payments"),
    )


def _platform_fee(unit: dict[str, Any], amount: Money) -> int:
    """What the platform keeps, in minor units."""
    instruction = unit.get("payment_instruction")
    if instruction is None:
        return 0
    if not isinstance(instruction, dict):
        raise bad_request("INVALID_PARAMETER_SYNTAX", f"{_UNIT}/payment_instruction")
    mode = instruction.get("disbursement_mode", "INSTANT")
    if mode not in ("INSTANT", "DELAYED"):
        raise bad_request("INVALID_PARAMETER_VALUE", f"{_UNIT}/payment_instruction/disbursement_mode")
    fees = instruction.get("platform_fees", [])
    if not isinstance(fees, list) or len(fees) > 1 or not all(isinstance(fee, dict) for fee in fees):
        raise bad_request("INVALID_PARAMETER_VALUE", f"{_UNIT}/payment_instruction/platform_fees")
    where = f"{_UNIT}/payment_instruction/platform_fees/0/amount"
    kept = [parse_money(fee.get("amount"), where) for fee in fees]
    if any(fee.currency != amount.currency or fee.minor > amount.minor for fee in kept):
        raise unprocessable("INVALID_PLATFORM_FEES_AMOUNT", where)
    return sum(fee.minor for fee in kept)


def _vault_id(source: Any, kind: str) -> str | None:
    """The saved method that is to be charged."""
    chosen = source.get(kind) if isinstance(source, dict) else None
    if not isinstance(chosen, dict):
        return None
    return _text(chosen, "vault_id", 255, f"/payment_source/{kind}/vault_id", "orders")


def _store(wallet: Any) -> dict[str, str] | None:
    """Whether the method is to be kept when it was charged, and for which customer."""
    where = "/payment_source/paypal/attributes"
    attributes = wallet.get("attributes") if isinstance(wallet, dict) else None
    vault = attributes.get("vault") if isinstance(attributes, dict) else None
    if not isinstance(attributes, dict) or not isinstance(vault, dict):
        return None
    if vault.get("store_in_vault") != "ON_SUCCESS":
        raise unprocessable("VAULT_INSTRUCTION_REQUIRED", f"{where}/vault/store_in_vault")
    if vault.get("usage_type") not in ("MERCHANT", "PLATFORM"):
        raise bad_request("MISSING_REQUIRED_PARAMETER", f"{where}/vault/usage_type")
    customer = attributes.get("customer")
    given = _text(customer, "id", 22, f"{where}/customer/id", "orders") if isinstance(customer, dict) else None
    return {} if given is None else {"customer": given}


def _context(wallet: Any) -> dict[str, Any]:
    context = wallet.get("experience_context") if isinstance(wallet, dict) else None
    if not isinstance(context, dict):
        return {}
    for name, allowed in _CONTEXT.items():
        if context.get(name) is not None and context[name] not in allowed:
            where = f"/payment_source/paypal/experience_context/{name}"
            raise bad_request("INVALID_PARAMETER_VALUE", where, value=str(context[name])[:100])
    return context


def _text(body: dict[str, Any], name: str, most: int, where: str, issues: str) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise bad_request("INVALID_PARAMETER_SYNTAX", where, issues)
    if not 0 < len(value) <= most:
        raise bad_request("INVALID_STRING_LENGTH", where, issues)
    return value
