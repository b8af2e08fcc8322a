"""Reading parameters as Stripe does: pure functions that raise `Refused` and name the parameter."""

import re
from collections.abc import Mapping
from typing import Any, Final

from onerouter_sandbox.stripe.currencies import LEAST, MOST, SUPPORTED, THREE_DECIMALS, WHOLE_ONLY
from onerouter_sandbox.stripe.errors import invalid, missing, unknown

_WHOLE: Final = re.compile(r"^-?[0-9]{1,15}$")
_TYPE_WORDS: Final = """
    acss_debit affirm afterpay_clearpay alipay amazon_pay bancontact blik card cashapp eps fpx grabpay ideal klarna link
    mobilepay p24 paypal pix revolut_pay sepa_debit upi us_bank_account wechat_pay zip
"""
_TYPES: Final = frozenset(_TYPE_WORDS.split())


def only(params: Mapping[str, Any], names: str, *, inside: str = "") -> None:
    allowed = {*names.split(), "expand"}
    for name in params:
        if name not in allowed:
            raise unknown(f"{inside}[{name}]" if inside else name)


def whole(params: Mapping[str, Any], name: str) -> int | None:
    value = params.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _WHOLE.match(value):
        raise invalid(f"Invalid integer: {value}", param=name, code="parameter_invalid_integer")
    return int(value)


def amount(params: Mapping[str, Any], name: str, currency: str, where: str | None = None) -> int:
    """What Stripe charges in this currency: within its bounds, and with its decimals."""
    where = where or name
    value = whole(params, name)
    if value is None:
        raise missing(where)
    if value < LEAST.get(currency, 1):
        raise invalid(
            f"Amount must be at least {LEAST.get(currency, 1)} {currency}", param=where, code="amount_too_small"
        )
    if value > MOST:
        raise invalid(f"Amount must be no more than {MOST} {currency}", param=where, code="amount_too_large")
    if (currency in WHOLE_ONLY and value % 100) or (currency in THREE_DECIMALS and value % 10):
        raise invalid(f"Invalid amount for {currency}: it has fewer decimals.", param=where)
    return value


def currency(params: Mapping[str, Any], name: str, where: str | None = None) -> str:
    value = params.get(name)
    if value is None:
        raise missing(where or name)
    if not isinstance(value, str) or value.lower() not in SUPPORTED:
        raise invalid(f"Invalid currency: {value}.", param=where or name)
    return value.lower()


def types(params: Mapping[str, Any]) -> list[str]:
    given = params.get("payment_method_types", [])
    if not isinstance(given, list) or not all(each in _TYPES for each in given):
        raise invalid(
            "The payment method type provided is invalid. Please ensure it is activated in your dashboard.",
            param="payment_method_types",
            code="payment_intent_invalid_parameter",
        )
    return list(given)


def metadata(params: Mapping[str, Any], name: str = "metadata") -> dict[str, str]:
    given = params.get(name) or {}
    if not isinstance(given, dict):
        raise invalid("Invalid object: metadata must be a hash.", param=name)
    if len(given) > 50:
        raise invalid("Metadata may have at most 50 keys.", param=name)
    for key, value in given.items():
        if len(key) > 40 or not isinstance(value, str) or len(value) > 500:
            raise invalid(
                "Metadata keys may have at most 40 characters, values at most 500.", param=f"{name}[{key[:40]}]"
            )
    return {key: value for key, value in given.items() if value}


def changed_metadata(params: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    """What is known with what is given: an empty value removes its name, an empty `metadata` all of them."""
    given = params.get("metadata")
    if given is None:
        return dict(known)
    if given == "":
        return {}
    kept = metadata(params)
    return {name: value for name, value in (dict(known) | kept).items() if name in kept or name not in given}


def truth(params: Mapping[str, Any], name: str, where: str | None = None) -> bool | None:
    value = params.get(name)
    if value not in (None, "true", "false"):
        raise invalid(f"Invalid boolean: {value}", param=where or name)
    return None if value is None else value == "true"


def inner(params: Mapping[str, Any], name: str, allowed: str, where: str | None = None) -> dict[str, Any]:
    """An object among the parameters, with none but the allowed names; empty where it is not given."""
    value = params.get(name) or {}
    if not isinstance(value, dict):
        raise invalid("Invalid object", param=where or name)
    only(value, allowed, inside=where or name)
    return value


def members(params: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects; empty where it is not given."""
    value = params.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise invalid("Invalid array", param=name)
    return value


def choice(params: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str | None:
    value = params.get(name)
    if value is not None and value not in choices:
        raise invalid(f"Invalid {name}: must be one of {', '.join(choices)}", param=name)
    return value


def text(params: Mapping[str, Any], name: str, longest: int) -> str | None:
    value = params.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise invalid(f"Invalid string: {name} must be at most {longest} characters.", param=name)
    return value


def url(params: Mapping[str, Any], name: str, *, required: bool = False) -> str | None:
    value = text(params, name, 5_000)
    if value is None and required:
        raise missing(name)
    if value is not None and not value.startswith(("https://", "http://")):
        raise invalid("Not a valid URL", param=name, code="url_invalid")
    return value


def between(params: Mapping[str, Any]) -> tuple[int | None, int | None]:
    created = params.get("created", {})
    if isinstance(created, str):
        created = {"gte": created, "lte": created}
    if not isinstance(created, dict) or created.keys() - {"gt", "gte", "lt", "lte"}:
        raise invalid("Invalid filter", param="created")
    bounds = {name: whole(created, name) for name in created}
    first = bounds.get("gte") if "gte" in bounds else _shifted(bounds.get("gt"), 1)
    last = bounds.get("lte") if "lte" in bounds else _shifted(bounds.get("lt"), -1)
    return first, last


def _shifted(value: int | None, by: int) -> int | None:
    return None if value is None else value + by
