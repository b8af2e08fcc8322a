"""What the messages of a bulk send have in common: it never changes, so it is loaded once for all of them."""

from typing import Final, Literal, TypeVar, cast

from onerouter_common.contracts.messages import EmailContent, SendEmail, SendSms, SmsContent
from onerouter_common.db.engine import Pool
from onerouter_common.errors import InvalidRequest
from onerouter_common.worker.handler import Operation
from onerouter_messaging.batch import repository
from onerouter_messaging.batch.parts import whole
from onerouter_messaging.content.cache import Kept
from onerouter_messaging.content.source import from_database
from onerouter_messaging.template.rendering import Rendering

_BYTES: Final = 32 * 1024 * 1024

CommandT = TypeVar("CommandT", SendSms, SendEmail)
Key = tuple[Literal["sms", "email"], str, str, str]
"""Channel, batch, tenant, environment."""


class BatchContents:
    def __init__(self, pool: Pool, rendering: Rendering) -> None:
        self._pool = pool
        self._rendering = rendering
        self._kept: Kept[Key, SmsContent | EmailContent] = Kept(
            self._load, lambda content: len(content.to_bytes()), most_bytes=_BYTES
        )

    async def whole(self, op: Operation, command: CommandT) -> CommandT:
        """The message, its own part and what it has in common with the others.

        Raises InvalidRequest when that is not kept any more, Overloaded when it cannot be had now.
        """
        if not command.is_part:
            return command
        channel = cast(Literal["sms", "email"], op.category)
        key = (channel, command.batch_id or "", op.tenant_id, op.environment)
        common = await from_database(self._kept.get(key))
        if common is None:
            raise InvalidRequest.of("batch_id", "names a bulk send whose content is not kept any more")
        return whole(command, common)

    async def _load(self, key: Key) -> SmsContent | EmailContent | None:
        """An email of HTML alone with the text that is made of it: once for all, whoever sends them."""
        content = await repository.load_content(self._pool, *key)
        if not isinstance(content, EmailContent) or not content.html or content.text is not None:
            return content
        _, batch_id, tenant_id, environment = key
        text = await self._rendering.text_of(tenant_id, content.html) or ""
        await repository.keep_text(self._pool, batch_id, tenant_id, environment, text)
        return content.model_copy(update={"text": text})
