"""Stripe's rules for parameters, as pure functions that raise `Refused`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from onerouter_sandbox.stripe.currencies import LEAST, MOST, SUPPORTED, THREE_DECIMALS, WHOLE_ONLY
from onerouter_sandbox.stripe.errors import invalid, missing, unknown

_WHOLE: Final = re.compile(r"^-?[0-9]{1,15}$")
_VERSION: Final = re.compile(r"^20[0-9]{2}-[01][0-9]-[0-3][0-9](\.[a-z]+)?$")
_CAPTURES: Final = ("automatic", "automatic_async", "manual")
_CANCELLATIONS: Final = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
_REFUND_REASONS: Final = ("duplicate", "fraudulent", "requested_by_customer")
_TYPE_WORDS: Final = """
    acss_debit affirm afterpay_clearpay alipay amazon_pay bancontact blik card cashapp eps fpx grabpay ideal klarna link
    mobilepay p24 paypal pix revolut_pay sepa_debit upi us_bank_account wechat_pay zip
"""
_TYPES: Final = frozenset(_TYPE_WORDS.split())
_SESSION_SHORTEST_S: Final = 1_800
SESSION_LONGEST_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class IntentRequest:
    amount: int
    currency: str
    capture_method: str
    metadata: dict[str, str]
    payment_method_types: list[str]
    automatic: bool
    description: str | None
    receipt_email: str | None


@dataclass(frozen=True, slots=True)
class SessionRequest:
    amount: int
    currency: str
    name: str
    capture_method: str
    success_url: str
    cancel_url: str | None
    client_reference_id: str | None
    customer_email: str | None
    metadata: dict[str, str]
    intent_metadata: dict[str, str]
    description: str | None
    payment_method_types: list[str]
    expires_at: int


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """`amount` is None for all that is left; one of the two ids is set."""

    intent: str | None
    charge: str | None
    amount: int | None
    reason: str | None
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list: `limit` after the object `after`, made between the two times (inclusive)."""

    limit: int
    after: str | None
    first_at: int | None
    last_at: int | None


def intent_request(params: Mapping[str, Any]) -> IntentRequest:
    _only(
        params,
        "amount currency capture_method metadata payment_method_types automatic_payment_methods description receipt_email",
    )
    currency = _currency(params, "currency")
    automatic = params.get("automatic_payment_methods")
    if automatic is not None and (not isinstance(automatic, dict) or automatic.get("enabled") not in ("true", "false")):
        raise invalid("Invalid boolean.", param="automatic_payment_methods[enabled]")
    types = _types(params)
    if types and automatic is not None and automatic["enabled"] == "true":
        raise invalid(
            "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.",
            param="payment_method_types",
        )
    return IntentRequest(
        amount=_amount(params, "amount", currency),
        currency=currency,
        capture_method=_choice(params, "capture_method", _CAPTURES) or "automatic_async",
        metadata=_metadata(params, "metadata"),
        payment_method_types=types or ["card"],
        automatic=not types,
        description=_text(params, "description", 1_000),
        receipt_email=_text(params, "receipt_email", 512),
    )


def session_request(params: Mapping[str, Any], now: int) -> SessionRequest:
    _only(
        params,
        "mode success_url cancel_url client_reference_id customer_email line_items metadata payment_intent_data "
        "payment_method_types expires_at ui_mode",
    )
    if params.get("mode") != "payment":
        raise invalid("The sandbox simulates sessions in `payment` mode only.", param="mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise invalid("The sandbox simulates hosted pages only.", param="ui_mode")
    amount, currency, name = _items(params)
    data = params.get("payment_intent_data", {})
    if not isinstance(data, dict):
        raise invalid("Invalid object", param="payment_intent_data")
    _only(data, "capture_method metadata description", inside="payment_intent_data")
    return SessionRequest(
        amount=amount,
        currency=currency,
        name=name,
        capture_method=_choice(data, "capture_method", _CAPTURES) or "automatic_async",
        success_url=_url(params, "success_url", required=True) or "",
        cancel_url=_url(params, "cancel_url"),
        client_reference_id=_text(params, "client_reference_id", 200),
        customer_email=_text(params, "customer_email", 512),
        metadata=_metadata(params, "metadata"),
        intent_metadata=_metadata(data, "metadata"),
        description=_text(data, "description", 1_000),
        payment_method_types=_types(params) or ["card"],
        expires_at=_expiry(params, now),
    )


def capture_amount(params: Mapping[str, Any]) -> int | None:
    """None: all that can be captured."""
    _only(params, "amount_to_capture metadata final_capture")
    amount = _whole(params, "amount_to_capture")
    if amount is not None and amount < 1:
        raise invalid("This value must be greater than or equal to 1.", param="amount_to_capture")
    return amount


def cancellation_reason(params: Mapping[str, Any]) -> str | None:
    _only(params, "cancellation_reason")
    return _choice(params, "cancellation_reason", _CANCELLATIONS)


def refund_request(params: Mapping[str, Any]) -> RefundRequest:
    _only(params, "payment_intent charge amount reason metadata")
    intent, charge = _text(params, "payment_intent", 200), _text(params, "charge", 200)
    if intent is None and charge is None:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    amount = _whole(params, "amount")
    if amount is not None and amount < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    return RefundRequest(
        intent, charge, amount, _choice(params, "reason", _REFUND_REASONS), _metadata(params, "metadata")
    )


def nothing(params: Mapping[str, Any]) -> None:
    _only(params, "")


def window(params: Mapping[str, Any], filters: str = "") -> Window:
    """The paging parameters; `filters` are names that the endpoint looks at itself."""
    _only(params, f"limit starting_after created {filters}")
    limit = _whole(params, "limit")
    if limit is not None and not 1 <= limit <= 100:
        raise invalid("Invalid limit: must be between 1 and 100.", param="limit", code="parameter_invalid_integer")
    first_at, last_at = _between(params)
    return Window(10 if limit is None else limit, _text(params, "starting_after", 200), first_at, last_at)


def idempotency_key(header: bytes | None) -> str | None:
    if header is None:
        return None
    if not 1 <= len(header) <= 255:
        raise invalid("Idempotency keys must have between 1 and 255 characters.")
    return header.decode("latin-1")


def check_version(header: bytes | None) -> None:
    if header is not None and not _VERSION.match(header.decode("latin-1")):
        raise invalid(f"Invalid Stripe API version: {header.decode('latin-1')}")


def _only(params: Mapping[str, Any], names: str, *, inside: str = "") -> None:
    allowed = {*names.split(), "expand"}
    for name in params:
        if name not in allowed:
            raise unknown(f"{inside}[{name}]" if inside else name)


def _whole(params: Mapping[str, Any], name: str) -> int | None:
    value = params.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _WHOLE.match(value):
        raise invalid(f"Invalid integer: {value}", param=name, code="parameter_invalid_integer")
    return int(value)


def _amount(params: Mapping[str, Any], name: str, currency: str, where: str | None = None) -> int:
    where = where or name
    amount = _whole(params, name)
    if amount is None:
        raise missing(where)
    if amount < LEAST.get(currency, 1):
        raise invalid(
            f"Amount must be at least {LEAST.get(currency, 1)} {currency}", param=where, code="amount_too_small"
        )
    if amount > MOST:
        raise invalid(f"Amount must be no more than {MOST} {currency}", param=where, code="amount_too_large")
    if (currency in WHOLE_ONLY and amount % 100) or (currency in THREE_DECIMALS and amount % 10):
        raise invalid(f"Invalid amount for {currency}: it has fewer decimals.", param=where)
    return amount


def _currency(params: Mapping[str, Any], name: str, where: str | None = None) -> str:
    value = params.get(name)
    if value is None:
        raise missing(where or name)
    if not isinstance(value, str) or value.lower() not in SUPPORTED:
        raise invalid(f"Invalid currency: {value}.", param=where or name)
    return value.lower()


def _items(params: Mapping[str, Any]) -> tuple[int, str, str]:
    """Amount, currency and name of what is bought: inline prices in one currency."""
    items = params.get("line_items")
    if not isinstance(items, list) or not items:
        raise missing("line_items")
    total, currency, name = 0, "", ""
    for place, item in enumerate(items):
        where = f"line_items[{place}][price_data]"
        price = item.get("price_data") if isinstance(item, dict) else None
        if not isinstance(price, dict):
            raise invalid("The sandbox simulates inline prices only.", param=where)
        product = price.get("product_data")
        if not isinstance(product, dict) or not product.get("name"):
            raise missing(f"{where}[product_data][name]")
        this = _currency(price, "currency", f"{where}[currency]")
        if currency not in ("", this):
            raise invalid("All items must have the same currency.", param=f"{where}[currency]")
        quantity = _whole(item, "quantity")
        if quantity is None or quantity < 1:
            raise missing(f"line_items[{place}][quantity]")
        total += quantity * _amount(price, "unit_amount", this, f"{where}[unit_amount]")
        currency, name = this, name or str(product["name"])
    return total, currency, name


def _expiry(params: Mapping[str, Any], now: int) -> int:
    at = _whole(params, "expires_at")
    if at is None:
        return now + SESSION_LONGEST_S
    if not _SESSION_SHORTEST_S <= at - now <= SESSION_LONGEST_S:
        raise invalid("The `expires_at` must be 30 minutes to 24 hours from now.", param="expires_at")
    return at


def _types(params: Mapping[str, Any]) -> list[str]:
    types = params.get("payment_method_types", [])
    if not isinstance(types, list) or not all(each in _TYPES for each in types):
        raise invalid(
            "The payment method type provided is invalid. Please ensure it is activated in your dashboard.",
            param="payment_method_types",
            code="payment_intent_invalid_parameter",
        )
    return list(types)


def _metadata(params: Mapping[str, Any], name: str) -> dict[str, str]:
    metadata = params.get(name) or {}
    if not isinstance(metadata, dict):
        raise invalid("Invalid object: metadata must be a hash.", param=name)
    if len(metadata) > 50:
        raise invalid("Metadata may have at most 50 keys.", param=name)
    for key, value in metadata.items():
        if len(key) > 40 or not isinstance(value, str) or len(value) > 500:
            raise invalid(
                "Metadata keys may have at most 40 characters, values at most 500.", param=f"{name}[{key[:40]}]"
            )
    return {key: value for key, value in metadata.items() if value}


def _choice(params: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str | None:
    value = params.get(name)
    if value is not None and value not in choices:
        raise invalid(f"Invalid {name}: must be one of {', '.join(choices)}", param=name)
    return value


def _text(params: Mapping[str, Any], name: str, longest: int) -> str | None:
    value = params.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise invalid(f"Invalid string: {name} must be at most {longest} characters.", param=name)
    return value


def _url(params: Mapping[str, Any], name: str, *, required: bool = False) -> str | None:
    value = _text(params, name, 5_000)
    if value is None and required:
        raise missing(name)
    if value is not None and not value.startswith(("https://", "http://")):
        raise invalid("Not a valid URL", param=name, code="url_invalid")
    return value


def _between(params: Mapping[str, Any]) -> tuple[int | None, int | None]:
    created = params.get("created", {})
    if isinstance(created, str):
        created = {"gte": created, "lte": created}
    if not isinstance(created, dict) or created.keys() - {"gt", "gte", "lt", "lte"}:
        raise invalid("Invalid filter", param="created")
    bounds = {name: _whole(created, name) for name in created}
    first = bounds.get("gte") if "gte" in bounds else _shifted(bounds.get("gt"), 1)
    last = bounds.get("lte") if "lte" in bounds else _shifted(bounds.get("lt"), -1)
    return first, last


def _shifted(value: int | None, by: int) -> int | None:
    return None if value is None else value + by
