"""The worker's SQL on resources: whole batches, all tenants, inside the heart's transactions."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from onerouter_common.contracts.callbacks import Callback
from onerouter_payments.resource.rows import COLUMNS, resource_of, resource_row
from onerouter_payments.resource.state import Resource

_NEVER_CHANGE: Final = {"id", "kind", "tenant_id", "environment", "created_at"}
_CHANGES: Final = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in _NEVER_CHANGE)
_VALUES: Final = ", ".join(f"${number}" for number in range(1, len(COLUMNS) + 1))
# The condition decides between two writers: `begin` saves what it read without a lock, and must not undo what a callback
# has stored in between.
_SAVE: Final = (
    f"INSERT INTO resources ({', '.join(COLUMNS)}) VALUES ({_VALUES}) "  # noqa: S608 - made of constants
    f"ON CONFLICT (id) DO UPDATE SET {_CHANGES} "
    "WHERE excluded.revision > resources.revision AND excluded.tenant_id = resources.tenant_id"
)
_LOAD: Final = f"SELECT {', '.join(COLUMNS)} FROM resources WHERE id = ANY($1::text[]) ORDER BY id"  # noqa: S608

# Bound to the connection that was called back, so that no account can speak of another's.
_FIND_KEYS: Final = """
WITH told AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
        AS told (callback_id, connection_id, kind, reference, provider_id)
)
SELECT DISTINCT ON (callback_id) callback_id, key FROM (
    SELECT callback_id, 1 AS priority, r.id AS key
        FROM told JOIN resources r ON r.id = told.reference AND r.connection_id = told.connection_id AND r.kind = told.kind
    UNION ALL
    SELECT callback_id, 2, r.id
        FROM told JOIN resources r
            ON r.provider_id = told.provider_id AND r.connection_id = told.connection_id AND r.kind = told.kind
) found ORDER BY callback_id, priority, key DESC
"""

# Facts are stored as [weight, as of, value].
_FIND_LINKS: Final = """
WITH told AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        AS told (callback_id, connection_id, order_id, payment_id)
)
SELECT callback_id, r.id AS key FROM told JOIN resources r
    ON r.connection_id = told.connection_id AND r.kind = 'payment_link'
        AND (r.facts -> 'provider_order_id' ->> 2) = told.order_id
UNION ALL
SELECT callback_id, r.id FROM told JOIN resources r
    ON r.connection_id = told.connection_id AND r.kind = 'payment_link'
        AND (r.facts -> 'provider_payment_id' ->> 2) = told.payment_id
"""


class ResourceStore:
    """The heart's store: resources by their id."""

    async def load(self, connection: Any, keys: Sequence[str], *, lock: bool) -> dict[str, Resource]:
        rows = await connection.fetch(_LOAD + (" FOR UPDATE" if lock else ""), list(keys))
        return {row["id"]: resource_of(row) for row in rows}

    async def save(self, connection: Any, resources: Sequence[Resource]) -> None:
        """Stores what was changed since it was loaded; in key order, so that two batches cannot wait for each other."""
        changed = [resource for resource in resources if resource.revision > resource.stored_revision]
        if changed:
            rows = [resource_row(resource) for resource in sorted(changed, key=lambda resource: resource.id)]
            await connection.executemany(_SAVE, rows)


async def find_keys(connection: Any, callbacks: Sequence[Callback]) -> Mapping[str, str]:
    """callback_id → resource id, by our own reference or the provider's id. Missing: not known (yet)."""
    rows = await connection.fetch(
        _FIND_KEYS,
        [callback.callback_id for callback in callbacks],
        [callback.connection_id for callback in callbacks],
        [callback.object.kind for callback in callbacks],
        [callback.object.reference for callback in callbacks],
        [callback.object.provider_id for callback in callbacks],
    )
    return {row["callback_id"]: row["key"] for row in rows}


async def find_links(connection: Any, callbacks: Sequence[Callback]) -> Mapping[str, str]:
    """callback_id → payment link, of callbacks about the payments that links bring about."""
    rows = await connection.fetch(
        _FIND_LINKS,
        [callback.callback_id for callback in callbacks],
        [callback.connection_id for callback in callbacks],
        [callback.object.order_id for callback in callbacks],
        [callback.object.payment_id for callback in callbacks],
    )
    return {row["callback_id"]: row["key"] for row in rows}
