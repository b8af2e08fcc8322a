"""The worker's SQL on uploads: whole batches, all tenants, inside the heart's transactions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from onerouter_common.contracts.storage import object_id
from onerouter_common.db.engine import Pool
from onerouter_common.worker.handler import Operation
from onerouter_storage.object.repository import ObjectStore
from onerouter_storage.upload.rows import TYPES, upload_of, upload_row
from onerouter_storage.upload.state import Upload

_CHANGE: Final = (
    "status",
    "url",
    "size_bytes",
    "etag",
    "completed_at",
    "aborted_at",
    "version",
    "revision",
    "sweep_at",
    "updated_at",
)
_CHANGES: Final = ", ".join(f"{name} = excluded.{name}" for name in _CHANGE)
_GIVEN: Final = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(TYPES.values(), start=1))
_COLUMNS: Final = ", ".join(TYPES)
_SAVE: Final = (
    f"INSERT INTO uploads ({_COLUMNS}) SELECT {_COLUMNS} FROM unnest({_GIVEN}) AS given ({_COLUMNS}) "  # noqa: S608
    f"ON CONFLICT (id) DO UPDATE SET {_CHANGES} "
    "WHERE excluded.revision > uploads.revision AND excluded.tenant_id = uploads.tenant_id"
)
_LOAD: Final = f"SELECT {_COLUMNS} FROM uploads WHERE id = ANY($1::text[]) ORDER BY id"  # noqa: S608
_PLACES: Final = "SELECT id, connection_id, key FROM uploads WHERE id = ANY($1::text[])"
# Each is looked at once a day: what keeps it from being aborted may be over by then. After a week it is given up.
_SWEEP: Final = f"""
UPDATE uploads u SET sweeps = u.sweeps + 1, sweep_at = CASE WHEN u.sweeps < $2 THEN now() + interval '1 day' END
FROM (
    SELECT id FROM uploads WHERE sweep_at <= now() ORDER BY sweep_at LIMIT $1 FOR UPDATE SKIP LOCKED
) due
WHERE u.id = due.id RETURNING {", ".join(f"u.{name}" for name in TYPES)}, u.sweeps
"""  # noqa: S608 - made of constants


class UploadStore:
    """The heart's store of uploads by their id, each with the place of its object."""

    def __init__(self) -> None:
        self._objects = ObjectStore()

    async def load(self, connection: Any, keys: Sequence[str], *, lock: bool) -> dict[str, Upload]:
        rows = await connection.fetch(_LOAD + (" FOR UPDATE" if lock else ""), list(keys))
        found = {row["id"]: upload_of(row) for row in rows}
        places = await self._objects.load(connection, sorted({one.object_id for one in found.values()}), lock=lock)
        return {id_: replace(one, place=places.get(one.object_id)) for id_, one in found.items()}

    async def save(self, connection: Any, resources: Sequence[Upload]) -> None:
        """Stores what was changed since it was loaded."""
        # In key order, so that two batches cannot wait for each other.
        changed = sorted((one for one in resources if one.revision > one.stored_revision), key=lambda one: one.id)
        if changed:
            rows = [upload_row(one) for one in changed]
            await connection.execute(_SAVE, *(list(column) for column in zip(*rows, strict=True)))
            await self._objects.save(connection, [one.place for one in changed if one.place is not None])


async def places_of(pool: Pool, ops: Sequence[Operation]) -> Mapping[str, str]:
    """By operation id: where its upload's object is to be. Without those of no upload that is stored."""
    wanted = {op.id: op.resource_id for op in ops if op.operation in ("upload.complete", "upload.abort")}
    if not wanted:
        return {}
    rows = await pool.fetch(_PLACES, sorted(set(wanted.values())))
    places = {row["id"]: object_id(row["connection_id"], row["key"]) for row in rows}
    return {op_id: places[id_] for op_id, id_ in wanted.items() if id_ in places}


async def sweep(connection: Any, *, most: int, days: int) -> Sequence[tuple[Upload, int]]:
    """Those nobody has ended a day after the last of their addresses, each with how often it was looked at now; on each of
    so many days at most."""
    rows = await connection.fetch(_SWEEP, most, days)
    return [(upload_of(row), row["sweeps"]) for row in rows]
