"""Bytes are handed over before the command that puts them, and read again by the worker that does."""

import asyncio
import hashlib
from contextlib import AbstractAsyncContextManager
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.contents.keeping import Keeping
from onerouter_common.contracts.storage import INLINE_BYTES
from onerouter_common.db.availability import is_away
from onerouter_common.db.engine import Pool
from onerouter_common.errors import Overloaded, PayloadTooLarge
from onerouter_common.ids import CONTENT, derive_id
from onerouter_common.web.internal import TenantContext
from onerouter_storage.content.repository import CONTENTS
from onerouter_storage.content.schemas import KEPT_BYTES, StoredContent
from onerouter_storage.room import Room

TOO_LARGE: Final = (
    f"An object that goes through us may have at most {INLINE_BYTES} bytes: make an upload for a larger one."
)
PUTS_FULL: Final = "Too many objects are being put through us; nothing was done yet."
_KEPT_S: Final = 7 * 86_400.0
"""The longest any is kept: commands are not in the log for longer."""
_AWAY_S: Final = 1.0

# Not a secret: whose the bytes are is checked wherever they are read.
_SAME_BYTES: Final = b"onerouter.content"


class Contents(Keeping):
    def __init__(self, engine: AsyncEngine, pool: Pool, room: Room, *, most_bytes: int = KEPT_BYTES) -> None:
        """`room`: in memory, of what is put. `most_bytes`: kept of a tenant and environment, at a time."""
        full = (
            f"The objects that wait to be put have {most_bytes} bytes, which is all that is kept. "
            "Try again in a moment, or make uploads, which go straight to the bucket."
        )
        super().__init__(engine, pool, CONTENTS, most_bytes=most_bytes, kept_s=_KEPT_S, full=full)
        self._pool = pool
        self._room = room

    async def keep(self, tenant: TenantContext, content: bytes) -> StoredContent:
        """An empty object is one, too. Raises PayloadTooLarge, and RateLimited while the tenant keeps as much as it may."""
        if len(content) > INLINE_BYTES:
            raise PayloadTooLarge(TOO_LARGE)
        digest = (await asyncio.to_thread(hashlib.sha256, content)).hexdigest()
        id_ = derive_id(CONTENT, _SAME_BYTES, tenant.tenant_id, tenant.environment, digest)
        await self.store(tenant, id_, content, "")
        return StoredContent(id=id_, size_bytes=len(content), sha256=digest)

    def holding(self, tenant_id: str, size_bytes: int) -> AbstractAsyncContextManager[None]:
        """Bytes are loaded and sent within this, so that the memory they take is bounded. Raises Overloaded."""
        return self._room.holding(tenant_id, size_bytes)

    async def load(self, tenant_id: str, environment: str, id_: str) -> bytes | None:
        """None: they are not kept (any more). Raises Overloaded while the database is away."""
        try:
            return await CONTENTS.load(self._pool, tenant_id, environment, id_)
        except Exception as error:
            if is_away(error):
                raise Overloaded("The bytes to be put cannot be read right now.", retry_after_s=_AWAY_S) from error
            raise
