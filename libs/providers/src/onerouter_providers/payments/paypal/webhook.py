"""PayPal's callbacks: RSA-SHA256 over `id|time|webhook id|CRC-32 of the body`, with a certificate that the callback names.

The certificate comes verified from `certificates.py`; here it is only asked whether it signed. PayPal delivers for three
days; what is older is refused, and redeliveries are told by the event id.

A payment is found by its order's id, never by `custom_id`: PayPal's JavaScript lets anybody who knows the (public) client
id make an order in a browser, with any `custom_id` and any amount. A refund is only made with the client secret.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import pydantic_core
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import Certificate
from pydantic import SecretStr

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.ids import REFUND, is_id
from onerouter_common.json_text import without_nul
from onerouter_providers.capability import PaymentSnapshot
from onerouter_providers.payments.paypal import events, mapping
from onerouter_providers.payments.paypal.reading import Thing, text_of
from onerouter_providers.webhook import CallbackUnreadable, ProviderEvent, SignatureInvalid, header

TRANSMISSION_ID: Final = "PayPal-Transmission-Id"
TRANSMISSION_TIME: Final = "PayPal-Transmission-Time"
TRANSMISSION_SIGNATURE: Final = "PayPal-Transmission-Sig"
CERTIFICATE_URL: Final = "PayPal-Cert-Url"
ALGORITHM: Final = "PayPal-Auth-Algo"
_ALGORITHMS: Final = frozenset({"SHA256withRSA"})
_HEADER_CHARS: Final = 1_024
_OLDEST: Final = timedelta(days=3, hours=1)
_NEWEST: Final = timedelta(minutes=10)
"""How much PayPal's clock may be ahead of ours."""

FOLLOWED: Final[Mapping[str, str]] = {
    "CHECKOUT.ORDER.APPROVED": "order",
    "CHECKOUT.PAYMENT-APPROVAL.REVERSED": "approval",
    "PAYMENT.AUTHORIZATION.CREATED": "authorization",
    "PAYMENT.AUTHORIZATION.VOIDED": "authorization",
    "PAYMENT.CAPTURE.COMPLETED": "capture",
    "PAYMENT.CAPTURE.PENDING": "capture",
    "PAYMENT.CAPTURE.DENIED": "capture",
    "PAYMENT.CAPTURE.DECLINED": "capture",
    "PAYMENT.CAPTURE.REFUNDED": "refund",
    # Money that PayPal took back for the payer: to the payment it is a refund that nobody asked us for.
    "PAYMENT.CAPTURE.REVERSED": "refund",
    "PAYMENT.REFUND.PENDING": "refund",
    "PAYMENT.REFUND.FAILED": "refund",
}
"""PayPal's event → what its resource is; of everything else see `events.py`."""


def certificate_url(headers: Mapping[str, str], body: bytes = b"") -> str:  # noqa: ARG001 - all of it is in the headers
    """Where the certificate is that the callback says it is signed with. Raises SignatureInvalid."""
    _require_algorithm(headers)
    return _required(headers, CERTIFICATE_URL)


def verify(
    body: bytes, headers: Mapping[str, str], secrets: Mapping[str, SecretStr], certificate: Certificate, at: datetime
) -> None:
    """Raises SignatureInvalid unless the certificate's key signed this body for the connection's webhook, lately."""
    _require_algorithm(headers)
    sent_at = _required(headers, TRANSMISSION_TIME)
    parts = (_required(headers, TRANSMISSION_ID), sent_at, _webhook_id(secrets), str(zlib.crc32(body)))
    try:
        signature = base64.b64decode(_required(headers, TRANSMISSION_SIGNATURE), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureInvalid("The callback's signature is not in base 64.") from None
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise SignatureInvalid("The callback's certificate has no RSA key.")
    try:
        key.verify(signature, "|".join(parts).encode("utf-8", "surrogateescape"), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise SignatureInvalid("The callback's signature does not fit.") from None
    _require_lately(sent_at, at)


def question(body: bytes, headers: Mapping[str, str], secrets: Mapping[str, SecretStr], at: datetime) -> bytes:
    """The body of `POST /v1/notifications/verify-webhook-signature`.

    The event goes in byte by byte: PayPal checks the signature over what it gets, and JSON that was read and written again
    is other bytes. It is JSON by itself here, or it could say other things to PayPal than to us.
    Source: https://developer.paypal.com/docs/api/webhooks/v1/#verify-webhook-signature
    """
    _require_algorithm(headers)
    sent_at = _required(headers, TRANSMISSION_TIME)
    _require_lately(sent_at, at)
    asked = {
        "auth_algo": _required(headers, ALGORITHM),
        "cert_url": _required(headers, CERTIFICATE_URL),
        "transmission_id": _required(headers, TRANSMISSION_ID),
        "transmission_sig": _required(headers, TRANSMISSION_SIGNATURE),
        "transmission_time": sent_at,
        "webhook_id": _webhook_id(secrets),
    }
    try:
        is_object = isinstance(pydantic_core.from_json(body, allow_inf_nan=False), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise SignatureInvalid("The callback is not JSON, so PayPal cannot be asked about it.")
    return json.dumps(asked).encode()[:-1] + b', "webhook_event": ' + body + b"}"


def _require_algorithm(headers: Mapping[str, str]) -> None:
    if _required(headers, ALGORITHM) not in _ALGORITHMS:
        raise SignatureInvalid("The callback is signed with an algorithm that is not accepted.")


def _webhook_id(secrets: Mapping[str, SecretStr]) -> str:
    webhook_id = secrets.get("webhook_id")
    if webhook_id is None or not webhook_id.get_secret_value():
        raise SignatureInvalid("This connection has no webhook id, so no callback can be verified.")
    return webhook_id.get_secret_value()


def _require_lately(sent_at: str, at: datetime) -> None:
    if not at - _OLDEST <= _moment(sent_at) <= at + _NEWEST:
        raise SignatureInvalid("The callback was signed too long ago, or in the future.")


def identify(body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:  # noqa: ARG001 - all of it is in the body
    event = _read(body)
    return _required_text(event, "id"), _required_text(event, "event_type")


def parse(body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:  # noqa: ARG001
    """None for a kind we do not follow. Raises CallbackUnreadable."""
    event = _read(body)
    kind = _required_text(event, "event_type")
    if kind not in FOLLOWED and kind not in events.FOLLOWED:
        return None
    resource = event.get("resource")
    if not isinstance(resource, dict):
        raise CallbackUnreadable("The callback carries no resource.")
    told = _object(kind, resource)
    if told is None:
        return None
    return ProviderEvent(id=_required_text(event, "id"), type=kind, occurred_at=_occurred_at(event), object=told)


def _object(kind: str, resource: Thing) -> CallbackObject | None:
    translate = events.FOLLOWED.get(kind)
    return _of_payment(FOLLOWED[kind], resource) if translate is None else translate(resource)


def _of_payment(about: str, resource: Thing) -> CallbackObject:
    match about:
        case "order":
            return _payment(mapping.order_snapshot(resource))
        case "approval":
            return _payment(PaymentSnapshot(status="expired", provider_order_id=text_of(resource, "order_id")))
        case "authorization":
            return _payment(mapping.authorization_snapshot(resource))
        case "capture":
            return _payment(mapping.capture_snapshot(resource))
        case _:
            # Which of the two a reversal carries is not documented; only a refund links up to a capture.
            if mapping.linked_capture_id(resource) is None and mapping.related_order_id(resource) is not None:
                return _payment(mapping.capture_snapshot(resource))
            return _refund(resource)


def _payment(shown: PaymentSnapshot) -> CallbackObject:
    if shown.provider_order_id is None and shown.provider_payment_id is None:
        raise CallbackUnreadable("The callback says that it is of a payment, and names none.")
    return CallbackObject(
        kind="payment",
        status=shown.status,
        awaits_completion=shown.awaits_completion,
        order_id=shown.provider_order_id,
        payment_id=shown.provider_payment_id,
        amount_minor=shown.amount.amount_minor if shown.amount else None,
        amount_refunded_minor=shown.amount_refunded_minor,
        amount_captured_minor=shown.captured.amount_minor if shown.captured else None,
        currency=shown.amount.currency if shown.amount else None,
        method=shown.method,
        method_details=dict(shown.method_details),
        error_reason=shown.error_reason,
        error_code=shown.error_code,
        error_message=shown.error_message,
        fee_minor=shown.fee_minor,
        fee_currency=shown.fee_currency,
    )


def _refund(refund: Thing) -> CallbackObject:
    shown = mapping.refund_snapshot(refund)
    if not shown.provider_refund_id:
        raise CallbackUnreadable("The callback says that it is of a refund, and carries none.")
    ours = text_of(refund, "custom_id")
    return CallbackObject(
        kind="refund",
        status=shown.status,
        # A refund made elsewhere inherits the payment's ids: ours has its own in both.
        reference=ours if ours and ours == refund.get("invoice_id") and is_id(REFUND, ours) else None,
        payment_id=mapping.linked_capture_id(refund),
        refund_id=shown.provider_refund_id,
        amount_minor=shown.amount.amount_minor if shown.amount else None,
        amount_refunded_minor=mapping.total_refunded_minor(refund),
        currency=shown.amount.currency if shown.amount else None,
        error_reason=shown.error_reason,
    )


def _required(headers: Mapping[str, str], name: str) -> str:
    value = header(headers, name)
    if not value or len(value) > _HEADER_CHARS:
        raise SignatureInvalid("The callback is not signed.")
    return value


def _read(body: bytes) -> Thing:
    try:
        event = pydantic_core.from_json(without_nul(body), allow_inf_nan=False)
    except ValueError:
        raise CallbackUnreadable("The callback is not JSON.") from None
    if not isinstance(event, dict):
        raise CallbackUnreadable("The callback is not a JSON object.")
    return event


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise SignatureInvalid("The callback does not say when it was signed.")
    return moment


def _occurred_at(event: Thing) -> datetime:
    try:
        moment = datetime.fromisoformat(_required_text(event, "create_time"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CallbackUnreadable("The callback does not say when it happened.")
    return moment


def _required_text(event: Thing, name: str) -> str:
    value = text_of(event, name)
    if not value:
        raise CallbackUnreadable(f"The callback has no {name}.")
    return value
