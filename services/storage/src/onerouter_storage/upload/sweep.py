"""Uploads that nobody ended: aborted a day after the last of their addresses, by operations like any other."""

from typing import Any, Final

import structlog

from onerouter_common.clock import Clock
from onerouter_common.contracts.storage import AbortUpload
from onerouter_common.db.engine import Pool
from onerouter_common.polling import poll_forever
from onerouter_common.worker import following
from onerouter_common.worker.handler import CommandDraft
from onerouter_common.worker.outbox import OURSELVES, commands_of
from onerouter_storage.upload.repository import sweep
from onerouter_storage.upload.state import Upload

log = structlog.get_logger()

_MOST: Final = 100
_DAYS: Final = 7


class Sweep:
    def __init__(self, pool: Pool, clock: Clock, *, interval_s: float) -> None:
        self._pool = pool
        self._clock = clock
        self._interval_s = interval_s

    async def run(self) -> None:
        """Until cancelled."""
        await poll_forever(self.sweep_once, interval_s=self._interval_s, batch=_MOST)

    async def sweep_once(self) -> int:
        """One batch; how many there were. The worker finds the operations when it looks for what is due."""
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            found = await sweep(connection, most=_MOST, days=_DAYS)
            commands: list[Any] = [
                (command, None)
                for upload, times in found
                for command in commands_of(
                    [_abort(upload, times)],
                    tenant_id=upload.tenant_id,
                    environment=upload.environment,
                    category="storage",
                    accepted_at=now,
                    ordering_key=upload.object_id,
                    api_key_id=OURSELVES,
                )
            ]
            await following.store(connection, commands, now=now)
        if found:
            log.info("uploads.abandoned", uploads=len(found))
        return len(found)


def _abort(upload: Upload, times: int) -> CommandDraft:
    return CommandDraft(
        "upload.abort",
        upload.id,
        AbortUpload(upload_id=upload.id, reason="abandoned" if times <= _DAYS else "given_up"),
        cause=f"{upload.id} {times}",
        ordering_key=upload.object_id,
        priority=1,
    )
