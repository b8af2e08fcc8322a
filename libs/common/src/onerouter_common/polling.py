"""Polling again and again, whatever is polled."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from onerouter_common.db.availability import DATABASE_AWAY

log = structlog.get_logger()


async def poll_forever(poll_once: Callable[[], Awaitable[int]], *, interval_s: float, batch: int) -> None:
    """Until cancelled. A full batch is followed by the next at once, anything less by a pause."""
    while True:
        try:
            polled = await poll_once()
        except DATABASE_AWAY as error:
            log.warning("poller.postponed", error=type(error).__name__)
            polled = 0
        except Exception:
            log.exception("poller.failed")
            polled = 0
        if polled < batch:
            await asyncio.sleep(interval_s)
