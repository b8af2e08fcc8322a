"""Starting and stopping aiokafka clients so that whoever supervises them survives it.

What aiokafka 0.14 does around a lost broker: `AIOKafkaConsumer.stop()` awaits fetches that it has just cancelled and so
raises CancelledError at its caller, leaving its client (connections, a metadata task) running; a cancelled `start()`
leaks the connection it is opening; a cancellation may be swallowed, so that a timeout never ends. Each call therefore
runs in a task of its own, waited for from outside.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog
from aiokafka.errors import KafkaError

log = structlog.get_logger()

ResultT = TypeVar("ResultT")


async def bounded(
    work: Coroutine[Any, Any, ResultT], timeout_s: float | None, *, grace_s: float | None = None
) -> ResultT:
    """The work's result. Raises TimeoutError when it takes longer, KafkaError when it ends by cancelling itself.

    When the caller is cancelled, the work may still end (within `grace_s`, or else `timeout_s`), so that it leaves
    nothing half open.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=timeout_s)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=grace_s or timeout_s)
        _abandon(task)
        raise
    if not task.done():
        _abandon(task)
        raise TimeoutError
    if task.cancelled():
        raise KafkaError("cancelled itself")
    return task.result()


async def start(client: Any, *, timeout_s: float) -> None:
    """Raises KafkaError, TimeoutError or OSError; stop the client in any case."""
    await bounded(client.start(), timeout_s)


async def stop(client: Any, *, timeout_s: float = 5.0) -> None:
    """End a client, whatever state it is in. Raises nothing of the client's."""
    try:
        await bounded(client.stop(), timeout_s)
    except Exception as error:
        log.info("broker.client.discarded", error=type(error).__name__)
        await _close_connections(client, timeout_s)


async def _close_connections(client: Any, timeout_s: float) -> None:
    """Where `stop` gave up half-way, what is beneath it would go on for ever. A second `stop` does nothing."""
    try:
        await bounded(client._client.close(), timeout_s)
    except Exception as error:
        log.info("broker.client.abandoned", error=type(error).__name__)


def _abandon(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    task.add_done_callback(_retrieve)


def _retrieve(task: "asyncio.Future[Any]") -> None:
    if not task.cancelled():
        task.exception()  # nobody waits any more; without this asyncio reports it as never retrieved
