"""The data keys' SQL. Every query names the owner, so that it is right under either role."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.vault.model import DataKeyRow, Purpose
from onerouter_registry.vault.tables import data_keys

_SHARE: Final = text("SELECT pg_advisory_xact_lock_shared(hashtextextended('data_keys/' || :environment, 0))")
_EXCLUDE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('data_keys/' || :environment, 0))")


async def hold_data_keys(tx: AsyncConnection, environment: str) -> None:
    """Until the transaction ends no data key of this environment is retired: what is sealed now can be opened."""
    await tx.execute(_SHARE, {"environment": environment})


async def wait_for_sealers(tx: AsyncConnection, environment: str) -> None:
    """Until the transaction ends nobody seals; who already did has committed."""
    await tx.execute(_EXCLUDE, {"environment": environment})


async def find_active(tx: AsyncConnection, owner: tuple[str, str], purpose: Purpose) -> DataKeyRow | None:
    """The one that seals."""
    row = (
        await tx.execute(
            select(data_keys.c.id, data_keys.c.wrapped).where(
                data_keys.c.tenant_id == owner[0],
                data_keys.c.environment == owner[1],
                data_keys.c.purpose == purpose,
                data_keys.c.retired_at.is_(None),
            )
        )
    ).one_or_none()
    return None if row is None else DataKeyRow(row.id, row.wrapped)


async def find_wrapped(
    tx: AsyncConnection, owner: tuple[str, str], purpose: Purpose, ids: Collection[str]
) -> dict[str, str]:
    """Id → wrapped, of those that are there; retired ones too."""
    rows = await tx.execute(
        select(data_keys.c.id, data_keys.c.wrapped).where(
            data_keys.c.tenant_id == owner[0],
            data_keys.c.environment == owner[1],
            data_keys.c.purpose == purpose,
            data_keys.c.id.in_(sorted(ids)),
        )
    )
    return {row.id: row.wrapped for row in rows}


async def retire(tx: AsyncConnection, data_key_id: str, at: datetime) -> None:
    await tx.execute(
        update(data_keys).where(data_keys.c.id == data_key_id, data_keys.c.retired_at.is_(None)).values(retired_at=at)
    )


async def add(
    tx: AsyncConnection, owner: tuple[str, str], purpose: Purpose, made: DataKeyRow, at: datetime
) -> DataKeyRow:
    """The data key that is there in the end: ours, or the one another transaction made first."""
    await tx.execute(
        upsert(data_keys)
        .values(
            id=made.id,
            tenant_id=owner[0],
            environment=owner[1],
            purpose=purpose,
            wrapped=made.wrapped,
            created_at=at,
        )
        .on_conflict_do_nothing(
            index_elements=["tenant_id", "environment", "purpose"], index_where=data_keys.c.retired_at.is_(None)
        )
    )
    stored = await find_active(tx, owner, purpose)
    if stored is None:
        raise RuntimeError("the data key that was just stored cannot be read")
    return stored
