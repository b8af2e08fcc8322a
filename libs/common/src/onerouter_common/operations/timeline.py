"""What happened to one operation and to what it made, in order of time. Pure.

Five sources: the operation's row (accepted, scheduled, routed, finished), its attempts, the callbacks that were applied to
its resource, the events that were published of it, and what an operator decided. The first is one row; the others are
read a page at a time, each from where the page before ended.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.contracts.replies import FINAL_STATES
from onerouter_common.operations.views import attempt_view, effect_of

Row = Mapping[str, Any]
View = dict[str, JsonValue]

# At one moment things come in this order: what decides stands before what follows from it.
ACCEPTED: Final = "0"
SCHEDULED: Final = "1"
ROUTED: Final = "2"
ATTEMPT: Final = "3"
HISTORY: Final = "4"
FINISHED: Final = "9"

_CALLS: Final = {"call": "Call", "repeat": "Repeat under the same key", "lookup": "Look-up"}


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where an entry stands: its time, and among those of one time its place."""

    at: datetime
    place: str


@dataclass(frozen=True, slots=True)
class Entry:
    position: Position
    kind: str
    detail: str
    """A sentence for people."""
    data: View

    @property
    def view(self) -> View:
        return {"at": isoformat(self.position.at), "kind": self.kind, "detail": self.detail, "data": self.data}


def entries_of(
    operation: Row, attempts: Sequence[Row], history: Sequence[Row], *, after: Position | None = None
) -> list[Entry]:
    """In order, those behind `after`. `attempts` and `history` are of this operation; the rows may be a page of them."""
    found = [
        *_of_operation(operation),
        *(_attempt(row) for row in attempts),
        *(_line(row) for row in history),
    ]
    return sorted(
        (entry for entry in found if after is None or entry.position > after), key=lambda entry: entry.position
    )


def _of_operation(row: Row) -> Iterator[Entry]:
    name = row["operation"]
    asked: View = {"operation": name, "resource_id": row["resource_id"], "api_key_id": row["api_key_id"]}
    yield Entry(Position(row["accepted_at"], ACCEPTED), "accepted", f"{name} was accepted.", asked)
    if row["not_before"] is not None:
        until = isoformat(row["not_before"])
        yield Entry(Position(row["accepted_at"], SCHEDULED), "scheduled", f"It waits until {until}.", {"until": until})
    if row["routing"] is not None:
        yield _routed(row)
    if row["state"] in FINAL_STATES and row["finished_at"] is not None:
        yield _finished(row)


def _routed(row: Row) -> Entry:
    """When it was decided is not written down: just before the first call over the connection that was taken, else when it
    was refused."""
    routing = dict(row["routing"])
    at = row["routed_at"] or row["finished_at"] or row["updated_at"]
    return Entry(Position(at, ROUTED), "routed", str(routing.get("reason")), routing)


def _finished(row: Row) -> Entry:
    problem = row["problem"]
    data: View = {
        "status": row["state"],
        "effect": effect_of(row["state"], problem),
        "code": None if problem is None else problem["code"],
        "provider_code": None if problem is None else problem.get("provider_code"),
    }
    why = f": {problem['detail']}" if problem is not None else "."
    return Entry(Position(row["finished_at"], FINISHED), "finished", f"The operation {row['state']}{why}", data)


def _attempt(row: Row) -> Entry:
    came_to = _outcome(row)
    detail = f"{_CALLS[row['kind']]} {row['number']} to {row['provider']} {came_to}"
    return Entry(Position(row["created_at"], ATTEMPT + row["id"]), "attempt", detail, attempt_view(row))


def _outcome(row: Row) -> str:
    if row["outcome"] is None:
        return "is under way, or ended with the process that made it."
    after = "" if row["duration_ms"] is None else f" after {row['duration_ms']:.0f} ms"
    why = f" ({row['reason']})" if row["reason"] else ""
    return f"came back {row['outcome']}{why}{after}."


def _line(row: Row) -> Entry:
    read = {"callback": _callback, "event": _event, "resolution": _resolution}[row["kind"]]
    detail, data = read(row)
    return Entry(Position(row["created_at"], HISTORY + row["id"]), row["kind"], detail, data)


def _callback(row: Row) -> tuple[str, View]:
    told = row["data"]
    led_to = ", ".join(event["type"] for event in told["changed"]) or "nothing new"
    data: View = {"callback_id": row["id"], "received_at": isoformat(row["created_at"]), **told}
    return f"{told['provider']} told {told['provider_event_type']}: {led_to}.", data


def _event(row: Row) -> tuple[str, View]:
    told = row["data"]
    source = "operation" if row["operation_id"] else ("callback" if told["callback_id"] else "poll")
    data: View = {
        "event_id": row["id"],
        "type": told["type"],
        "resource": {"kind": told["kind"], "id": row["resource_ids"][0]},
        "sequence": told["sequence"],
        "status": told["status"],
        "cost": told["cost"],
        "source": source,
        "operation_id": row["operation_id"],
        "callback_id": told["callback_id"],
    }
    return f"{told['type']} was published, number {told['sequence']} of this {told['kind']}.", data


def _resolution(row: Row) -> tuple[str, View]:
    told = row["data"]
    data: View = {name: told[name] for name in ("outcome", "reason", "provider_id", "verified")}
    return f"An operator decided that it {told['outcome']}: {told['reason']}", data
