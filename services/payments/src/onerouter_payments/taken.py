"""What is known already of a provider's id."""

from typing import Any, Final

from onerouter_common.db.engine import Pool

_TAKEN: Final = """
SELECT id FROM payments WHERE connection_id = $1 AND (provider_order_id = $2 OR provider_payment_id = $2) AND id <> $3
UNION ALL SELECT id FROM refunds WHERE connection_id = $1 AND provider_refund_id = $2 AND id <> $4
UNION ALL SELECT id FROM resources WHERE connection_id = $1 AND provider_id = $2 AND id <> $4
LIMIT 1
"""


async def taken_by(pool: Pool, operation: Any, provider_id: str) -> str | None:
    """As `onerouter_common.operations.stuck.TakenBy`."""
    found = await pool.fetchval(
        _TAKEN, operation["connection_id"], provider_id, operation["ordering_key"], operation["resource_id"]
    )
    return None if found is None else str(found)
