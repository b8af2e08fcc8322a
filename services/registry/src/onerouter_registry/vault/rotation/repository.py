"""The rotation's SQL: across tenants, as the operator, in batches by id."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnClause, TextClause, column, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.connection.tables import connections
from onerouter_registry.vault.model import OwnedDataKey, Purpose
from onerouter_registry.vault.rotation.model import SealedPerson, SealedRow

_NOT_PRIMARY: Final = """
environment = :environment AND split_part(wrapped, '.', 2) <>
    CASE purpose WHEN 'credentials' THEN :credentials ELSE :callbacks END
"""
_TO_REWRAP: Final = text(f"""
SELECT id, tenant_id, environment, purpose, wrapped FROM data_keys
WHERE {_NOT_PRIMARY} AND id > :after ORDER BY id LIMIT :batch
""")  # noqa: S608 - put together of constants
_COUNT_TO_REWRAP: Final = text(f"SELECT count(*) FROM data_keys WHERE {_NOT_PRIMARY}")  # noqa: S608
_REWRAP: Final = text("UPDATE data_keys SET wrapped = :new WHERE id = :id AND wrapped = :old")

_RETIRE_ALL: Final = text(
    "UPDATE data_keys SET retired_at = :now WHERE environment = :environment AND retired_at IS NULL"
)
_RETIRED_LAST: Final = text("SELECT max(retired_at) FROM data_keys WHERE environment = :environment")
_STILL_ACTIVE: Final = text("SELECT id FROM data_keys WHERE id = ANY(:ids) AND retired_at IS NULL")

_SEALED_BY: Final = """
EXISTS (SELECT FROM jsonb_each_text(c.credentials || c.callback_credentials) f WHERE split_part(f.value, '.', 2) = d.id)
"""
_OLD_CONNECTIONS: Final = text(f"""
SELECT c.id, c.tenant_id, c.environment, c.id AS connection_id, c.credentials, c.callback_credentials FROM connections c
WHERE c.environment = :environment AND c.id > :after AND EXISTS (
    SELECT FROM data_keys d
    WHERE d.tenant_id = c.tenant_id AND d.environment = c.environment AND d.retired_at IS NOT NULL AND {_SEALED_BY})
ORDER BY c.id LIMIT :batch
""")  # noqa: S608
_LOCK_CONNECTIONS: Final = text("""
SELECT id, tenant_id, environment, id AS connection_id, credentials, callback_credentials
FROM connections WHERE id = ANY(:ids) ORDER BY id FOR UPDATE SKIP LOCKED
""")
_OLD_TOKENS: Final = text("""
SELECT t.hash AS id, t.tenant_id, t.environment, t.connection_id, t.sealed FROM callback_tokens t
WHERE t.environment = :environment AND t.hash > :after AND EXISTS (
    SELECT FROM data_keys d
    WHERE d.tenant_id = t.tenant_id AND d.environment = t.environment AND d.retired_at IS NOT NULL
      AND split_part(t.sealed, '.', 2) = d.id)
ORDER BY t.hash LIMIT :batch
""")
_LOCK_TOKENS: Final = text("""
SELECT hash AS id, tenant_id, environment, connection_id, sealed
FROM callback_tokens WHERE hash = ANY(:ids) ORDER BY hash FOR UPDATE SKIP LOCKED
""")
_STORE_TOKEN: Final = text("UPDATE callback_tokens SET sealed = :sealed WHERE hash = :id")
_RETIRED: Final = text("""
SELECT id FROM data_keys WHERE environment = :environment AND retired_at IS NOT NULL AND id > :after
ORDER BY id LIMIT :batch
""")
_DELETE_UNUSED: Final = text(f"""
DELETE FROM data_keys d WHERE d.id = ANY(:ids) AND d.retired_at IS NOT NULL
AND NOT EXISTS (SELECT FROM connections c
    WHERE c.tenant_id = d.tenant_id AND c.environment = d.environment AND {_SEALED_BY})
AND NOT EXISTS (SELECT FROM callback_tokens t
    WHERE t.tenant_id = d.tenant_id AND t.environment = d.environment AND split_part(t.sealed, '.', 2) = d.id)
RETURNING d.id
""")  # noqa: S608

_PEOPLE: Final = """
SELECT id, totp_key AS wrapped, totp_secret AS sealed FROM users
WHERE totp_key IS NOT NULL AND totp_secret IS NOT NULL AND id > :after AND {which} ORDER BY id LIMIT :batch
"""
_PEOPLE_TO_REWRAP: Final = text(_PEOPLE.format(which="split_part(totp_key, '.', 2) <> :primary"))
_PEOPLE_OF_BEFORE: Final = text(_PEOPLE.format(which="split_part(totp_secret, '.', 2) COLLATE \"C\" < :before"))
_STORE_PERSON: Final = text("""
UPDATE users SET totp_key = :new_key, totp_secret = :new_secret
WHERE id = :id AND totp_key = :old_key AND totp_secret = :old_secret
""")


async def to_rewrap(
    tx: AsyncConnection, environment: str, primaries: Mapping[Purpose, str], after: str, batch: int
) -> list[OwnedDataKey]:
    """Data keys that another key than their ring's primary wraps, retired ones too."""
    rows = await tx.execute(
        _TO_REWRAP, {"environment": environment, **_by_purpose(primaries), "after": after, "batch": batch}
    )
    return [OwnedDataKey(row.id, row.tenant_id, row.environment, Purpose(row.purpose), row.wrapped) for row in rows]


async def count_to_rewrap(tx: AsyncConnection, environment: str, primaries: Mapping[Purpose, str]) -> int:
    return int(await tx.scalar(_COUNT_TO_REWRAP, {"environment": environment, **_by_purpose(primaries)}) or 0)


async def rewrap(tx: AsyncConnection, data_key_id: str, *, old: str, new: str) -> bool:
    """False when another rotation was faster."""
    return bool((await tx.execute(_REWRAP, {"id": data_key_id, "old": old, "new": new})).rowcount)


async def retire_all(tx: AsyncConnection, environment: str, at: datetime) -> int:
    return (await tx.execute(_RETIRE_ALL, {"environment": environment, "now": at})).rowcount


async def retired_last(tx: AsyncConnection, environment: str) -> datetime | None:
    """When the newest of the retired data keys was; None: there is none."""
    at: datetime | None = await tx.scalar(_RETIRED_LAST, {"environment": environment})
    return at


async def still_active(tx: AsyncConnection, ids: Collection[str]) -> set[str]:
    return set((await tx.execute(_STILL_ACTIVE, {"ids": list(ids)})).scalars())


class OldConnections:
    """Connections with a value that a retired data key seals."""

    async def find(self, tx: AsyncConnection, environment: str, after: str, batch: int) -> list[SealedRow]:
        return await _connections(tx, _OLD_CONNECTIONS, {"environment": environment, "after": after, "batch": batch})

    async def lock(self, tx: AsyncConnection, ids: Sequence[str]) -> list[SealedRow]:
        """As they are now; without those that somebody else is changing."""
        return await _connections(tx, _LOCK_CONNECTIONS, {"ids": list(ids)})

    async def store(self, tx: AsyncConnection, row: SealedRow) -> None:
        """The version stays: the credentials are the same, and clients that were made of them live on."""
        api, callback = row.fields[Purpose.CREDENTIALS], row.fields[Purpose.CALLBACKS]
        await tx.execute(
            update(connections)
            .where(connections.c.id == row.id)
            .values(credentials=dict(api), callback_credentials=dict(callback))
        )


class OldTokens:
    """Callback tokens that a retired data key seals."""

    def __init__(self, field: str) -> None:
        """`field` is what a token is bound to in place of a manifest's field."""
        self._field = field

    async def find(self, tx: AsyncConnection, environment: str, after: str, batch: int) -> list[SealedRow]:
        rows = await tx.execute(_OLD_TOKENS, {"environment": environment, "after": after, "batch": batch})
        return [self._token(row) for row in rows]

    async def lock(self, tx: AsyncConnection, ids: Sequence[str]) -> list[SealedRow]:
        """As `OldConnections.lock`."""
        return [self._token(row) for row in await tx.execute(_LOCK_TOKENS, {"ids": list(ids)})]

    async def store(self, tx: AsyncConnection, row: SealedRow) -> None:
        await tx.execute(_STORE_TOKEN, {"id": row.id, "sealed": row.fields[Purpose.CREDENTIALS][self._field]})

    def _token(self, row: Any) -> SealedRow:
        fields = {Purpose.CREDENTIALS: {self._field: row.sealed}}
        return SealedRow(row.id, row.tenant_id, row.environment, row.connection_id, fields)


async def retired(tx: AsyncConnection, environment: str, after: str, batch: int) -> list[str]:
    rows = await tx.execute(_RETIRED, {"environment": environment, "after": after, "batch": batch})
    return list(rows.scalars())


async def delete_unused(tx: AsyncConnection, ids: Sequence[str]) -> int:
    return len((await tx.execute(_DELETE_UNUSED, {"ids": list(ids)})).all())


async def people_to_rewrap(tx: AsyncConnection, primary: str, after: str, batch: int) -> list[SealedPerson]:
    rows = await tx.execute(_PEOPLE_TO_REWRAP, {"primary": primary, "after": after, "batch": batch})
    return [SealedPerson(row.id, row.wrapped, row.sealed) for row in rows]


async def people_of_before(tx: AsyncConnection, before: str, after: str, batch: int) -> list[SealedPerson]:
    """Whose data key's id sorts before this one: it was made earlier."""
    rows = await tx.execute(_PEOPLE_OF_BEFORE, {"before": before, "after": after, "batch": batch})
    return [SealedPerson(row.id, row.wrapped, row.sealed) for row in rows]


async def store_person(tx: AsyncConnection, old: SealedPerson, new: SealedPerson) -> bool:
    """False when the person has changed it meanwhile."""
    values = {"id": old.id, "old_key": old.wrapped, "old_secret": old.sealed}
    found = await tx.execute(_STORE_PERSON, {**values, "new_key": new.wrapped, "new_secret": new.sealed})
    return bool(found.rowcount)


async def count_sealed(tx: AsyncConnection, environment: str) -> dict[str, int]:
    """How much a re-encryption of everything goes through, by table."""
    return {
        table: int(await tx.scalar(text(query), {"environment": environment}) or 0)
        for table, query in {
            "connections": "SELECT count(*) FROM connections WHERE environment = :environment "
            "AND credentials || callback_credentials <> '{}'",
            "callback_tokens": "SELECT count(*) FROM callback_tokens WHERE environment = :environment",
            "users": "SELECT count(*) FROM users WHERE totp_key IS NOT NULL AND :environment = 'live'",
        }.items()
    }


async def count_people_to_rewrap(tx: AsyncConnection, primary: str) -> int:
    query = text("SELECT count(*) FROM users WHERE totp_key IS NOT NULL AND split_part(totp_key, '.', 2) <> :primary")
    return int(await tx.scalar(query, {"primary": primary}) or 0)


def _by_purpose(primaries: Mapping[Purpose, str]) -> dict[str, str]:
    return {purpose.value: primary for purpose, primary in primaries.items()}


async def _connections(tx: AsyncConnection, query: TextClause, values: Mapping[str, Any]) -> list[SealedRow]:
    names: list[ColumnClause[Any]] = [column(name) for name in ("id", "tenant_id", "environment", "connection_id")]
    sealed: list[ColumnClause[Any]] = [column("credentials", JSONB), column("callback_credentials", JSONB)]
    return [
        SealedRow(
            row.id,
            row.tenant_id,
            row.environment,
            row.connection_id,
            {Purpose.CREDENTIALS: row.credentials, Purpose.CALLBACKS: row.callback_credentials},
        )
        for row in await tx.execute(query.columns(*names, *sealed), dict(values))
    ]
