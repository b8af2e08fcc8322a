"""What happened to resources besides attempts, kept short for timelines.

`callback`    a provider's callback was applied; `data.changed` names the events it led to
`event`       a fact was published
`resolution`  a person said what came of an operation that nobody else could tell of

Each is written in the transaction that did it, so that neither exists without the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.contracts.callbacks import Callback
from onerouter_common.money import exponent_of, is_currency
from onerouter_common.worker.handler import EventDraft

Kind = Literal["callback", "event", "resolution"]

COLUMNS: Final = (
    "id, kind, tenant_id, environment, ordering_key, resource_ids, operation_id, data, created_at"  # as in `columns`
)
# A batch of callbacks that is read again (its offsets were not committed) finds its rows: their time is the callback's.
# Arrays of arrays must be of one length in PostgreSQL, so the resources of a row travel as one text.
VALUES: Final = (
    "SELECT id, kind, tenant_id, environment, ordering_key, string_to_array(resource_ids, ' '), operation_id, data, at "
    "FROM unnest({}::text[], {}::text[], {}::text[], {}::text[], {}::text[], {}::text[], {}::text[], {}::jsonb[], "
    "{}::timestamptz[]) AS h (id, kind, tenant_id, environment, ordering_key, resource_ids, operation_id, data, at)"
)
_ADD: Final = (
    f"INSERT INTO history ({COLUMNS}) {VALUES.format(*(f'${number}' for number in range(1, 10)))} "
    "ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Entry:
    id: str
    """The callback's, the event's, or one of its own."""
    kind: Kind
    tenant_id: str
    environment: str
    ordering_key: str
    resource_ids: tuple[str, ...]
    """Of what it speaks."""
    at: datetime
    data: dict[str, JsonValue]
    operation_id: str | None = None


def of_event(
    event_id: str,
    draft: EventDraft,
    at: datetime,
    *,
    tenant_id: str,
    environment: str,
    ordering_key: str,
    operation_id: str | None,
    callback_id: str | None,
) -> Entry:
    data: dict[str, JsonValue] = {
        "type": draft.type,
        "kind": draft.kind,
        "sequence": draft.sequence,
        "status": draft.data.get("status"),
        "cost": cost_in(draft.data),
        "callback_id": callback_id,
    }
    return Entry(event_id, "event", tenant_id, environment, ordering_key, (draft.resource_id,), at, data, operation_id)


def cost_in(shown: Mapping[str, JsonValue]) -> JsonValue:
    """As operations show it: `{amount, amount_minor, currency, estimated}`. Of a message it is a number in its view, whose
    currency stands beside it; a fraction of a cent, mostly."""
    cost, currency = shown.get("cost"), shown.get("currency")
    if not isinstance(cost, int | float):
        return cost
    if not isinstance(currency, str) or not is_currency(currency):
        return None
    minor = Decimal(str(cost)).scaleb(exponent_of(currency))
    return {
        "amount": cost,
        "amount_minor": int(minor) if minor == minor.to_integral_value() else float(minor),
        "currency": currency,
        "estimated": shown.get("cost_estimated") is True,
    }


def of_callback(callback: Callback, events: Sequence[EventDraft], ordering_key: str, applied_at: datetime) -> Entry:
    changed: list[JsonValue] = [
        {"type": event.type, "resource_id": event.resource_id, "sequence": event.sequence} for event in events
    ]
    return Entry(
        callback.callback_id,
        "callback",
        callback.tenant_id,
        callback.environment,
        ordering_key,
        tuple(dict.fromkeys(event.resource_id for event in events)) or (ordering_key,),
        callback.received_at,
        {
            "provider": callback.provider,
            "provider_event_id": callback.provider_event_id,
            "provider_event_type": callback.provider_event_type,
            "occurred_at": isoformat(callback.occurred_at),
            "applied_at": isoformat(applied_at),
            "changed": changed,
        },
    )


async def add(connection: Any, entries: Sequence[Entry]) -> None:
    """Inside the caller's transaction."""
    if entries:
        await connection.execute(_ADD, *columns(entries))


def columns(entries: Sequence[Entry]) -> list[list[Any]]:
    """One list a column of `history`."""
    return [
        [entry.id for entry in entries],
        [entry.kind for entry in entries],
        [entry.tenant_id for entry in entries],
        [entry.environment for entry in entries],
        [entry.ordering_key for entry in entries],
        [" ".join(entry.resource_ids) for entry in entries],
        [entry.operation_id for entry in entries],
        [entry.data for entry in entries],
        [entry.at for entry in entries],
    ]
