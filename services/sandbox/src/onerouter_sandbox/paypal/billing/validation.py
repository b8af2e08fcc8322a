"""PayPal's rules for products, plans and subscriptions; what does not fit is raised as `Refused`."""

from dataclasses import dataclass, replace
from typing import Any, Final

from onerouter_sandbox.paypal.billing.cycles import Cycle
from onerouter_sandbox.paypal.billing.state import Terms
from onerouter_sandbox.paypal.errors import bad_request
from onerouter_sandbox.paypal.fields import Fields

PRODUCTS: Final = "products.create"
PLANS: Final = "plans.create"
_UNITS: Final = {"DAY": 365, "WEEK": 52, "MONTH": 12, "YEAR": 1}
"""How many of each a cycle may last."""


@dataclass(frozen=True, slots=True)
class PlanRequest:
    product_id: str
    name: str
    description: str | None
    status: str
    quantity_supported: bool
    terms: Terms


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    plan_id: str
    start_at: float | None
    quantity: int | None
    custom_id: str | None
    subscriber: dict[str, Any]
    context: dict[str, Any]
    override: Fields | None


def product_request(body: dict[str, Any]) -> dict[str, str]:
    fields = Fields(body, PRODUCTS)
    facts: dict[str, str] = {"name": fields.needed_text("name", 127)}
    own = fields.text("id", 50, least=6)
    if own is not None:
        if own.startswith("PROD-"):
            description = "Input identifier must not use system prefix(PROD-)."
            raise bad_request("INVALID_PARAMETER_SYNTAX", "/id", PRODUCTS, own, description)
        facts["id"] = own
    facts["type"] = fields.word("type", ("PHYSICAL", "DIGITAL", "SERVICE"))
    for name, most in (("description", 256), ("category", 256), ("image_url", 2_000), ("home_url", 2_000)):
        text = fields.text(name, most)
        if text is not None:
            facts[name] = text
    return facts


def plan_request(body: dict[str, Any]) -> PlanRequest:
    fields = Fields(body, PLANS)
    fields.need("product_id", "name", "billing_cycles", "payment_preferences")
    given = [_cycle(one) for one in fields.each("billing_cycles", 1, 12)]
    cycles = sorted((cycle for cycle, _ in given), key=lambda cycle: cycle.sequence)
    _require_order(fields, cycles)
    currencies = {currency for _, currency in given if currency is not None}
    preferences = fields.needed("payment_preferences")
    setup_fee = preferences.money("setup_fee", least=0)
    if setup_fee is not None:
        currencies.add(setup_fee.currency)
    if len(currencies) != 1:
        raise (
            fields.refused("CURRENCY_MISMATCH")
            if currencies
            else fields.wrong("billing_cycles", "MISSING_REQUIRED_PARAMETER")
        )
    taxes = fields.inner("taxes")
    return PlanRequest(
        product_id=fields.needed_text("product_id", 50, least=6),
        name=fields.needed_text("name", 127),
        description=fields.text("description", 127),
        status=fields.word("status", ("CREATED", "INACTIVE", "ACTIVE"), "ACTIVE"),
        quantity_supported=fields.flag("quantity_supported", False),
        terms=Terms(
            currency=currencies.pop(),
            cycles=cycles,
            auto_bill=preferences.flag("auto_bill_outstanding", True),
            setup_fee=0 if setup_fee is None else setup_fee.minor,
            setup_failure=preferences.word("setup_fee_failure_action", ("CONTINUE", "CANCEL"), "CANCEL"),
            threshold=preferences.whole("payment_failure_threshold", 0, 999, 0),
            tax_percent=None if taxes is None else _percent(taxes),
            tax_inclusive=True if taxes is None else taxes.flag("inclusive", True),
        ),
    )


def subscription_request(body: dict[str, Any], now: float) -> SubscriptionRequest:
    operation = "subscriptions.create"
    if not body:
        raise bad_request("MISSING_REQUEST_BODY", "/", operation)
    fields = Fields(body, operation)
    start_at = fields.moment("start_time")
    if start_at is not None and start_at <= now:
        description = "Start time must be a valid future date and time."
        raise fields.wrong("start_time", "INVALID_PARAMETER_VALUE", description=description)
    subscriber = fields.inner("subscriber")
    return SubscriptionRequest(
        plan_id=fields.needed_text("plan_id", 50, least=3),
        start_at=start_at,
        quantity=quantity(fields),
        custom_id=fields.text("custom_id", 127),
        subscriber={} if subscriber is None else _subscriber(subscriber),
        context=context(fields),
        override=fields.inner("plan"),
    )


def context(fields: Fields) -> dict[str, Any]:
    given = fields.inner("application_context")
    if given is None:
        return {}
    given.needed_text("return_url", 4_000, least=10)
    given.needed_text("cancel_url", 4_000, least=10)
    given.text("brand_name", 127)
    given.word("user_action", ("CONTINUE", "SUBSCRIBE_NOW"), "SUBSCRIBE_NOW")
    given.word("shipping_preference", ("GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS"), "GET_FROM_FILE")
    return given.raw


def quantity(fields: Fields) -> int | None:
    text = fields.text("quantity", 32)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise fields.wrong("quantity", "INVALID_PARAMETER_SYNTAX", text)
    if int(text) < 1:
        raise fields.wrong("quantity", "INVALID_PARAMETER_VALUE", text)
    return int(text)


def overridden(terms: Terms, override: Fields) -> Terms:
    """A plan's terms with what one subscription has otherwise."""
    cycles = {cycle.sequence: cycle for cycle in terms.cycles}
    for given in override.each("billing_cycles", 0, 12):
        cycle = cycles.get(given.whole("sequence", 1, 99, 0))
        if cycle is None:
            raise given.refused("INVALID_BILLING_CYCLE_SEQUENCE", "sequence")
        price, total = _price(given), given.whole("total_cycles", 0, 999, cycle.total)
        if price is not None and price[1] != terms.currency:
            raise given.refused("CURRENCY_MISMATCH", "pricing_scheme/fixed_price/currency_code")
        cycles[cycle.sequence] = replace(cycle, total=total, price=cycle.price if price is None else price[0])
    changed = replace(terms, cycles=list(cycles.values()))
    preferences, taxes = override.inner("payment_preferences"), override.inner("taxes")
    if preferences is not None:
        fee = preferences.money("setup_fee", least=0)
        if fee is not None and fee.currency != terms.currency:
            raise preferences.refused("CURRENCY_MISMATCH", "setup_fee/currency_code")
        changed.setup_fee = terms.setup_fee if fee is None else fee.minor
        changed.auto_bill = preferences.flag("auto_bill_outstanding", terms.auto_bill)
        changed.threshold = preferences.whole("payment_failure_threshold", 0, 999, terms.threshold)
        actions = ("CONTINUE", "CANCEL")
        changed.setup_failure = preferences.word("setup_fee_failure_action", actions, terms.setup_failure)
    if taxes is not None:
        changed.tax_percent = _percent(taxes) if taxes.has("percentage") else terms.tax_percent
        changed.tax_inclusive = taxes.flag("inclusive", terms.tax_inclusive)
    return changed


def reason(body: dict[str, Any], operation: str, *, needed: bool) -> str | None:
    fields = Fields(body, operation)
    return fields.needed_text("reason", 128) if needed else fields.text("reason", 128)


def _cycle(given: Fields) -> tuple[Cycle, str | None]:
    """The cycle, and its currency, which a free one does not need."""
    frequency = given.needed("frequency")
    unit = frequency.word("interval_unit", _UNITS)
    tenure = given.word("tenure_type", ("TRIAL", "REGULAR"))
    given.need("sequence")
    price = _price(given)
    if price is None and tenure == "REGULAR":
        raise given.wrong("pricing_scheme", "MISSING_REQUIRED_PARAMETER")
    cycle = Cycle(
        tenure=tenure,
        sequence=given.whole("sequence", 1, 99, 0),
        unit=unit,
        count=frequency.whole("interval_count", 1, _UNITS[unit], 1),
        total=given.whole("total_cycles", 0, 999, 1),
        price=0 if price is None else price[0],
    )
    if tenure == "TRIAL" and cycle.total == 0:
        raise given.refused("INVALID_TRIAL_BILLING_TOTAL_CYCLES", "total_cycles")
    return cycle, None if price is None else price[1]


def _price(given: Fields) -> tuple[int, str] | None:
    scheme = given.inner("pricing_scheme")
    if scheme is None:
        return None
    if scheme.has("pricing_model") or scheme.has("tiers"):
        raise scheme.refused("INVALID_PRICING_MODEL", "pricing_model")  # tiers are not simulated
    scheme.need("fixed_price")
    money = scheme.money("fixed_price", least=0)
    return None if money is None else (money.minor, money.currency)


def _percent(taxes: Fields) -> str:
    text = taxes.needed_text("percentage", 10)
    whole, _, part = text.partition(".")
    if not (whole + part).isdigit():
        raise taxes.wrong("percentage", "INVALID_PARAMETER_SYNTAX", text)
    return text


def _subscriber(given: Fields) -> dict[str, Any]:
    given.text("email_address", 254, least=3)
    name = given.inner("name")
    if name is not None:
        name.text("given_name", 140)
        name.text("surname", 140)
    return {part: given.raw[part] for part in ("name", "email_address", "shipping_address", "phone") if given.has(part)}


def _require_order(fields: Fields, cycles: list[Cycle]) -> None:
    trials = [cycle for cycle in cycles if cycle.tenure == "TRIAL"]
    regular = [cycle for cycle in cycles if cycle.tenure == "REGULAR"]
    if not regular:
        raise fields.refused("MISSING_REGULAR_BILLING_CYCLE", "billing_cycles")
    if len(regular) > 1:
        raise fields.refused("MULTIPLE_REGULAR_BILLING_CYCLES_NOT_SUPPORTED", "billing_cycles")
    if len(trials) > 2:
        raise fields.refused("MORE_THAN_TWO_TRIAL_BILLING_CYCLE_NOT_SUPPORTED", "billing_cycles")
    if sum(cycle.price == 0 for cycle in trials) > 1:
        raise fields.refused("MULTIPLE_FREE_TRIAL_BILLING_CYCLES_NOT_SUPPORTED", "billing_cycles")
    if [cycle.sequence for cycle in cycles] != list(range(1, len(cycles) + 1)) or cycles[-1].tenure == "TRIAL":
        raise fields.refused("INVALID_BILLING_CYCLE_SEQUENCE", "billing_cycles")
