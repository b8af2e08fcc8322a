"""Crypto-shredding: what a tenant entered is made unreadable for good."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_STATEMENTS: Final = tuple(
    text(statement)
    for statement in (
        "DELETE FROM data_keys WHERE tenant_id = :tenant_id",
        "DELETE FROM callback_tokens WHERE tenant_id = :tenant_id",
        """
        UPDATE connections SET credentials = '{}', callback_credentials = '{}', masked_credentials = '{}'
        WHERE tenant_id = :tenant_id
        """,
    )
)


async def shred(tx: AsyncConnection, tenant_id: str) -> None:
    """Destroy the tenant's data keys and what they sealed, as the operator (`operator_transaction`), in both environments.

    A copy of the sealed values without the data keys opens nothing. A backup of the database holds both, wrapped: it opens
    until it expires, or until the key-encryption key that wrapped them is gone. Telling caches and the audit log is the
    caller's.
    """
    for statement in _STATEMENTS:
        await tx.execute(statement, {"tenant_id": tenant_id})
