"""What a provider says, as answer or callback, in the one form that the rules take. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from onerouter_common.contracts.callbacks import Callback
from onerouter_common.errors import InvalidRequest, OneRouterError, ProviderError
from onerouter_messaging.message.change import Told
from onerouter_messaging.message.state import ENGAGEMENTS, Cost, Reason
from onerouter_providers.messages import MessageSnapshot

_EVENTS: Final = ENGAGEMENTS | {"suppressed"}
_DETAIL: Final = ("url", "is_machine", "keyword")
_USUAL_CURRENCY: Final = "USD"
_REASONS: Final[Mapping[str, Reason]] = {"bounce": "bounce", "complaint": "complaint"}


def of_snapshot(told: MessageSnapshot, at: datetime) -> Told:
    """`at` is when it was told, for an answer that does not say of when it is."""
    return Told(
        status=told.status,
        as_of=told.as_of or at,
        provider_message_id=told.provider_message_id or None,
        recipient=_text(told.facts.get("recipient")),
        reason=told.error_reason,
        message=told.error_message,
        code=told.error_code,
        bounce_type=_text(told.facts.get("bounce_type")),
        smtp_status=_text(told.facts.get("smtp_status")),
        # What was done with it is counted by callbacks: an answer only says that it was, again each time.
        event="suppressed" if told.facts.get("event") == "suppressed" else None,
        suppressed_for=_suppressed_for(told.facts),
        segments=told.segments,
        cost=None if told.cost is None else Cost(told.cost, told.cost_currency or _USUAL_CURRENCY),
        is_tracked=told.is_tracked,
    )


def of_callback(callback: Callback) -> Told:
    told, facts = callback.object, callback.object.facts
    event = _text(facts.get("event"))
    return Told(
        status=told.status,
        as_of=callback.occurred_at,
        provider_message_id=told.provider_id,
        recipient=_text(facts.get("recipient")),
        reason=told.error_reason,
        message=told.error_message,
        code=told.error_code,
        bounce_type=_text(facts.get("bounce_type")),
        smtp_status=_text(facts.get("smtp_status")),
        event=event if event in _EVENTS else None,
        suppressed_for=_suppressed_for(facts),
        event_id=f"{callback.connection_id} {callback.provider_event_id}",
        detail={name: facts[name] for name in _DETAIL if facts.get(name) is not None},
    )


def of_error(error: OneRouterError, at: datetime) -> Told:
    """A message that was surely not sent, and why."""
    code, provider_code = "invalid_request", None
    if isinstance(error, ProviderError):
        code, provider_code = error.reason, error.provider_code
    elif not isinstance(error, InvalidRequest):
        code = error.error_code.lower()
    event = "suppressed" if code == "suppressed" else None
    return Told(status="failed", as_of=at, reason=code, message=error.detail, code=provider_code, event=event)


def _suppressed_for(facts: Mapping[str, JsonValue]) -> Reason | None:
    """None also for a word that we have not met."""
    return _REASONS.get(_text(facts.get("suppressed_for")) or "")


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and value else None
