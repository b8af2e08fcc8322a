"""What a verified body says, in our words: nothing here may refuse it, for it is the provider's own."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

import structlog

from onerouter_common.contracts.base import Category, Environment
from onerouter_common.contracts.callbacks import Callback
from onerouter_providers.webhook import CallbackUnreadable, WebhookModule
from onerouter_webhooks.callback.repository import InboundEvent, State

log = structlog.get_logger()

_TEXT_LIMIT: Final = 255
_HEADERS_LIMIT: Final = 8 * 1024
_NOT_STORED: Final = frozenset({"authorization", "cookie", "host", "connection", "proxy-authorization"})


@dataclass(frozen=True, slots=True)
class Source:
    """Whose callback it is; taken from the registry, never from the body."""

    id: str
    """Ours for this callback: the worker drops a second copy by it."""
    tenant_id: str
    environment: str
    connection_id: str
    provider: str
    category: str
    received_at: datetime


def read(module: WebhookModule, source: Source, body: bytes, headers: Mapping[str, str]) -> InboundEvent:
    """The callback as it is stored: `pending` when it becomes a record for the worker, else why it does not."""
    dedupe_key, kind = _identify(module, body, headers)
    state: State = "unparsed"
    callback: Callback | None = None
    try:
        event = module.parse(body, headers)
    except CallbackUnreadable as error:
        log.warning("callback.unparsed", provider=source.provider, kind=kind, callback_id=source.id, error=error.detail)
    except Exception as error:
        # A mapping that trips over a body it did not expect must not make the provider disable our address.
        # Only its class is logged: the text of an exception may quote the body.
        name = type(error).__name__
        log.warning("callback.mapping.failed", provider=source.provider, kind=kind, callback_id=source.id, error=name)
    else:
        state = "unhandled" if event is None else "pending"
        if event is not None:
            callback = Callback(
                callback_id=source.id,
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
    return InboundEvent(
        id=source.id,
        tenant_id=source.tenant_id,
        environment=source.environment,
        connection_id=source.connection_id,
        provider=source.provider,
        category=source.category,
        dedupe_key=dedupe_key,
        kind=kind,
        state=state,
        headers=_headers_to_store(headers),
        raw=body,
        received_at=source.received_at,
        resource_key=_storable(resource_key(callback)) if callback is not None else None,
        callback=callback.to_bytes() if callback is not None else None,
    )


def resource_key(callback: Callback) -> str:
    """What orders a resource's callbacks: our own id where the provider carries it, else the provider's order."""
    about = callback.object
    ids = (about.reference, about.order_id, about.payment_id, about.refund_id, about.provider_id)
    return next((id_ for id_ in ids if id_), callback.callback_id)


def _identify(module: WebhookModule, body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:
    try:
        event_id, kind = module.identify(body, headers)
    except CallbackUnreadable:
        # The same bytes are the same callback, whatever they say.
        return f"sha256:{hashlib.sha256(body).hexdigest()}", "unknown"
    return _storable(event_id), _storable(kind)


def _storable(text: str) -> str:
    """PostgreSQL's text holds neither NUL nor lone surrogates; a longer one is not an id but somebody's experiment."""
    clean = _clean(text)
    return clean if len(clean) <= _TEXT_LIMIT else f"sha256:{hashlib.sha256(clean.encode()).hexdigest()}"


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _headers_to_store(headers: Mapping[str, str]) -> dict[str, str]:
    """What a later replay may need, bounded."""
    kept: dict[str, str] = {}
    size = 0
    for name, value in headers.items():
        size += len(name) + len(value)
        if name.lower() not in _NOT_STORED and size <= _HEADERS_LIMIT:
            kept[name.lower()] = _clean(value)
    return kept
