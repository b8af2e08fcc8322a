"""Operations whose outcome nobody can tell, as this installation's operators see and end them: of every tenant."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, TypeAlias

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.db.engine import Pool
from onerouter_common.errors import Conflict, NotFound
from onerouter_common.reads.paging import Page, part_view, position_of
from onerouter_common.worker.resolution import Decision, Resolutions

View = dict[str, JsonValue]

_COLUMNS: Final = (
    "id, tenant_id, environment, operation, resource_id, ordering_key, state, provider, connection_id, effect_guarantee, "
    "attempts, payload, problem, accepted_at, created_at, updated_at, finished_at, open_attempt_at"
)
_ONE: Final = f"SELECT {_COLUMNS} FROM operations WHERE id = $1"  # noqa: S608 - made of constants
_UNKNOWN: Final = (
    f"SELECT {_COLUMNS} FROM operations WHERE state = 'unknown' AND (created_at, id) > ($1, $2) "  # noqa: S608
    "AND ($3::text IS NULL OR tenant_id = $3) ORDER BY created_at, id LIMIT $4"
)
_EVER: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


TakenBy: TypeAlias = Callable[[Pool, Any, str], Awaitable[str | None]]
"""An operation's row and a provider's id → the other resource of its connection that is known under that id: a slip of the
hand must not give one operation what another one of the same account did."""


class StuckOperations:
    def __init__(self, pool: Pool, resolutions: Resolutions, taken_by: TakenBy) -> None:
        self._pool = pool
        self._resolutions = resolutions
        self._taken_by = taken_by

    async def page(self, tenant_id: str | None, page: Page) -> View:
        """Of unknown outcome, oldest first; a part of the list of all categories.

        Raises InvalidRequest for a cursor that this list has not given.
        """
        created_at, id_ = (_EVER, "") if page.cursor is None else position_of(page.cursor)
        rows = await self._pool.fetch(_UNKNOWN, created_at, id_, tenant_id, page.limit + 1)
        return part_view(rows, page, _view, lambda row: (row["created_at"], row["id"]))

    async def get(self, operation_id: str) -> View:
        """Raises NotFound."""
        return _view(await self._find(operation_id))

    async def resolve(self, operation_id: str, decision: Decision) -> View:
        """The operation as it ended. Raises as `Resolutions.resolve`, and Conflict for what another operation did."""
        row = await self._find(operation_id)
        if decision.provider_id is not None:
            other = await self._taken_by(self._pool, row, decision.provider_id)
            if other is not None:
                raise Conflict(
                    f"{decision.provider_id} is what {other} is at {row['provider']}, not {row['resource_id']}."
                )
        await self._resolutions.resolve(operation_id, decision)
        return _view(await self._find(operation_id))

    async def _find(self, operation_id: str) -> Any:
        row = await self._pool.fetchrow(_ONE, operation_id)
        if row is None:
            raise NotFound(f"There is no operation {operation_id[:64]}.")
        return row


def _view(row: Any) -> View:
    return {
        "id": row["id"],
        "tenant_id": row["tenant_id"],
        "environment": row["environment"],
        "operation": row["operation"],
        "status": row["state"],
        "resource_id": row["resource_id"],
        "belongs_to": row["ordering_key"],
        "provider": row["provider"],
        "connection_id": row["connection_id"],
        "effect_guarantee": row["effect_guarantee"],
        "attempts": row["attempts"],
        "amount_minor": row["payload"].get("amount_minor"),
        "currency": row["payload"].get("currency"),
        "error": row["problem"],
        "created_at": isoformat(row["created_at"]),
        "in_doubt_since": _moment(row["open_attempt_at"]),
        "updated_at": isoformat(row["updated_at"]),
        "finished_at": _moment(row["finished_at"]),
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else isoformat(value)
