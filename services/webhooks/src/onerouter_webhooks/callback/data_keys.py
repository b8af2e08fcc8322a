"""SQL of the wrapped keys that callbacks are sealed with: those of the tenant's endpoints, made here where it has none."""

from typing import Final

from onerouter_common.db.engine import Pool

_NEWEST: Final = """
SELECT id, wrapped FROM data_keys WHERE tenant_id = $1 AND environment = $2 ORDER BY created_at DESC, id DESC LIMIT 1
"""
_FIND: Final = "SELECT wrapped FROM data_keys WHERE tenant_id = $1 AND environment = $2 AND id = $3"
_ADD: Final = "INSERT INTO data_keys (tenant_id, environment, id, wrapped) VALUES ($1, $2, $3, $4)"


class DataKeys:
    """For all tenants (the worker role)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def newest(self, owner: tuple[str, str]) -> tuple[str, str] | None:
        """Id and wrapped key."""
        row = await self._pool.fetchrow(_NEWEST, *owner)
        return None if row is None else (row["id"], row["wrapped"])

    async def find(self, owner: tuple[str, str], key_id: str) -> str | None:
        wrapped: str | None = await self._pool.fetchval(_FIND, *owner, key_id)
        return wrapped

    async def add(self, owner: tuple[str, str], key_id: str, wrapped: str) -> None:
        await self._pool.execute(_ADD, *owner, key_id, wrapped)
