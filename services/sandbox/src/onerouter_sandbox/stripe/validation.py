"""Stripe's rules for parameters, as pure functions that raise `Refused`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from onerouter_sandbox.stripe import reading
from onerouter_sandbox.stripe.errors import invalid, missing

_VERSION: Final = re.compile(r"^20[0-9]{2}-[01][0-9]-[0-3][0-9](\.[a-z]+)?$")
_CAPTURES: Final = ("automatic", "automatic_async", "manual")
_CANCELLATIONS: Final = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
_REFUND_REASONS: Final = ("duplicate", "fraudulent", "requested_by_customer")
_USAGES: Final = ("on_session", "off_session")
_INTENT_DATA: Final = "capture_method metadata description setup_future_usage transfer_group receipt_email"
PriceOf = Callable[[str, str], tuple[str, int, str]]
"""Id of a price and the parameter it came in → its currency, amount and name. Raises Refused."""
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
    customer: str | None
    payment_method: str | None
    confirm: bool
    off_session: bool
    setup_future_usage: str | None
    transfer_group: str | None


@dataclass(frozen=True, slots=True)
class ConfirmRequest:
    payment_method: str | None
    off_session: bool
    setup_future_usage: str | None


@dataclass(frozen=True, slots=True)
class IntentChange:
    """Fields of the intent as they are to be; `payment`: whether more than words about it changes."""

    fields: dict[str, Any]
    payment: bool


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
    customer: str | None
    customer_creation: str
    setup_future_usage: str | None
    transfer_group: str | None


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
    reading.only(
        params,
        "amount currency capture_method metadata payment_method_types automatic_payment_methods description receipt_email "
        "customer payment_method confirm off_session setup_future_usage transfer_group return_url payment_method_options "
        "statement_descriptor statement_descriptor_suffix",
    )
    currency = reading.currency(params, "currency")
    automatic = params.get("automatic_payment_methods")
    if automatic is not None and (not isinstance(automatic, dict) or automatic.get("enabled") not in ("true", "false")):
        raise invalid("Invalid boolean.", param="automatic_payment_methods[enabled]")
    types = reading.types(params)
    if types and automatic is not None and automatic["enabled"] == "true":
        raise invalid(
            "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.",
            param="payment_method_types",
        )
    confirm, off_session = reading.truth(params, "confirm") or False, reading.truth(params, "off_session") or False
    if off_session and not confirm:
        raise invalid("The parameter `off_session` can be used only with `confirm`.", param="off_session")
    if confirm and params.get("payment_method") is None:
        raise missing("payment_method")
    if confirm and automatic is not None and automatic.get("allow_redirects") != "never" and not off_session:
        reading.url(params, "return_url", required=True)
    return IntentRequest(
        amount=reading.amount(params, "amount", currency),
        currency=currency,
        capture_method=reading.choice(params, "capture_method", _CAPTURES) or "automatic_async",
        metadata=reading.metadata(params, "metadata"),
        payment_method_types=types or ["card"],
        automatic=not types,
        description=reading.text(params, "description", 1_000),
        receipt_email=reading.text(params, "receipt_email", 512),
        customer=reading.text(params, "customer", 200),
        payment_method=reading.text(params, "payment_method", 200),
        confirm=confirm,
        off_session=off_session,
        setup_future_usage=reading.choice(params, "setup_future_usage", _USAGES),
        transfer_group=reading.text(params, "transfer_group", 200),
    )


def confirm_request(params: Mapping[str, Any]) -> ConfirmRequest:
    reading.only(params, "payment_method off_session setup_future_usage return_url receipt_email")
    reading.url(params, "return_url")
    return ConfirmRequest(
        reading.text(params, "payment_method", 200),
        reading.truth(params, "off_session") or False,
        reading.choice(params, "setup_future_usage", _USAGES),
    )


def intent_change(params: Mapping[str, Any], known: Mapping[str, str], currency: str) -> IntentChange:
    """`known`: the intent's metadata, into which what is given goes."""
    words = {
        name: reading.text(params, name, longest)
        for name, longest in (("description", 1_000), ("receipt_email", 512), ("transfer_group", 200))
        if name in params
    }
    payment: dict[str, Any] = {}
    if "amount" in params:
        payment["amount"] = reading.amount(params, "amount", currency)
    if "customer" in params:
        payment["customer"] = reading.text(params, "customer", 200)
    if "setup_future_usage" in params:
        payment["setup_future_usage"] = reading.choice(params, "setup_future_usage", _USAGES)
    reading.only(params, "metadata description receipt_email transfer_group amount customer setup_future_usage")
    return IntentChange({**words, **payment, "metadata": reading.changed_metadata(params, known)}, bool(payment))


def session_request(params: Mapping[str, Any], now: int, price_of: PriceOf) -> SessionRequest:
    reading.only(
        params,
        "mode success_url cancel_url client_reference_id customer_email line_items metadata payment_intent_data "
        "payment_method_types expires_at ui_mode customer customer_creation submit_type payment_method_options",
    )
    if params.get("mode") != "payment":
        raise invalid("The sandbox simulates sessions in `payment` mode only.", param="mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise invalid("The sandbox simulates hosted pages only.", param="ui_mode")
    amount, currency, name = items(params, price_of)
    data = params.get("payment_intent_data", {})
    if not isinstance(data, dict):
        raise invalid("Invalid object", param="payment_intent_data")
    reading.only(data, _INTENT_DATA, inside="payment_intent_data")
    if params.get("customer") is not None and params.get("customer_email") is not None:
        raise invalid("You may only specify one of these parameters: customer, customer_email.")
    return SessionRequest(
        amount=amount,
        currency=currency,
        name=name,
        capture_method=reading.choice(data, "capture_method", _CAPTURES) or "automatic_async",
        success_url=reading.url(params, "success_url", required=True) or "",
        cancel_url=reading.url(params, "cancel_url"),
        client_reference_id=reading.text(params, "client_reference_id", 200),
        customer_email=reading.text(params, "customer_email", 512),
        metadata=reading.metadata(params, "metadata"),
        intent_metadata=reading.metadata(data, "metadata"),
        description=reading.text(data, "description", 1_000),
        payment_method_types=reading.types(params) or ["card"],
        expires_at=_expiry(params, now),
        customer=reading.text(params, "customer", 200),
        customer_creation=reading.choice(params, "customer_creation", ("always", "if_required")) or "if_required",
        setup_future_usage=reading.choice(data, "setup_future_usage", _USAGES),
        transfer_group=reading.text(data, "transfer_group", 200),
    )


def capture_amount(params: Mapping[str, Any]) -> int | None:
    """None: all that can be captured."""
    reading.only(params, "amount_to_capture metadata final_capture")
    amount = reading.whole(params, "amount_to_capture")
    if amount is not None and amount < 1:
        raise invalid("This value must be greater than or equal to 1.", param="amount_to_capture")
    return amount


def cancellation_reason(params: Mapping[str, Any]) -> str | None:
    reading.only(params, "cancellation_reason")
    return reading.choice(params, "cancellation_reason", _CANCELLATIONS)


def refund_request(params: Mapping[str, Any]) -> RefundRequest:
    reading.only(params, "payment_intent charge amount reason metadata")
    intent, charge = reading.text(params, "payment_intent", 200), reading.text(params, "charge", 200)
    if intent is None and charge is None:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    amount = reading.whole(params, "amount")
    if amount is not None and amount < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    return RefundRequest(
        intent, charge, amount, reading.choice(params, "reason", _REFUND_REASONS), reading.metadata(params, "metadata")
    )


def nothing(params: Mapping[str, Any]) -> None:
    reading.only(params, "")


def window(params: Mapping[str, Any], filters: str = "") -> Window:
    """The paging parameters; `filters` are names that the endpoint looks at itself."""
    reading.only(params, f"limit starting_after created {filters}")
    limit = reading.whole(params, "limit")
    if limit is not None and not 1 <= limit <= 100:
        raise invalid("Invalid limit: must be between 1 and 100.", param="limit", code="parameter_invalid_integer")
    first_at, last_at = reading.between(params)
    return Window(10 if limit is None else limit, reading.text(params, "starting_after", 200), first_at, last_at)


def idempotency_key(header: bytes | None) -> str | None:
    if header is None:
        return None
    if not 1 <= len(header) <= 255:
        raise invalid("Idempotency keys must have between 1 and 255 characters.")
    return header.decode("latin-1")


def check_version(header: bytes | None) -> None:
    if header is not None and not _VERSION.match(header.decode("latin-1")):
        raise invalid(f"Invalid Stripe API version: {header.decode('latin-1')}")


def items(params: Mapping[str, Any], price_of: PriceOf) -> tuple[int, str, str]:
    """Amount, currency and name of what is bought: prices by their ids or inline, in one currency."""
    if not params.get("line_items"):
        raise missing("line_items")
    total, currency, name = 0, "", ""
    for place, item in enumerate(reading.members(params, "line_items")):
        where = f"line_items[{place}]"
        reading.only(item, "price price_data quantity", inside=where)
        quantity = reading.whole(item, "quantity")
        if quantity is None or quantity < 1:
            raise missing(f"{where}[quantity]")
        if isinstance(item.get("price"), str):
            this, amount, called = price_of(item["price"], f"{where}[price]")
        else:
            this, amount, called = _inline_price(item, f"{where}[price_data]")
        if currency not in ("", this):
            raise invalid("All items must have the same currency.", param=where)
        total, currency, name = total + quantity * amount, this, name or called
    return total, currency, name


def _inline_price(item: Mapping[str, Any], where: str) -> tuple[str, int, str]:
    price = item.get("price_data")
    if not isinstance(price, dict):
        raise missing(where)
    product = price.get("product_data")
    if not isinstance(product, dict) or not product.get("name"):
        raise missing(f"{where}[product_data][name]")
    currency = reading.currency(price, "currency", f"{where}[currency]")
    return currency, reading.amount(price, "unit_amount", currency, f"{where}[unit_amount]"), str(product["name"])


def _expiry(params: Mapping[str, Any], now: int) -> int:
    at = reading.whole(params, "expires_at")
    if at is None:
        return now + SESSION_LONGEST_S
    if not _SESSION_SHORTEST_S <= at - now <= SESSION_LONGEST_S:
        raise invalid("The `expires_at` must be 30 minutes to 24 hours from now.", param="expires_at")
    return at
