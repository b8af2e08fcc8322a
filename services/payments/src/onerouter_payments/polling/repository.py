"""Which payments and refunds are due to be asked about."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from onerouter_payments.polling.schedule import WAITS_S

# Claiming is moving on to the next date: a process that dies after it costs one poll. Past the last wait it is asked
# about once more, and again should the process die before that is concluded (`stop_asking`).
_CLAIM_PAYMENTS: Final = """
UPDATE payments SET polls = payments.polls + 1,
    poll_at = $1 + make_interval(secs => COALESCE(($2::float8[])[payments.polls + 1], $4))
FROM (SELECT id FROM payments WHERE poll_at <= $1 ORDER BY poll_at LIMIT $3 FOR UPDATE SKIP LOCKED) due
WHERE payments.id = due.id
RETURNING payments.id AS payment_id, NULL::text AS refund_id, payments.polls > cardinality($2::float8[]) AS is_last
"""
_CLAIM_REFUNDS: Final = """
UPDATE refunds SET polls = refunds.polls + 1,
    poll_at = $1 + make_interval(secs => COALESCE(($2::float8[])[refunds.polls + 1], $4))
FROM (SELECT id FROM refunds WHERE poll_at <= $1 ORDER BY poll_at LIMIT $3 FOR UPDATE SKIP LOCKED) due
WHERE refunds.id = due.id
RETURNING refunds.payment_id, refunds.id AS refund_id, refunds.polls > cardinality($2::float8[]) AS is_last
"""
# Not when something was told of it meanwhile: then the asking has begun anew.
_STOP: Final = {
    "payment": "UPDATE payments SET poll_at = NULL WHERE id = $1 AND poll_at IS NOT NULL AND polls > $2 RETURNING status",
    "refund": "UPDATE refunds SET poll_at = NULL WHERE id = $1 AND poll_at IS NOT NULL AND polls > $2 RETURNING status",
}
CONCLUDED_WITHIN_S: Final = 600.0
"""A last poll that was not concluded within this is made again."""


@dataclass(frozen=True, slots=True)
class Due:
    """One resource to ask about."""

    payment_id: str
    refund_id: str | None
    """None: the payment itself."""
    is_last: bool
    """There will be no further poll."""

    @property
    def id(self) -> str:
        return self.refund_id or self.payment_id

    @property
    def kind(self) -> Literal["payment", "refund"]:
        return "payment" if self.refund_id is None else "refund"


async def claim(connection: Any, now: datetime, limit: int) -> list[Due]:
    """Take what is due, oldest first, and set each one's next date. No two processes get the same."""
    rows = [
        *await connection.fetch(_CLAIM_REFUNDS, now, WAITS_S, limit, CONCLUDED_WITHIN_S),
        *await connection.fetch(_CLAIM_PAYMENTS, now, WAITS_S, limit, CONCLUDED_WITHIN_S),
    ]
    return [Due(row["payment_id"], row["refund_id"], row["is_last"]) for row in rows]


async def stop_asking(connection: Any, due: Due) -> str | None:
    """There will be no further poll: the status it stays in. None: somebody else has stopped, or it goes on."""
    status: str | None = await connection.fetchval(_STOP[due.kind], due.id, len(WAITS_S))
    return status
