"""What a verified body says, in our words: nothing here may refuse it, for it is the provider's own."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import structlog
from pydantic import ValidationError

from onerouter_common.contracts.base import Category, Environment
from onerouter_common.contracts.callbacks import Callback
from onerouter_common.ids import CALLBACK, new_id
from onerouter_providers.webhook import (
    CallbackUnreadable,
    Handshake,
    ProviderEvent,
    WebhookModule,
    asks_first,
    counts,
    reads_several,
)
from onerouter_webhooks.callback.model import InboundRecord, Source, State

log = structlog.get_logger()

_TEXT_LIMIT: Final = 255


@dataclass(frozen=True, slots=True)
class Reading:
    """What the callback is known by, what became of it, and what it tells."""

    dedupe_key: str
    kind: str
    state: State
    records: tuple[InboundRecord, ...] = ()
    handshake: Handshake | None = None


def read(module: WebhookModule, source: Source, body: bytes, headers: Mapping[str, str]) -> Reading:
    """The callback, once for all it tells: what cannot be mapped does not lose the rest."""
    dedupe_key, kind = _identify(module, body, headers)
    try:
        handshake = module.handshake(body, headers) if asks_first(module) else None
        if handshake is not None:
            return Reading(dedupe_key, kind, "handshake", handshake=handshake)
        events = _events(module, body, headers)
        told = max(len(events), module.count(body, headers) if counts(module) else 0)
    except CallbackUnreadable as error:
        log.warning("callback.unparsed", provider=source.provider, kind=kind, callback_id=source.id, error=error.detail)
        return Reading(dedupe_key, kind, "unparsed")
    except Exception as error:
        # A mapping that trips over a body it did not expect must not make the provider disable our address.
        # Only its class is logged: the text of an exception may quote the body.
        name = type(error).__name__
        log.warning("callback.mapping.failed", provider=source.provider, kind=kind, callback_id=source.id, error=name)
        return Reading(dedupe_key, kind, "unparsed")
    records = tuple(record for event in events if (record := _record(source, event)) is not None)
    return Reading(dedupe_key, kind, _state(told, len(events), len(records)), records)


def resource_key(callback: Callback) -> str:
    """What orders a resource's callbacks: our own id where the provider carries it, else the provider's order."""
    about = callback.object
    ids = (about.reference, about.order_id, about.payment_id, about.refund_id, about.provider_id)
    return next((id_ for id_ in ids if id_), callback.callback_id)


def _events(module: WebhookModule, body: bytes, headers: Mapping[str, str]) -> tuple[ProviderEvent, ...]:
    if reads_several(module):
        return module.parse_all(body, headers)
    event = module.parse(body, headers)
    return () if event is None else (event,)


def _state(told: int, followed: int, recorded: int) -> State:
    if recorded:
        return "read" if recorded == told else "partial"
    return "unparsed" if followed else "unhandled"


def _record(source: Source, event: ProviderEvent) -> InboundRecord | None:
    """None, and logged, for an event that our own contract has no room for."""
    try:
        callback = Callback(
            callback_id=new_id(CALLBACK),
            provider=source.provider,
            provider_event_id=event.id,
            provider_event_type=event.type,
            connection_id=source.connection_id,
            tenant_id=source.tenant_id,
            environment=cast(Environment, source.environment),
            category=cast(Category, source.category),
            occurred_at=event.occurred_at,
            received_at=source.received_at,
            object=event.object,
        )
        return InboundRecord(
            callback.callback_id, storable(event.id), storable(resource_key(callback)), callback.to_bytes()
        )
    except (ValidationError, ValueError) as error:
        name = type(error).__name__
        log.warning("callback.event.unmapped", provider=source.provider, callback_id=source.id, error=name)
        return None


def _identify(module: WebhookModule, body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:
    try:
        event_id, kind = module.identify(body, headers)
    except Exception:
        # The same bytes are the same callback, whatever they say.
        return f"sha256:{hashlib.sha256(body).hexdigest()}", "unknown"
    return storable(event_id), storable(kind)


def storable(text: str) -> str:
    """PostgreSQL's text holds neither NUL nor lone surrogates; a longer one is not an id but somebody's experiment."""
    clean = clean_text(text)
    return clean if len(clean) <= _TEXT_LIMIT else f"sha256:{hashlib.sha256(clean.encode()).hexdigest()}"


def clean_text(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()
