"""Which payments and refunds are due to be asked about."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from onerouter_payments.polling.schedule import WAITS_S

# Claiming is moving on to the next date: a process that dies after it costs one poll. Past the last wait the date is
# NULL and the resource is not asked about any more.
_CLAIM_PAYMENTS: Final = """
UPDATE payments SET poll_at = $1 + make_interval(secs => ($2::float8[])[payments.polls + 1]), polls = payments.polls + 1
FROM (SELECT id FROM payments WHERE poll_at <= $1 ORDER BY poll_at LIMIT $3 FOR UPDATE SKIP LOCKED) due
WHERE payments.id = due.id
RETURNING payments.id AS payment_id, NULL::text AS refund_id, payments.poll_at IS NULL AS is_last
"""
_CLAIM_REFUNDS: Final = """
UPDATE refunds SET poll_at = $1 + make_interval(secs => ($2::float8[])[refunds.polls + 1]), polls = refunds.polls + 1
FROM (SELECT id FROM refunds WHERE poll_at <= $1 ORDER BY poll_at LIMIT $3 FOR UPDATE SKIP LOCKED) due
WHERE refunds.id = due.id
RETURNING refunds.payment_id, refunds.id AS refund_id, refunds.poll_at IS NULL AS is_last
"""


@dataclass(frozen=True, slots=True)
class Due:
    """One resource to ask about."""

    payment_id: str
    refund_id: str | None
    """None: the payment itself."""
    is_last: bool
    """There will be no further poll."""

    @property
    def kind(self) -> Literal["payment", "refund"]:
        return "payment" if self.refund_id is None else "refund"


async def claim(connection: Any, now: datetime, limit: int) -> list[Due]:
    """Take what is due, oldest first, and set each one's next date. No two processes get the same."""
    rows = [
        *await connection.fetch(_CLAIM_REFUNDS, now, WAITS_S, limit),
        *await connection.fetch(_CLAIM_PAYMENTS, now, WAITS_S, limit),
    ]
    return [Due(row["payment_id"], row["refund_id"], row["is_last"]) for row in rows]
