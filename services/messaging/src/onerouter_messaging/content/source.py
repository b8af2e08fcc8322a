"""What a message is made of, from the database: versions of templates and files, which never change, so they are kept."""

from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar

from onerouter_common.contracts.messages import AttachmentUse, TemplateUse
from onerouter_common.db.availability import is_away
from onerouter_common.db.engine import Pool
from onerouter_common.errors import InvalidRequest, NotFound, Overloaded
from onerouter_common.worker.handler import Operation
from onerouter_messaging.attachment import repository as attachments
from onerouter_messaging.content.cache import Kept
from onerouter_messaging.suppression.repository import note_override
from onerouter_messaging.template import versions
from onerouter_messaging.template.model import Written

_TEMPLATE_BYTES: Final = 32 * 1024 * 1024
_FILE_BYTES: Final = 64 * 1024 * 1024

AnswerT = TypeVar("AnswerT")


class Source:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._templates: Kept[tuple[str, str, str, int], Written] = Kept(
            self._load_template, lambda written: sum(map(len, written.parts.values())), most_bytes=_TEMPLATE_BYTES
        )
        self._files: Kept[tuple[str, str, str], bytes] = Kept(self._load_file, len, most_bytes=_FILE_BYTES)

    async def template(self, op: Operation, use: TemplateUse) -> Written:
        """Also one that was deleted since. Raises NotFound, Overloaded."""
        key = (op.tenant_id, op.environment, use.template_id, use.version)
        written = await from_database(self._templates.get(key))
        if written is None:
            raise NotFound(
                f"There is no version {use.version} of the template {use.template_id}.", code="TEMPLATE_NOT_FOUND"
            )
        return written

    async def attachment(self, op: Operation, use: AttachmentUse) -> bytes:
        """Raises InvalidRequest when it is not kept any more, Overloaded."""
        content = await from_database(self._files.get((op.tenant_id, op.environment, use.attachment_id)))
        if content is None:
            raise InvalidRequest.of("attachments", f"names {use.filename}, which is not kept any more: send it again")
        return content

    async def note_override(self, op: Operation, addresses: Sequence[str], why: str) -> None:
        whose = (op.tenant_id, op.environment, op.category)
        noted = note_override(
            self._pool, whose=whose, addresses=addresses, by=op.api_key_id, why=why, message_id=op.resource_id
        )
        await from_database(noted)

    async def _load_template(self, key: tuple[str, str, str, int]) -> Written | None:
        return await versions.load(self._pool, *key)

    async def _load_file(self, key: tuple[str, str, str]) -> bytes | None:
        return await attachments.load(self._pool, *key)


async def from_database(answer: Awaitable[AnswerT]) -> AnswerT:
    """A database that is away has sent nothing: it is tried again. Raises Overloaded."""
    try:
        return await answer
    except Exception as error:
        if not is_away(error):
            raise
        raise Overloaded(
            "The message cannot be put together right now; nothing was sent.", retry_after_s=1.0
        ) from error
