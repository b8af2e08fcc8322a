"""Callbacks as providers send them, signed."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, Final
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.services.webhooks.callback.conftest import BASE_URL, delivered
from tests.services.webhooks.conftest import WEBHOOK_SECRET, KnownConnection, razorpay_body

from onerouter_common.ids import SMS, new_id
from onerouter_common.registry_client import CallbackTarget
from onerouter_providers.sms.twilio.client import MESSAGE_PARAM

MakeCall = Callable[[int], tuple[str, bytes, dict[str, str]]]
"""Path, body and headers of the n-th call."""

_ACCOUNT: Final = "AC" + "0" * 32
_AUTH_TOKEN: Final = token_hex(16)
_SENDGRID_KEY: Final = ec.generate_private_key(ec.SECP256R1())


@dataclass
class Connections(KnownConnection):
    """The tenant's, and what the registry says of each."""

    targets: dict[str, CallbackTarget] = field(default_factory=dict)
    """By token."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.targets[self.token] = self.target

    def connect(
        self, category: Any, provider: str, values: dict[str, str], public: dict[str, str] | None = None
    ) -> tuple[str, CallbackTarget]:
        token, target = super().connect(category, provider, values, public)
        self.targets[token] = target
        return token, target


def nothing(_: int) -> tuple[str, bytes, dict[str, str]]:
    """A route that does nothing, for what the machine and the server take by themselves."""
    return "/livez", b"", {}


def razorpay(connection: Connections) -> MakeCall:
    """One payment that was captured."""

    def make(_: int) -> tuple[str, bytes, dict[str, str]]:
        body = razorpay_body()
        signature = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
        return (
            f"/callbacks/razorpay/{connection.token}",
            body,
            {"X-Razorpay-Signature": signature, "X-Razorpay-Event-Id": token_hex(8)},
        )

    return make


def twilio(connection: Connections) -> MakeCall:
    """One SMS that arrived, by a form whose address is signed with it."""
    token, _ = connection.connect("sms", "twilio", {"auth_token": _AUTH_TOKEN}, {"account_sid": _ACCOUNT})

    def make(_: int) -> tuple[str, bytes, dict[str, str]]:
        sid = "SM" + token_hex(16)
        form = {
            "ApiVersion": "2010-04-01",
            "MessageSid": sid,
            "SmsSid": sid,
            "SmsStatus": "delivered",
            "MessageStatus": "delivered",
            "AccountSid": _ACCOUNT,
            "From": "+15005550006",
            "To": "+14155550100",
            "RawDlrDoneDate": "2611211646",
        }
        path = f"/callbacks/twilio/{token}?{urlencode({MESSAGE_PARAM: new_id(SMS)})}"
        signed = BASE_URL + path + "".join(name + form[name] for name in sorted(form))
        signature = base64.b64encode(hmac.new(_AUTH_TOKEN.encode(), signed.encode(), hashlib.sha1).digest()).decode()
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return path, urlencode(form).encode(), headers

    return make


def sendgrid(connection: Connections, size: int) -> MakeCall:
    """A batch of so many events."""
    der = _SENDGRID_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    public = {"webhook_public_key": base64.b64encode(der).decode()}
    token, _ = connection.connect("email", "sendgrid", {}, public)
    prefix = "X-Twilio-Email-Event-Webhook"

    def make(_: int) -> tuple[str, bytes, dict[str, str]]:
        body = json.dumps([delivered(number) for number in range(size)]).encode()
        at = str(int(time.time()))
        signature = base64.b64encode(_SENDGRID_KEY.sign(at.encode() + body, ec.ECDSA(SHA256()))).decode()
        return f"/callbacks/sendgrid/{token}", body, {f"{prefix}-Timestamp": at, f"{prefix}-Signature": signature}

    return make
