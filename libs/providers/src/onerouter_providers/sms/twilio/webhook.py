"""Twilio's callbacks: HMAC-SHA1 with the account's Auth Token, in base64, in `X-Twilio-Signature`.

    form   the address as Twilio called it, then each parameter's name and value, by name; what came, empty values too
    JSON   the address only, whose `bodySHA256` must be that of the body

The address may have been signed with or without its default port. No time is signed, so nothing tells a replay: a status
is told once, by the message and the status, and never goes back. Our message id stands in the address, which is signed.
Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit, urlunsplit

import pydantic_core
from pydantic import SecretStr

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.json_text import without_nul
from onerouter_providers.message_errors import MESSAGE_CHARS
from onerouter_providers.sms.twilio.client import BODY_CHARS, MESSAGE_PARAM
from onerouter_providers.sms.twilio.errors import failure_reason
from onerouter_providers.sms.twilio.keywords import keyword_of
from onerouter_providers.sms.twilio.mapping import FAILED, READ, STATUS
from onerouter_providers.webhook import (
    ADDRESS_HEADER,
    Acknowledgement,
    CallbackUnreadable,
    ProviderEvent,
    SignatureInvalid,
    header,
    require_signature,
)

ACKNOWLEDGEMENT: Final = Acknowledgement(204)
"""What an inbound message is answered with Twilio carries out, as TwiML: anything else is an error in the tenant's debugger
(12300, https://www.twilio.com/docs/api/errors/12300)."""
SIGNATURE_HEADER: Final = "X-Twilio-Signature"
BODY_HASH: Final = "bodySHA256"
_SECRETS: Final = ("auth_token", "auth_token_secondary", "webhook_signing_key")
_PORTS: Final = {"https": 443, "http": 80}
_MOST_FIELDS: Final = 500
_RECEIVED: Final = "received"
_AT_HAND: Final = 8
"""Forms and addresses that were read and are asked about again at once: each is verified, identified and parsed."""


def verify(body: bytes, headers: Mapping[str, str], secrets: Mapping[str, SecretStr]) -> None:
    """Raises SignatureInvalid unless a live token signed it for this address and account."""
    given = header(headers, SIGNATURE_HEADER)
    address = header(headers, ADDRESS_HEADER)
    if given is None:
        raise SignatureInvalid("The callback is not signed.")
    if not address:
        raise SignatureInvalid("The address that the callback came to is not known, so it cannot be verified.")
    url = urlsplit(address)._replace(fragment="")
    said = "" if _is_json(url) else _said(_pairs(body))
    expected = [
        base64.b64encode(hmac.digest(secret.get_secret_value().encode(), (one + said).encode(), "sha1"))
        for name in _SECRETS
        if (secret := secrets.get(name)) is not None and secret.get_secret_value()
        for one in _spellings(url)
    ]
    require_signature(given, [one.decode() for one in expected])
    if _is_json(url) and not hmac.compare_digest(_body_hash(url), hashlib.sha256(body).hexdigest()):
        raise SignatureInvalid("The callback's body is not the one that was signed.")
    _require_account(body, headers, secrets)


def identify(body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:
    """Twilio numbers no events: a message has each status once."""
    fields = _fields(body, headers)
    sid, word = _sid(fields), _word(fields)
    return f"{sid}:{word}", f"message.{word}"


def parse(body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
    """None for a status that we have not met. No callback says when it happened: it is now."""
    event_id, kind = identify(body, headers)
    fields = _fields(body, headers)
    word = _word(fields)
    if word == _RECEIVED:
        return ProviderEvent(event_id, kind, datetime.now(UTC), _inbound(fields))
    if word not in STATUS:
        return None
    code = fields.get("ErrorCode") or None
    message = fields.get("ErrorMessage") or None
    return ProviderEvent(
        event_id,
        kind,
        datetime.now(UTC),
        CallbackObject(
            kind="sms",
            status=STATUS[word],
            reference=_reference(headers),
            provider_id=_sid(fields),
            error_reason=failure_reason(code) if word in FAILED else None,
            error_code=code,
            error_message=None if message is None else message[:MESSAGE_CHARS],
            facts={"event": READ} if word == READ else {},
        ),
    )


def _inbound(fields: Mapping[str, str]) -> CallbackObject:
    """A message to one of our numbers: it is about no message of ours."""
    text = fields.get("Body", "")
    keyword = keyword_of(fields.get("OptOutType"), text)
    return CallbackObject(
        kind="sms",
        status="unchanged",
        provider_id=_sid(fields),
        facts={
            "event": "inbound",
            "sender": fields.get("From", ""),
            "recipient": fields.get("To", ""),
            "body": text[:BODY_CHARS],
            **({"keyword": keyword} if keyword is not None else {}),
        },
    )


def _spellings(url: SplitResult) -> Iterable[str]:
    """The address as it may have been signed: as it is, with its default port, without it."""
    host, port = url.netloc, _PORTS.get(url.scheme)
    bare = host.removesuffix(f":{port}")
    hosts = (host, bare, f"{bare}:{port}") if port is not None and not _has_port(bare) else (host,)
    return [urlunsplit(url._replace(netloc=one)) for one in dict.fromkeys(hosts)]


def _has_port(netloc: str) -> bool:
    return netloc.rpartition(":")[2].isdigit() and not netloc.endswith("]")


def _said(pairs: Iterable[tuple[str, str]]) -> str:
    """Each name and its distinct values, by name."""
    return "".join(name + value for name, value in sorted(set(pairs)))


@lru_cache(maxsize=_AT_HAND)
def _pairs(body: bytes) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise SignatureInvalid("The callback is not the form that was signed.") from None


def _is_json(url: SplitResult) -> bool:
    return bool(_body_hash(url))


def _body_hash(url: SplitResult) -> str:
    return _parameters(url.query).get(BODY_HASH, "")


@lru_cache(maxsize=_AT_HAND)
def _parameters(query: str) -> Mapping[str, str]:
    """The first of each."""
    return {name: values[0] for name, values in parse_qs(query).items()}


def _require_account(body: bytes, headers: Mapping[str, str], secrets: Mapping[str, SecretStr]) -> None:
    """Subaccounts may share a token: the callback must be of the connection's own account."""
    pinned = secrets.get("account_sid")
    try:
        told = _fields(body, headers).get("AccountSid")
    except CallbackUnreadable:
        return
    if pinned is not None and told is not None and told != pinned.get_secret_value():
        raise SignatureInvalid("The callback is of another Twilio account.")


def _fields(body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
    if _is_json(urlsplit(header(headers, ADDRESS_HEADER) or "")):
        try:
            given = pydantic_core.from_json(without_nul(body), allow_inf_nan=False)
        except ValueError:
            raise CallbackUnreadable("The callback is not JSON.") from None
        if not isinstance(given, dict):
            raise CallbackUnreadable("The callback is not a JSON object.")
        return {name: str(value) for name, value in given.items() if isinstance(value, str | int)}
    try:
        return {name: value.replace("\0", "") for name, value in reversed(_pairs(body))}
    except SignatureInvalid:
        raise CallbackUnreadable("The callback is not a form.") from None


def _sid(fields: Mapping[str, str]) -> str:
    sid = fields.get("MessageSid") or fields.get("SmsSid")
    if not sid:
        raise CallbackUnreadable("The callback does not say which message it is about.")
    return sid


def _word(fields: Mapping[str, str]) -> str:
    word = fields.get("MessageStatus") or fields.get("SmsStatus")
    if not word:
        raise CallbackUnreadable("The callback does not say what became of the message.")
    return word


def _reference(headers: Mapping[str, str]) -> str | None:
    address = urlsplit(header(headers, ADDRESS_HEADER) or "")
    return _parameters(address.query).get(MESSAGE_PARAM)
