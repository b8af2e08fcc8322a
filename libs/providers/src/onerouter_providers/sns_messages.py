"""Messages of Amazon SNS topics as they come in by HTTP: who signed them, and for which topic.

SNS carries the events of other services (SES, S3). Anybody with an AWS account can have SNS sign messages of a topic of their
own, so that a signature alone proves nothing: the topic must be the one that the connection names.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html, read 2026-11-21.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pydantic_core
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import Certificate

from onerouter_common.json_text import without_nul
from onerouter_providers.webhook import CallbackUnreadable, Handshake, SignatureInvalid

NOTIFICATION: Final = "Notification"
CONFIRMATION: Final = "SubscriptionConfirmation"
_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""Which fields are signed, in which order; `Subject` only where there is one."""
_HASHES: Final[Mapping[str, type[hashes.SHA1] | type[hashes.SHA256]]] = {"1": hashes.SHA1, "2": hashes.SHA256}
_CERTIFICATE: Final = re.compile(r"https?://[^\s?#]+/SimpleNotificationService-[0-9a-f]{32}\.pem")
_ARN: Final = re.compile(
    r"arn:aws(-[a-z]+)*:sns:(?P<region>[a-z]{2}(-[a-z]{2,12}){1,2}-[0-9]{1,2}):[0-9]{12}:[\w-]{1,256}"
)
_OLDEST: Final = timedelta(minutes=75)
"""SNS tries for an hour."""
_NEWEST: Final = timedelta(minutes=10)


def certificate_url(body: bytes) -> str:
    """Where the message says that its certificate is; whose host that is, is for who fetches it. Raises SignatureInvalid."""
    url = _fields(body).get("SigningCertURL")
    if not isinstance(url, str) or _CERTIFICATE.fullmatch(url) is None:
        raise SignatureInvalid("The callback does not name a certificate of Amazon SNS.")
    return url


def verify(
    body: bytes, certificate: Certificate, at: datetime, *, topic_arn: str | None, versions: frozenset[str]
) -> None:
    """Raises SignatureInvalid unless the certificate's key signed this message of this topic, lately.

    `versions`: of signatures that are accepted; `1` is by SHA-1.
    """
    message = _fields(body)
    if not topic_arn:
        raise SignatureInvalid("This connection names no topic, so no callback can be verified.")
    if message.get("TopicArn") != topic_arn:
        raise SignatureInvalid("The callback is of another topic than the connection's.")
    algorithm = _HASHES.get(str(message.get("SignatureVersion")))
    if algorithm is None or message.get("SignatureVersion") not in versions:
        raise SignatureInvalid("The callback is signed with an algorithm that is not accepted.")
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise SignatureInvalid("The callback's certificate has no RSA key.")
    try:
        signature = base64.b64decode(str(message.get("Signature", "")), validate=True)
        key.verify(signature, string_to_sign(message), padding.PKCS1v15(), algorithm())
    except (binascii.Error, ValueError, InvalidSignature):
        raise SignatureInvalid("The callback's signature does not fit.") from None
    if not at - _OLDEST <= _moment(message) <= at + _NEWEST:
        raise SignatureInvalid("The callback was signed too long ago, or in the future.")


def string_to_sign(message: Mapping[str, Any]) -> bytes:
    """Raises SignatureInvalid for a message of an unknown type, or that lacks what is signed."""
    names = _SIGNED.get(str(message.get("Type")))
    if names is None:
        raise SignatureInvalid("The callback is of a type that is not known.")
    lines: list[str] = []
    for name in names:
        value = message.get(name)
        if name == "Subject" and value is None:
            continue
        if not isinstance(value, str):
            raise SignatureInvalid("The callback lacks a field that is signed.")
        lines += (name, value)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def read(body: bytes) -> Mapping[str, Any]:
    """The message, verified or not. Raises CallbackUnreadable."""
    try:
        message = pydantic_core.from_json(without_nul(body), allow_inf_nan=False)
    except ValueError:
        raise CallbackUnreadable("The callback is not JSON.") from None
    if not isinstance(message, dict):
        raise CallbackUnreadable("The callback is not a JSON object.")
    return message


def handshake(message: Mapping[str, Any]) -> Handshake | None:
    """What SNS waits for before a topic calls us; None for any other message.

    Raises CallbackUnreadable where it is not to be confirmed at SNS's own address: AWS asks in no other way, and whoever
    makes up such a message wants something else of us.
    """
    if message.get("Type") != CONFIRMATION:
        return None
    topic, token, url = (message.get(name) for name in ("TopicArn", "Token", "SubscribeURL"))
    if not (isinstance(topic, str) and isinstance(token, str) and token and isinstance(url, str)):
        raise CallbackUnreadable("The callback asks to be confirmed, and does not say how.")
    if not _confirms(url, topic):
        raise CallbackUnreadable("The callback asks to be confirmed elsewhere than at Amazon SNS.")
    return Handshake(topic, token)


def _confirms(url: str, topic: str) -> bool:
    """Whether the address is SNS's own, of the topic's region, and confirms this topic and nothing else."""
    arn = _ARN.fullmatch(topic)
    if arn is None or not url.isascii() or not url.isprintable() or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query, strict_parsing=True)
    except ValueError:
        return False
    host = f"sns.{arn['region']}.amazonaws.com"
    return (
        parts.scheme == "https"
        and parts.netloc in (host, f"{host}.cn")
        and parts.path in ("", "/")
        and not parts.fragment
        and query.get("Action") == ["ConfirmSubscription"]
        and query.get("TopicArn") == [topic]
        and query.keys() <= {"Action", "TopicArn", "Token", "Version"}
    )


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        return read(body)
    except CallbackUnreadable:
        raise SignatureInvalid("The callback is not signed.") from None


def _moment(message: Mapping[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(str(message.get("Timestamp")))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise SignatureInvalid("The callback does not say when it was signed.")
    return moment
