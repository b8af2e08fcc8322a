"""The worker's SQL on objects: whole batches, all tenants, inside the heart's transactions."""

from collections.abc import Sequence
from typing import Any, Final

from onerouter_storage.content.repository import CONTENTS
from onerouter_storage.object.rows import TYPES, object_of, object_row
from onerouter_storage.object.state import StoredObject

_NEVER_CHANGE: Final = {"id", "tenant_id", "environment", "connection_id", "provider", "bucket", "key", "created_at"}
_CHANGES: Final = ", ".join(f"{name} = excluded.{name}" for name in TYPES if name not in _NEVER_CHANGE)
_GIVEN: Final = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(TYPES.values(), start=1))
_COLUMNS: Final = ", ".join(TYPES)
_SAVE: Final = (
    f"INSERT INTO objects ({_COLUMNS}) SELECT {_COLUMNS} FROM unnest({_GIVEN}) AS given ({_COLUMNS}) "  # noqa: S608
    f"ON CONFLICT (id) DO UPDATE SET {_CHANGES} "
    "WHERE excluded.version > objects.version AND excluded.tenant_id = objects.tenant_id"
)
_LOAD: Final = f"SELECT {_COLUMNS} FROM objects WHERE id = ANY($1::text[]) ORDER BY id"  # noqa: S608


class ObjectStore:
    """The heart's store of objects by the id of their place."""

    async def load(self, connection: Any, keys: Sequence[str], *, lock: bool) -> dict[str, StoredObject]:
        rows = await connection.fetch(_LOAD + (" FOR UPDATE" if lock else ""), list(keys))
        return {row["id"]: object_of(row) for row in rows}

    async def save(self, connection: Any, resources: Sequence[StoredObject]) -> None:
        """Stores what was changed since it was loaded; lets go the bytes that were put."""
        # In key order, so that two batches cannot wait for each other.
        changed = sorted((one for one in resources if one.version > one.stored_version), key=lambda one: one.id)
        if changed:
            rows = [object_row(one) for one in changed]
            await connection.execute(_SAVE, *(list(column) for column in zip(*rows, strict=True)))
        released = [one.released for one in resources if one.released is not None]
        if released:
            await CONTENTS.release(connection, released)
