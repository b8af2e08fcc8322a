"""What a provider invents tomorrow: signed as it signs, of a kind that nobody knows, from every provider. It is kept and
accepted, for a refusal would end in a disabled webhook at the provider."""

import base64
import hashlib
import hmac
import json
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from onerouter_providers.certificates import Certificates
from onerouter_providers.loader import Providers
from onerouter_providers.sns_messages import string_to_sign

from ..conftest import StartService, rows_of
from .conftest import BASE_URL, SENDGRID_KEY

KIND = "something.nobody_knows_yet"
SECRET = "c2VjcmV0LW9mLXRoaXMtdGVzdC1vbmx5"
RSA = rsa.generate_private_key(65_537, 2_048)
TOPIC = "arn:aws:sns:us-east-1:123456789012:events"
ACCOUNT = "AC" + "1" * 32


class Provider(NamedTuple):
    category: str
    values: dict[str, str]
    public: dict[str, str]
    sign: Callable[[str], tuple[bytes, Mapping[str, str]]]
    """Of the address that is called."""


def _hex(message: bytes) -> str:
    return hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()


def _rsa(message: str) -> str:
    return base64.b64encode(RSA.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def _razorpay(_: str) -> tuple[bytes, Mapping[str, str]]:
    body = json.dumps({"entity": "event", "event": KIND, "payload": {"thing": {}}, "created_at": 1}).encode()
    return body, {"X-Razorpay-Signature": _hex(body), "X-Razorpay-Event-Id": "evt_1"}


def _stripe(_: str) -> tuple[bytes, Mapping[str, str]]:
    told = {"id": "evt_1", "object": "event", "type": KIND, "created": 1, "data": {"object": {"object": "thing"}}}
    body, at = json.dumps(told).encode(), str(int(time.time()))
    return body, {"Stripe-Signature": f"t={at},v1={_hex(at.encode() + b'.' + body)}"}


def _paypal(_: str) -> tuple[bytes, Mapping[str, str]]:
    body = json.dumps(
        {"id": "WH-1", "event_type": KIND, "create_time": "2026-01-01T00:00:00Z", "resource": {}}
    ).encode()
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return body, {
        "PayPal-Transmission-Id": "t-1",
        "PayPal-Transmission-Time": at,
        "PayPal-Transmission-Sig": _rsa(f"t-1|{at}|WEBHOOK1|{zlib.crc32(body)}"),
        "PayPal-Cert-Url": "https://api.paypal.com/v1/notifications/certs/CERT-1",
        "PayPal-Auth-Algo": "SHA256withRSA",
    }


def _twilio(address: str) -> tuple[bytes, Mapping[str, str]]:
    form = {"AccountSid": ACCOUNT, "MessageSid": "SM" + "2" * 32, "MessageStatus": KIND, "SmsStatus": KIND}
    signature = RequestValidator(SECRET).compute_signature(address, form)
    content_type = "application/x-www-form-urlencoded"
    return urlencode(form).encode(), {"X-Twilio-Signature": signature, "Content-Type": content_type}


def _resend(_: str) -> tuple[bytes, Mapping[str, str]]:
    body, at = json.dumps({"type": KIND, "created_at": "2026-01-01T00:00:00Z", "data": {}}).encode(), int(time.time())
    key, message = base64.b64decode(SECRET), f"msg_1.{at}.".encode() + body
    signature = base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
    return body, {"svix-id": "msg_1", "svix-timestamp": str(at), "svix-signature": f"v1,{signature}"}


def _sendgrid(_: str) -> tuple[bytes, Mapping[str, str]]:
    body, at = json.dumps([{"event": KIND, "sg_event_id": "e-1", "timestamp": 1}]).encode(), str(int(time.time()))
    signature = SENDGRID_KEY.sign(at.encode() + body, ec.ECDSA(hashes.SHA256()))
    prefix = "X-Twilio-Email-Event-Webhook"
    return body, {f"{prefix}-Timestamp": at, f"{prefix}-Signature": base64.b64encode(signature).decode()}


def _mailgun(_: str) -> tuple[bytes, Mapping[str, str]]:
    at, token = str(int(time.time())), "f" * 50
    signature = {"timestamp": at, "token": token, "signature": _hex((at + token).encode())}
    told = {"event": KIND, "id": "e-1", "timestamp": 1.5}
    return json.dumps({"signature": signature, "event-data": told}).encode(), {"Content-Type": "application/json"}


def _ses(_: str) -> tuple[bytes, Mapping[str, str]]:
    message: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": TOPIC,
        "Message": json.dumps({"eventType": KIND, "mail": {"messageId": "m-1"}}),
        "Timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}",
        "SignatureVersion": "2",
        "SigningCertURL": f"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-{'0' * 32}.pem",
    }
    return json.dumps({**message, "Signature": _rsa(string_to_sign(message).decode())}).encode(), {}


def _public_key() -> str:
    der = SENDGRID_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


EVERY: Mapping[str, Provider] = {
    "razorpay": Provider("payments", {"webhook_secret": SECRET}, {}, _razorpay),
    "stripe": Provider("payments", {"webhook_secret": SECRET}, {}, _stripe),
    "paypal": Provider("payments", {}, {"webhook_id": "WEBHOOK1"}, _paypal),
    "twilio": Provider("sms", {"auth_token": SECRET}, {"account_sid": ACCOUNT}, _twilio),
    "resend": Provider("email", {"webhook_secret": f"whsec_{SECRET}"}, {}, _resend),
    "sendgrid": Provider("email", {}, {"webhook_public_key": _public_key()}, _sendgrid),
    "mailgun": Provider("email", {"webhook_signing_key": SECRET}, {}, _mailgun),
    "ses": Provider("email", {}, {"sns_topic_arn": TOPIC}, _ses),
}


def _certificate() -> x509.Certificate:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the provider")]), datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(RSA.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(RSA, hashes.SHA256())
    )


async def test_it_is_kept_and_accepted_however_often_it_comes(
    start_service: StartService, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = _certificate()

    async def vouched_for(*_: object) -> x509.Certificate:
        return certificate

    monkeypatch.setattr(Certificates, "get", vouched_for)
    calling_back = {one.manifest.id for one in providers if one.webhook is not None}
    assert set(EVERY) == calling_back, "every provider that calls back has its case here"
    async with start_service(providers=providers, callback_base_url=BASE_URL) as service:
        for name, provider in EVERY.items():
            token, _ = service.connection.connect(provider.category, name, provider.values, provider.public)
            body, headers = provider.sign(f"{BASE_URL}/callbacks/{name}/{token}")
            for _ in range(2):
                answer = await service.http.post(f"/callbacks/{name}/{token}", content=body, headers=dict(headers))
                # Twilio carries out what an incoming message is answered with: there must be nothing.
                wanted = (204, b"") if name == "twilio" else (200, b'{"received":true}')
                assert (answer.status_code, answer.content) == wanted, name
        rows = {row["provider"]: row for row in await rows_of(service)}
        assert {name: row["seen"] for name, row in rows.items()} == dict.fromkeys(EVERY, 2)
        assert {name: row["state"] for name, row in rows.items()} == dict.fromkeys(EVERY, "unhandled")
        assert await service.admin.fetchval("SELECT count(*) FROM callback_records") == 0
