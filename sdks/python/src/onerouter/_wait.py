"""Waiting, in the asynchronous client. `_sync/_wait.py` is its twin, written by hand."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

Place = asyncio.AbstractEventLoop
"""What connections belong to: an event loop cannot use those of another."""


def place() -> Place | None:
    """The running loop. None: there is none yet."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def bounded(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """As it is: a task is stopped from outside."""
    return client


def until_then(_: float) -> AbstractContextManager[None]:
    """The same: `within` stops it."""
    return nullcontext()


async def sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


if sys.version_info >= (3, 11):

    async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """Raises TimeoutError when the time is over, and has stopped the work by then."""
        async with asyncio.timeout(seconds):
            return await work

else:

    async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """Raises TimeoutError when the time is over, and has stopped the work by then."""
        try:
            return await asyncio.wait_for(work, seconds)
        except asyncio.TimeoutError:
            raise TimeoutError from None


async def to_its_end(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Goes on also where the task is cancelled meanwhile, which is told afterwards. Raises TimeoutError."""
    task = asyncio.ensure_future(within(seconds, work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen
        raise


async def blocking(work: Callable[..., T], *args: Any) -> T:
    """What waits for a disk is done beside the loop."""
    return await asyncio.to_thread(work, *args)


async def finished(value: Awaitable[object] | object) -> None:
    """A hook may be a coroutine function, or not."""
    if inspect.isawaitable(value):
        await value
