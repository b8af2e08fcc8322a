"""Examples for the API's description, made of schemas: a field's own example, else that of its name, else the least value.

Pure; a test checks that each one is valid.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

Schema = Mapping[str, Any]

_ID: Final = "01k9zq3v7m8e5t2r4w6y8a0c1d"
_MOMENT: Final = "2026-01-31T09:30:00.125Z"
_UNIX: Final = 1_769_851_800
_DEEPEST: Final = 6
_FORMATS: Final = {
    "date-time": _MOMENT,
    "date": _MOMENT[:10],
    "uri": "https://example.com",
    "email": "asha@example.com",
}
_PREFIXES: Final = {
    "api_key_id": "key",
    "batch_id": "bat",
    "connection_id": "con",
    "customer_id": "cus",
    "delivery_id": "dlv",
    "email_id": "em",
    "endpoint_id": "whe",
    "event_id": "evt",
    "operation_id": "op",
    "payment_id": "pay",
    "payment_link_id": "pl",
    "payment_method_id": "pm",
    "plan_id": "plan",
    "refund_id": "re",
    "sms_id": "sms",
    "subscription_id": "sub",
    "template_id": "tpl",
    "upload_id": "upl",
    "object_id": "obj",
    "tenant_id": "ten",
    "transaction_id": "pay",
    "user_id": "usr",
    "vendor_id": "ven",
}
_BY_NAME: Final[Mapping[str, Any]] = {
    **{name: f"{prefix}_{_ID}" for name, prefix in _PREFIXES.items()},
    "amount": 499.0,
    "amount_minor": 49_900,
    "amount_refunded": 0.0,
    "amount_refunded_minor": 0,
    "checkout_url": "https://checkout.example/c/1042",
    "category": "payments",
    "country": "IN",
    "created": _UNIX,
    "currency": "INR",
    "description": "Order 1042",
    "detail": "A sentence for people.",
    "disputes": [],
    "display_name": "Razorpay",
    "email": "asha@example.com",
    "has_more": False,
    "limit": 20,
    "metadata": {"order": "1042"},
    "name": "Asha Rao",
    "next_cursor": None,
    "note": "Order 1042",
    "of": "payment.create",
    "offset": 0,
    "phone": "+919876543210",
    "provider": "razorpay",
    "provider_order_id": "order_PkR1x0aVbCd3Fg",
    "provider_message_id": "SM1042",
    "receipt": "order-1042",
    "resource_id": f"pay_{_ID}",
    "service": "twilio",
    "short_url": "https://pay.example/l/1042",
    "source": "https://provider.example/docs",
    "subject": "Your order 1042",
    "to": "+14155552671",
    "total": 1,
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "url": "https://shop.example/webhooks",
    "version": 1,
}


def example_of(schema: Schema, schemas: Mapping[str, Schema], *, asked: bool = False) -> Any:
    """A value of the schema; `schemas` are those that references lead to. `asked`: of a request, so only what it needs."""
    return _Examples(schemas, asked=asked).of(schema, "", 0)


class _Examples:
    def __init__(self, schemas: Mapping[str, Schema], *, asked: bool) -> None:
        self._schemas = schemas
        self._asked = asked

    def of(self, schema: Schema, name: str, depth: int) -> Any:
        if "$ref" in schema:
            schema = {**self._schemas[unquote(str(schema["$ref"])).rpartition("/")[2]], **_beside(schema)}
        if schema.get("examples"):
            return schema["examples"][0]
        for word in ("example", "const"):
            if word in schema:
                return schema[word]
        choices = [one for word in ("anyOf", "oneOf") for one in schema.get(word, ())]
        if choices:
            return self._chosen(choices, name, depth)
        if "allOf" in schema:
            return self.of({**schema["allOf"][0], **_beside(schema)}, name, depth)
        if "enum" in schema:
            return schema["enum"][0]
        return self._plain(schema, name, depth)

    def _chosen(self, choices: list[Schema], name: str, depth: int) -> Any:
        """Null where it may be and nothing better is known: most such fields are of what has not happened."""
        if any(one.get("type") == "null" for one in choices):
            known = None if name in _PREFIXES else _known(name)
            if not any(_is_of(known, one) for one in choices) and not any(one.get("examples") for one in choices):
                return None
        return self.of(next(one for one in choices if one.get("type") != "null"), name, depth)

    def _plain(self, schema: Schema, name: str, depth: int) -> Any:
        kind = schema.get("type")
        known = _known(name)
        if known is not None and _is_of(known, schema):
            return known
        if kind == "object" or "properties" in schema:
            return self._object(schema, depth)
        if kind == "array":
            return self._list(schema, name, depth)
        return _text(schema, name) if kind == "string" else _simple(schema)

    def _list(self, schema: Schema, name: str, depth: int) -> list[Any]:
        items = schema.get("items")
        return [self.of(items, name.removesuffix("s"), depth + 1)] if items and depth < _DEEPEST else []

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        return {
            name: self.of(field, name, depth + 1)
            for name, field in schema.get("properties", {}).items()
            if name in required or (not self._asked and depth < _DEEPEST)
        }


def _simple(schema: Schema) -> Any:
    """Null of what is not known to be anything."""
    kind = schema.get("type")
    if kind == "boolean":
        return schema.get("default", False)
    if kind in ("integer", "number"):
        least = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        return schema.get("default") or max(1, least)
    return None


def _text(schema: Schema, name: str) -> str:
    form = schema.get("format")
    if form in _FORMATS:
        return _FORMATS[form]
    plain = f"{name.removesuffix('_id')}_1042" if name.endswith("_id") else name.replace("_", " ") or "text"
    text = str(schema.get("default") or plain)
    return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]


def _beside(schema: Schema) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in ("$ref", "allOf")}


def _known(name: str) -> Any:
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.endswith(("_at", "_until")) or name == "at":
        return _MOMENT
    return None


def _is_of(value: Any, schema: Schema) -> bool:
    """Whether a known value has the type, and a text the form."""
    kind = schema.get("type")
    if isinstance(value, str):
        is_free = not {"enum", "const"} & schema.keys()
        return kind == "string" and is_free and re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, int):
        return kind in ("integer", "number")
    if isinstance(value, float):
        return kind == "number"
    if isinstance(value, list):
        return kind == "array"
    return isinstance(value, dict) and kind == "object" and "properties" not in schema
