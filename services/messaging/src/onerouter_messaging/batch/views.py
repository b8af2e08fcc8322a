"""A batch as the public API shows it. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_messaging.batch.state import Batch, BatchStatus
from onerouter_messaging.message.recipients import FINAL

View = dict[str, JsonValue]

REJECTED: Final = "rejected"


def batch_view(batch: Batch, counts: Mapping[str, int], *, still_moving: int) -> View:
    """`counts`: status → messages in it. `still_moving`: those of which more is to come (a word that comes after all still
    counts)."""
    rejected: list[JsonValue] = [{"index": one.index, "to": one.to, "message": one.message} for one in batch.rejected]
    counted = {**dict(sorted(counts.items())), **({REJECTED: len(rejected)} if rejected else {})}
    return {
        "id": batch.id,
        "object": f"{batch.channel}_batch",
        "status": _status(batch, still_moving),
        "total": batch.total,
        "counts": dict(counted),
        "rejected": rejected,
        "send_at": _moment(batch.send_at),
        "canceled_at": _moment(batch.canceled_at),
        "created_at": isoformat(batch.created_at),
        "created": int(batch.created_at.timestamp()),
        "environment": batch.environment,
    }


def made_view(batch: Batch) -> View:
    """The answer to its creation: also which message each item became."""
    counts: dict[str, int] = {}
    for item in batch.items:
        counts[item.message.status] = counts.get(item.message.status, 0) + 1
    messages: list[JsonValue] = [
        {
            "index": item.index,
            "id": item.message.id,
            "to": item.message.recipients[0].address,
            "status": item.message.status,
        }
        for item in batch.items
    ]
    moving = sum(number for status, number in counts.items() if status not in FINAL)
    return {**batch_view(batch, counts, still_moving=moving), "messages": messages}


def _status(batch: Batch, still_moving: int) -> BatchStatus:
    if batch.canceled_at is not None:
        return "canceled"
    return "processing" if still_moving else "completed"


def _moment(value: datetime | None) -> str | None:
    return None if value is None else isoformat(value)
