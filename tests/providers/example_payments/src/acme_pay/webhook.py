"""Acme's callbacks: HMAC-SHA256 of the raw body under the webhook's secret, in hex."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import SecretStr

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_providers.webhook import CallbackUnreadable, ProviderEvent, header, require_signature

from . import mapping

SIGNATURE: Final = "Acme-Signature"


def verify(body: bytes, headers: Mapping[str, str], secrets: Mapping[str, SecretStr]) -> None:
    """Raises SignatureInvalid."""
    live = [secret.get_secret_value().encode() for secret in secrets.values() if secret.get_secret_value()]
    require_signature(header(headers, SIGNATURE), [hmac.new(one, body, hashlib.sha256).hexdigest() for one in live])


def identify(body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:
    """Acme's event id and event type. Raises CallbackUnreadable."""
    event = _read(body)
    return event["id"], event["type"]


def parse(body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
    """None for a kind we do not follow. Raises CallbackUnreadable."""
    event = _read(body)
    kind, _, _ = event["type"].partition(".")
    read = _OBJECTS.get(kind)
    if read is None:
        return None
    try:
        told, at = read(event["data"]), datetime.fromtimestamp(event["at"], UTC)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CallbackUnreadable(f"Acme's {kind} lacks a field, or has a strange one.") from error
    return ProviderEvent(event["id"], event["type"], at, told)


def _payment(charge: mapping.Thing) -> CallbackObject:
    told = mapping.to_payment(charge)
    return CallbackObject(
        kind="payment",
        status=told.status,
        reference=charge["reference"],
        order_id=told.provider_order_id,
        payment_id=told.provider_payment_id,
        amount_minor=charge["amount"],
        amount_captured_minor=charge["captured"] or None,
        amount_refunded_minor=told.amount_refunded_minor,
        currency=charge["currency"],
        method=told.method,
        method_details=dict(told.method_details),
        error_reason=told.error_reason,
        fee_minor=told.fee_minor,
    )


def _refund(refund: mapping.Thing) -> CallbackObject:
    told = mapping.to_refund(refund)
    return CallbackObject(
        kind="refund",
        status=told.status,
        reference=refund["reference"],
        payment_id=refund["charge"],
        refund_id=told.provider_refund_id,
        amount_minor=refund["amount"],
        currency=refund["currency"],
    )


def _link(link: mapping.Thing) -> CallbackObject:
    told = mapping.to_link(link)
    return CallbackObject(
        kind="payment_link",
        status=told.status,
        reference=link["reference"],
        provider_id=told.provider_id,
        facts=dict(told.facts),
    )


_OBJECTS: Final = {"charge": _payment, "refund": _refund, "link": _link}


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict) or not all(isinstance(event.get(name), str) for name in ("id", "type")):
        raise CallbackUnreadable("The callback is not one of Acme's.")
    return event
