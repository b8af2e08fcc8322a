"""PayPal's objects ↔ ours: tables and pure functions.

An order is a promise; the money is in its captures and authorizations, and only they say what became of it (an order that
is COMPLETED may hold a declined capture). Notes, receipt and the payer's details have no place at PayPal: they stay with
us, and the payment that we return shows them.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from onerouter_common.errors import CapabilityUnsupported, InvalidRequest
from onerouter_common.money import MAX_MINOR, Money, exponent_of
from onerouter_providers.capability import (
    CaptureRequest,
    PaymentRequest,
    PaymentSnapshot,
    PaymentStatus,
    RefundRequest,
    RefundSnapshot,
    RefundStatus,
)
from onerouter_providers.payments.paypal.errors import decline_reason, sentence_of

Thing = Mapping[str, Any]

REFERENCE_CHARS: Final = 127
DESCRIPTION_CHARS: Final = 127
NOTE_CHARS: Final = 255
URL_CHARS: Final = 4_000

CURRENCIES: Final = frozenset(
    {
        *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS"),
        *("JPY", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD"),
    }
)
NO_DECIMALS: Final = frozenset({"HUF", "JPY", "TWD"})
METHODS: Final = frozenset({"wallet", "card", "paylater"})
"""What a payer can choose on PayPal's page."""

ORDER_STATUS: Final[Mapping[str, PaymentStatus]] = {
    "CREATED": "requires_action",
    "SAVED": "created",
    "PAYER_ACTION_REQUIRED": "requires_action",
    "APPROVED": "processing",
    "VOIDED": "canceled",
    "COMPLETED": "processing",  # what became of the money is in its payments
}
CAPTURE_STATUS: Final[Mapping[str, PaymentStatus]] = {
    "COMPLETED": "succeeded",
    "PARTIALLY_REFUNDED": "partially_refunded",
    "REFUNDED": "refunded",
    "PENDING": "processing",
    "DECLINED": "failed",
    "FAILED": "failed",
}
AUTHORIZATION_STATUS: Final[Mapping[str, PaymentStatus]] = {
    "CREATED": "authorized",
    "PENDING": "processing",
    "CAPTURED": "succeeded",
    "PARTIALLY_CAPTURED": "succeeded",
    "VOIDED": "canceled",
    "DENIED": "failed",
    "EXPIRED": "expired",
}
REFUND_STATUS: Final[Mapping[str, RefundStatus]] = {
    "PENDING": "pending",
    "COMPLETED": "succeeded",
    "FAILED": "failed",
    "CANCELLED": "failed",
}
_RELEVANCE: Final[Mapping[PaymentStatus, int]] = {
    "refunded": 9,
    "partially_refunded": 9,
    "succeeded": 9,
    "authorized": 6,
    "processing": 5,
    "unknown": 4,
    "canceled": 3,
    "expired": 2,
    "failed": 1,
}
"""Of several tries the one that got furthest tells; a word we have not met outweighs a failure."""

_TAKEN: Final = frozenset({"succeeded", "partially_refunded", "refunded"})
_APPROVAL_LINKS: Final = ("payer-action", "approve")
_VALUE: Final = re.compile(r"^[0-9]{1,15}(\.[0-9]{1,4})?$")


def check_amount(money: Money) -> None:
    """Raises InvalidRequest for what PayPal's decimal cannot say; nothing is rounded."""
    if money.currency not in CURRENCIES:
        raise InvalidRequest.of("currency", f"'{money.currency}' is not one that PayPal takes")
    step = 10 ** (exponent_of(money.currency) - exponent(money.currency))
    if money.amount_minor % step:
        raise InvalidRequest.of("amount", f"must be a whole number of {money.currency} at PayPal")


def exponent(currency: str) -> int:
    """Decimals that PayPal counts with."""
    return 0 if currency in NO_DECIMALS else 2


def to_wire(money: Money) -> dict[str, str]:
    """PayPal's money: `{"currency_code": "USD", "value": "12.99"}`."""
    return {"currency_code": money.currency, "value": f"{money.major:.{exponent(money.currency)}f}"}


def to_money(value: object) -> Money | None:
    """None for what is missing or strange, including more decimals than the currency has."""
    if not isinstance(value, dict):
        return None
    text, currency = value.get("value"), value.get("currency_code")
    if not isinstance(text, str) or not isinstance(currency, str) or not _VALUE.match(text):
        return None
    try:
        minor = Decimal(text).scaleb(exponent_of(currency))
    except InvalidRequest:
        return None
    if minor != int(minor) or minor > MAX_MINOR:
        return None
    return Money(int(minor), currency)


def order_body(request: PaymentRequest) -> dict[str, Any]:
    """The body of `POST /v2/checkout/orders`; the same request gives the same bytes."""
    check_amount(request.amount)
    if request.method is not None and request.method not in METHODS:
        raise CapabilityUnsupported(
            f"PayPal does not offer the method '{request.method}': leave it out, or use another provider."
        )
    if len(request.payment_id) > REFERENCE_CHARS:
        raise InvalidRequest.of("payment_id", f"is longer than the {REFERENCE_CHARS} characters of a reference")
    unit: dict[str, Any] = {
        "reference_id": "default",
        "custom_id": request.payment_id,
        # PayPal takes one payment for an invoice id: a second lock against paying twice.
        "invoice_id": request.payment_id,
        "amount": to_wire(request.amount),
    }
    if request.description:
        if len(request.description) > DESCRIPTION_CHARS:
            raise InvalidRequest.of("description", f"may have at most {DESCRIPTION_CHARS} characters at PayPal")
        unit["description"] = request.description
    return {
        "intent": "AUTHORIZE" if request.capture == "manual" else "CAPTURE",
        "purchase_units": [unit],
        "payment_source": {"paypal": _wallet(request)},
    }


def _wallet(request: PaymentRequest) -> dict[str, Any]:
    context = {"user_action": "PAY_NOW", "shipping_preference": "NO_SHIPPING"}
    if request.method == "card":
        context["landing_page"] = "GUEST_CHECKOUT"
    for name, url in (("return_url", request.return_url), ("cancel_url", request.cancel_url)):
        if url:
            if len(url) > URL_CHARS:
                raise InvalidRequest.of(name, f"may have at most {URL_CHARS} characters at PayPal")
            context[name] = url
    email = request.customer.get("email")
    return {"experience_context": context, **({"email_address": email} if email else {})}


def capture_body(request: CaptureRequest) -> dict[str, Any]:
    """The body of `POST /v2/payments/authorizations/:id/capture`. One capture a payment: what is left is let go."""
    check_amount(request.amount)
    return {"amount": to_wire(request.amount), "invoice_id": request.payment.payment_id, "final_capture": True}


def refund_body(request: RefundRequest) -> dict[str, Any]:
    """The body of `POST /v2/payments/captures/:id/refund`."""
    check_amount(request.amount)
    if request.amount.currency != request.payment.amount.currency:
        raise InvalidRequest.of("currency", "must be the payment's")
    body: dict[str, Any] = {
        "amount": to_wire(request.amount),
        "custom_id": request.refund_id,
        "invoice_id": request.refund_id,
    }
    if request.reason:
        if len(request.reason) > NOTE_CHARS:
            raise InvalidRequest.of("reason", f"may have at most {NOTE_CHARS} characters at PayPal")
        body["note_to_payer"] = request.reason
    return body


def purchase_unit(order: Thing) -> Thing:
    """We make orders of one; empty where there is none."""
    return _first(order.get("purchase_units"))


def order_amount(order: Thing) -> Money | None:
    return to_money(purchase_unit(order).get("amount"))


def payments_of(order: Thing, kind: str) -> Sequence[Thing]:
    """`captures`, `authorizations` or `refunds` of an order, in PayPal's order."""
    payments = purchase_unit(order).get("payments")
    found = payments.get(kind) if isinstance(payments, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def choose_capture(order: Thing) -> Thing | None:
    return max(payments_of(order, "captures"), key=_relevance_of(CAPTURE_STATUS), default=None)


def choose_authorization(order: Thing) -> Thing | None:
    return max(payments_of(order, "authorizations"), key=_relevance_of(AUTHORIZATION_STATUS), default=None)


def awaits_completion(order: Thing) -> bool:
    """The payer approved, and PayPal waits for us to take or hold the money."""
    return order.get("status") == "APPROVED"


def order_snapshot(order: Thing, *, client_id: str = "") -> PaymentSnapshot:
    """An order as its captures and authorizations tell it; as itself while it has none."""
    amount = order_amount(order)
    told = _furthest(order)
    if told is None or awaits_completion(order):
        status = ORDER_STATUS.get(_text(order, "status") or "", "unknown")
        told = PaymentSnapshot(status=status, awaits_completion=awaits_completion(order))
    # Before the payer chose, it only says what was offered.
    is_chosen = _text(order, "status") in ("APPROVED", "COMPLETED")
    method, details = method_of(order.get("payment_source")) if is_chosen else (None, {})
    return PaymentSnapshot(
        status=told.status,
        awaits_completion=told.awaits_completion,
        provider_order_id=_text(order, "id"),
        provider_payment_id=told.provider_payment_id,
        amount=amount,
        captured=told.captured,
        amount_refunded_minor=_refunded_minor(order),
        method=method,
        method_details=details,
        checkout=_checkout(order, amount, client_id),
        checkout_url=approval_link(order),
        fee_minor=told.fee_minor,
        fee_currency=told.fee_currency,
        error_reason=told.error_reason,
        error_code=told.error_code,
        error_message=told.error_message,
    )


def _furthest(order: Thing) -> PaymentSnapshot | None:
    """Of the order's captures and its authorization the one that says most: a hold outlives a declined capture of it."""
    capture, authorization = choose_capture(order), choose_authorization(order)
    told = [] if capture is None else [capture_snapshot(capture)]
    if authorization is not None:
        told.append(authorization_snapshot(authorization))
    # The first of equals: a capture speaks for the authorization it came from.
    return max(told, key=lambda one: _RELEVANCE.get(one.status, 0), default=None)


def capture_snapshot(capture: Thing) -> PaymentSnapshot:
    status = CAPTURE_STATUS.get(_text(capture, "status") or "", "unknown")
    amount = to_money(capture.get("amount"))
    return _payment_snapshot(
        capture,
        status,
        amount,
        captured=amount if status in _TAKEN else None,
        fee=_fee(capture),
        refunded_minor=amount.amount_minor if status == "refunded" and amount else 0,
    )


def authorization_snapshot(authorization: Thing) -> PaymentSnapshot:
    status = AUTHORIZATION_STATUS.get(_text(authorization, "status") or "", "unknown")
    return _payment_snapshot(authorization, status, to_money(authorization.get("amount")))


def _payment_snapshot(
    payment: Thing,
    status: PaymentStatus,
    amount: Money | None,
    *,
    captured: Money | None = None,
    fee: Money | None = None,
    refunded_minor: int = 0,
) -> PaymentSnapshot:
    details, response = payment.get("status_details"), payment.get("processor_response")
    processor = _text(response, "response_code") if isinstance(response, dict) else None
    told = _text(details, "reason") if isinstance(details, dict) else None
    reason = decline_reason(processor, told) if status == "failed" else None
    return PaymentSnapshot(
        status=status,
        provider_order_id=related_order_id(payment),
        provider_payment_id=_text(payment, "id"),
        amount=amount,
        captured=captured,
        amount_refunded_minor=refunded_minor,
        fee_minor=fee.amount_minor if fee else None,
        fee_currency=fee.currency if fee else None,
        error_reason=reason,
        error_code=(processor or told or _text(payment, "status")) if reason else None,
        error_message=sentence_of(reason) if reason else None,
    )


def related_order_id(payment: Thing) -> str | None:
    """Of a capture or authorization: the order it belongs to, where it says so."""
    supplementary = payment.get("supplementary_data")
    ids = supplementary.get("related_ids") if isinstance(supplementary, dict) else None
    return _text(ids, "order_id") if isinstance(ids, dict) else None


def refund_snapshot(refund: Thing) -> RefundSnapshot:
    """Never raises: a word we have not met is `unknown`."""
    status = REFUND_STATUS.get(_text(refund, "status") or "", "unknown")
    return RefundSnapshot(
        status=status,
        provider_refund_id=_text(refund, "id") or "",
        amount=to_money(refund.get("amount")),
        error_reason="refund_rejected" if status == "failed" else None,
    )


def find_refund(order: Thing, refund_id: str) -> Thing | None:
    """The refund of this order that was made for our refund id."""
    return next(
        (
            refund
            for refund in payments_of(order, "refunds")
            if refund_id in (refund.get("custom_id"), refund.get("invoice_id"))
        ),
        None,
    )


def approval_link(order: Thing) -> str | None:
    """Where the payer approves; None once there is nothing to approve."""
    links = order.get("links")
    found = {
        str(link.get("rel")): link.get("href")
        for link in (links if isinstance(links, list) else [])
        if isinstance(link, dict)
    }
    return next((href for rel in _APPROVAL_LINKS if isinstance(href := found.get(rel), str)), None)


def linked_capture_id(refund: Thing) -> str | None:
    """The capture a refund is of: the last segment of its `up` link."""
    links = refund.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "up" and isinstance(link.get("href"), str):
            path, _, capture_id = link["href"].rpartition("/")
            if path.endswith("/captures") and capture_id:
                return str(capture_id)
    return None


def total_refunded_minor(refund: Thing) -> int | None:
    """What has been refunded of the capture up to and with this refund."""
    breakdown = refund.get("seller_payable_breakdown")
    total = to_money(breakdown.get("total_refunded_amount")) if isinstance(breakdown, dict) else None
    return None if total is None else total.amount_minor


def method_of(source: object) -> tuple[str | None, dict[str, str]]:
    """Our word for how it is paid, and what tells the instrument; no name, number or address of the payer."""
    if not isinstance(source, dict):
        return None, {}
    card = source.get("card")
    if isinstance(card, dict):
        named = {
            "card_network": _text(card, "brand"),
            "card_last4": _text(card, "last_digits"),
            "card_type": _text(card, "type"),
        }
        return "card", {name: value for name, value in named.items() if value}
    wallet = next((name for name in source if isinstance(source[name], dict)), None)
    return ("wallet", {"wallet": wallet}) if wallet else (None, {})


def _refunded_minor(order: Thing) -> int:
    amounts = [to_money(one.get("amount")) for one in payments_of(order, "refunds") if one.get("status") == "COMPLETED"]
    return sum(amount.amount_minor for amount in amounts if amount)


def _fee(capture: Thing) -> Money | None:
    breakdown = capture.get("seller_receivable_breakdown")
    return to_money(breakdown.get("paypal_fee")) if isinstance(breakdown, dict) else None


def _checkout(order: Thing, amount: Money | None, client_id: str) -> dict[str, str | int]:
    """What PayPal's JavaScript needs on the tenant's own page; the client id is public there."""
    if not client_id or amount is None:
        return {}
    return {"client_id": client_id, "order_id": _text(order, "id") or "", "currency": amount.currency}


def _relevance_of(table: Mapping[str, PaymentStatus]) -> Any:
    def relevance(payment: Thing) -> tuple[int, str]:
        status = table.get(_text(payment, "status") or "", "unknown")
        return _RELEVANCE.get(status, 0), _text(payment, "create_time") or ""

    return relevance


def _first(things: object) -> Thing:
    first = things[0] if isinstance(things, list) and things else None
    return first if isinstance(first, dict) else {}


def _text(thing: Thing, name: str) -> str | None:
    value = thing.get(name)
    return value if isinstance(value, str) else None
