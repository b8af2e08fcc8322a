"""Files are handed over before the email that they belong to, which then only names them."""

import asyncio
import hashlib
import re
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.contents.keeping import UNUSED_S, Keeping
from onerouter_common.db.engine import Pool
from onerouter_common.errors import InvalidRequest, PayloadTooLarge
from onerouter_common.ids import ATTACHMENT, derive_id
from onerouter_common.web.internal import TenantContext
from onerouter_messaging.attachment.repository import ATTACHMENTS
from onerouter_messaging.attachment.schemas import ATTACHMENT_BYTES, MOST_BYTES, StoredAttachment

__all__ = ["KEPT_S", "UNUSED_S", "Attachments"]

UNTOLD: Final = "application/octet-stream"
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
KEPT_S: Final = 36 * 86_400.0
"""The longest any is kept: an email may be scheduled 35 days ahead."""

# Not a secret: whose the bytes are is checked wherever they are read.
_SAME_BYTES: Final = b"onerouter.attachment"


def media_type_of(said: str | None) -> str:
    """Lower case, without parameters. Raises InvalidRequest."""
    given = (said or UNTOLD).partition(";")[0].strip().lower()
    if _MEDIA_TYPE.fullmatch(given) is None:
        raise InvalidRequest.of("content_type", "must be a media type such as application/pdf")
    return given


class Attachments(Keeping):
    def __init__(self, engine: AsyncEngine, pool: Pool, *, most_bytes: int = MOST_BYTES) -> None:
        """`most_bytes`: of a tenant and environment, at a time."""
        full = (
            f"The files of emails that wait to be sent have {most_bytes} bytes, which is all that is kept. "
            "Try again when some have been sent."
        )
        super().__init__(engine, pool, ATTACHMENTS, most_bytes=most_bytes, kept_s=KEPT_S, full=full)

    async def keep(self, tenant: TenantContext, content: bytes, content_type: str | None) -> StoredAttachment:
        """Raises PayloadTooLarge, InvalidRequest when there is nothing, or `content_type` is none.

        Whether it is what it is said to be the gateway looks at, which knows its name as well.

        Raises RateLimited while the tenant keeps as much as it may.
        """
        if len(content) > ATTACHMENT_BYTES:
            raise PayloadTooLarge(f"An attachment may have at most {ATTACHMENT_BYTES} bytes.")
        if not content:
            raise InvalidRequest.of("content", "is empty")
        kind = media_type_of(content_type)
        digest = (await asyncio.to_thread(hashlib.sha256, content)).hexdigest()
        id_ = derive_id(ATTACHMENT, _SAME_BYTES, tenant.tenant_id, tenant.environment, digest)
        await self.store(tenant, id_, content, kind)
        return StoredAttachment(id=id_, size_bytes=len(content), content_type=kind)
