"""Rows of `batches` as values. Pure."""

from collections.abc import Mapping
from typing import Any

from onerouter_common.contracts.messages import Rejected
from onerouter_messaging.batch.state import Batch


def batch_of(row: Mapping[str, Any]) -> Batch:
    return Batch(
        id=row["id"],
        channel=row["channel"],
        tenant_id=row["tenant_id"],
        environment=row["environment"],
        total=row["total"],
        created_at=row["created_at"],
        rejected=tuple(Rejected.model_validate(one) for one in row["rejected"]),
        send_at=row["send_at"],
        canceled_at=row["canceled_at"],
        waiting=tuple(row.get("waiting") or ()),
    )
