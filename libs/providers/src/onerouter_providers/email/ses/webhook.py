"""SES's callbacks: events of a configuration set, published to an SNS topic that posts them to us.

SNS signs each message with a certificate of its own (`sns_messages.py`). Before a topic posts anything else it asks to be
confirmed: `handshake` says how.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import pydantic_core
from cryptography.x509 import Certificate
from pydantic import SecretStr

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.json_text import without_nul
from onerouter_providers import sns_messages
from onerouter_providers.email.composing import REFERENCE, our_id
from onerouter_providers.email.ses.mapping import Event, Told, kind_of, moment_of, told_by
from onerouter_providers.webhook import CallbackUnreadable, Handshake, ProviderEvent

_ANY_VERSION: Final = frozenset({"1", "2"})
_ONLY_SHA256: Final = frozenset({"2"})


def certificate_url(headers: Mapping[str, str], body: bytes) -> str:  # noqa: ARG001 - all of it is in the body
    return sns_messages.certificate_url(body)


def verify(
    body: bytes,
    headers: Mapping[str, str],  # noqa: ARG001
    secrets: Mapping[str, SecretStr],
    certificate: Certificate,
    at: datetime,
) -> None:
    """Raises SignatureInvalid unless SNS signed it, for the connection's topic, lately."""
    sns_messages.verify(
        body,
        certificate,
        at,
        topic_arn=_given(secrets, "sns_topic_arn"),
        versions=_ONLY_SHA256 if _given(secrets, "sns_signature_version") == "2" else _ANY_VERSION,
    )


def handshake(body: bytes, headers: Mapping[str, str]) -> Handshake | None:  # noqa: ARG001
    return sns_messages.handshake(sns_messages.read(body))


def identify(body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:  # noqa: ARG001
    """SNS's message id, which redeliveries keep, and the event's name; of other messages SNS's name of them."""
    message = sns_messages.read(body)
    kind = _required(message, "Type")
    if kind == sns_messages.NOTIFICATION:
        kind = kind_of(_event(message)) or kind
    return _required(message, "MessageId"), kind


def parse(body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
    """Of an event about one recipient. Raises CallbackUnreadable for any other."""
    events = parse_all(body, headers)
    if len(events) > 1:
        raise CallbackUnreadable("The callback speaks of several recipients.")
    return events[0] if events else None


def parse_all(body: bytes, headers: Mapping[str, str]) -> tuple[ProviderEvent, ...]:  # noqa: ARG001
    """One event for each recipient; none for a kind that we do not follow. Raises CallbackUnreadable."""
    message = sns_messages.read(body)
    if _required(message, "Type") != sns_messages.NOTIFICATION:
        return ()
    event = _event(message)
    told = told_by(event)
    if not told:
        return ()
    at = moment_of(event)
    if at is None:
        raise CallbackUnreadable("The callback does not say when it happened.")
    message_id, kind, mail = _required(message, "MessageId"), kind_of(event) or "", _mail(event)
    # The body stays the same in each redelivery, so a place in it is as good as an id.
    return tuple(
        ProviderEvent(message_id if place == 0 else f"{message_id}:{place}", kind, at, _object(mail, each))
        for place, each in enumerate(told)
    )


def _object(mail: Event, told: Told) -> CallbackObject:
    return CallbackObject(
        kind="email",
        status=told.status,
        reference=_reference(mail),
        provider_id=_required(mail, "messageId"),
        facts=told.facts,
        error_reason=told.error_reason,
        error_code=told.error_code,
        error_message=told.error_message,
    )


def _reference(mail: Event) -> str | None:
    tags = mail.get("tags")
    values = tags.get(REFERENCE) if isinstance(tags, dict) else None
    return our_id(values[0]) if isinstance(values, list) and len(values) == 1 else None


def _event(message: Mapping[str, Any]) -> Event:
    """SES's event: JSON in a text of SNS's JSON. What is none (a topic's test message) is an event of no kind."""
    try:
        event = pydantic_core.from_json(without_nul(_required(message, "Message").encode()), allow_inf_nan=False)
    except (ValueError, UnicodeEncodeError):
        return {}
    return event if isinstance(event, dict) else {}


def _mail(event: Event) -> Event:
    mail = event.get("mail")
    if not isinstance(mail, dict):
        raise CallbackUnreadable("The callback does not say which message it is about.")
    return mail


def _given(secrets: Mapping[str, SecretStr], name: str) -> str | None:
    secret = secrets.get(name)
    return None if secret is None else secret.get_secret_value() or None


def _required(thing: Mapping[str, Any], name: str) -> str:
    value = thing.get(name)
    if not isinstance(value, str) or not value:
        raise CallbackUnreadable(f"The callback does not say its {name}.")
    return value
