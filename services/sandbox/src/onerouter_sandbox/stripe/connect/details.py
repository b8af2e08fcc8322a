"""What is said of a connected account and its bank. Most of it only goes through: Stripe's checks of it are not ours."""

import re
from typing import TYPE_CHECKING, Any, Final

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import reading
from onerouter_sandbox.stripe.errors import invalid, missing
from onerouter_sandbox.stripe.routing import Params

if TYPE_CHECKING:
    from onerouter_sandbox.stripe.connect.vendors import Bank

FIELDS: Final = (
    "email business_type business_profile capabilities company individual metadata settings tos_acceptance "
    "external_account default_currency"
)
TYPES: Final = ("company", "government_entity", "individual", "non_profit")
_CAPABILITY: Final = re.compile(r"^[a-z0-9_]{3,60}$")
_PROFILE: Final = (
    "annual_revenue estimated_worker_count mcc minority_owned_business_designation monthly_estimated_revenue name "
    "product_description support_address support_email support_phone support_url url"
)
_PROFILE_TEXTS: Final = ("mcc", "name", "product_description", "support_email", "support_phone", "support_url", "url")
_CURRENCIES: Final = {"US": "usd", "IN": "inr", "GB": "gbp", "CA": "cad", "AU": "aud", "JP": "jpy", "SG": "sgd"}


def currency_of(country: str) -> str:
    return _CURRENCIES.get(country, "eur")


def country(params: Params) -> str | None:
    value = reading.text(params, "country", 2)
    if value is not None and not re.fullmatch(r"[A-Z]{2}", value):
        raise invalid(f"Country '{value}' is unknown.", param="country", code="country_code_invalid")
    return value


def capabilities(params: Params) -> list[str]:
    """Names of what is requested."""
    given = params.get("capabilities") or {}
    if not isinstance(given, dict):
        raise invalid("Invalid object", param="capabilities")
    requested = []
    for name, value in given.items():
        where = f"capabilities[{name}]"
        if not _CAPABILITY.match(name) or not isinstance(value, dict):
            raise invalid("Invalid object", param=where)
        if reading.truth(value, "requested", f"{where}[requested]"):
            requested.append(name)
    return requested


def controller(params: Params) -> dict[str, Any]:
    given = reading.inner(params, "controller", "fees losses requirement_collection stripe_dashboard")
    reading.choice(given, "requirement_collection", ("application", "stripe"))
    for name, allowed in (("fees", "payer"), ("losses", "payments"), ("stripe_dashboard", "type")):
        reading.inner(given, name, allowed, f"controller[{name}]")
    return dict(given)


def profile(params: Params) -> dict[str, Any]:
    """The business profile; the rest of a vendor's papers is taken and not shown again, as Stripe does with most."""
    for name in ("company", "individual", "settings", "tos_acceptance"):
        if not isinstance(params.get(name, {}), dict):
            raise invalid("Invalid object", param=name)
    given = reading.inner(params, "business_profile", _PROFILE)
    return {name: given[name] for name in _PROFILE_TEXTS if isinstance(given.get(name), str) and given[name]}


def bank(params: Params, vendor_country: str) -> "Bank | None":
    """Of `external_account` (a token, or in practice an object) or `bank_account` (the description's name for the object)."""
    where = "bank_account" if "bank_account" in params else "external_account"
    given = params.get(where)
    if given is None:
        return None
    if given == "btok_us_verified":
        return test_bank("US")
    if not isinstance(given, dict):
        raise invalid(f"No such token: '{given}'", param=where, code="resource_missing")
    reading.only(
        given,
        "object country currency account_number routing_number account_holder_name account_holder_type account_type metadata",
        inside=where,
    )
    number = reading.text(given, "account_number", 64)
    if number is None:
        raise missing(f"{where}[account_number]")
    if not re.fullmatch(r"[A-Za-z0-9 ]{4,34}", number):
        raise invalid("Invalid account number", param=f"{where}[account_number]", code="account_number_invalid")
    place = country(given) or vendor_country
    routing = reading.text(given, "routing_number", 32)
    if routing is None and place in ("US", "IN", "GB", "CA", "AU", "SG", "JP"):
        raise missing(f"{where}[routing_number]")
    return {
        "id": random_id("ba_1", 23),
        "last4": number[-4:],
        "routing_number": routing,
        "country": place,
        "currency": (reading.text(given, "currency", 3) or currency_of(place)).lower(),
        "holder": reading.text(given, "account_holder_name", 200),
        "holder_type": reading.choice(given, "account_holder_type", ("individual", "company")),
    }


def test_bank(vendor_country: str) -> "Bank":
    """What somebody typed into the onboarding page."""
    return {
        "id": random_id("ba_1", 23),
        "last4": "6789",
        "routing_number": "110000000",
        "country": vendor_country,
        "currency": currency_of(vendor_country),
        "holder": None,
        "holder_type": None,
    }
