"""The post room: what must not make a caller wait, nor tell them by its duration whether there was anything to do."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Self

import structlog

from onerouter_common.errors import Overloaded
from onerouter_registry.mail.model import Mail, Mailer

log = structlog.get_logger()

Job = Callable[[], Awaitable[object]]

_MOST_WAITING: Final = 1_000
_AT_ONCE: Final = 4
_DRAIN_S: Final = 5.0


class Post:
    """Used as an async context manager; without (a command line) what is handed in is done at once."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer
        self._jobs: asyncio.Queue[Job] = asyncio.Queue(_MOST_WAITING)
        self._workers: list[asyncio.Task[None]] = []

    @property
    def delivers(self) -> bool:
        return self._mailer.delivers

    async def __aenter__(self) -> Self:
        self._workers = [asyncio.create_task(self._work(), name=f"registry-post-{n}") for n in range(_AT_ONCE)]
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(TimeoutError):  # what is left is asked for again by whoever waits for it
            await asyncio.wait_for(self.settled(), _DRAIN_S)
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._workers = []

    async def settled(self) -> None:
        """Returns when all that was handed in is done."""
        await self._jobs.join()

    async def hand_in(self, job: Job) -> None:
        """Done soon, by someone else. Raises Overloaded when too much waits already."""
        if not self._workers:
            await job()
            return
        try:
            self._jobs.put_nowait(job)
        except asyncio.QueueFull:
            raise Overloaded("Too many mails wait to be sent. Try again in a minute.", retry_after_s=60) from None

    async def send(self, mail: Mail) -> None:
        """Raises Overloaded when too much waits already."""
        await self.hand_in(lambda: self._mailer.send(mail))

    async def tell(self, mail: Mail) -> None:
        """For what was done already and only wants to be known: where too much waits, it stays unsaid."""
        if not self.delivers:
            return
        try:
            await self.send(mail)
        except Overloaded:
            log.warning("registry.mail.left_out", kind=mail.kind, mail_id=mail.id)

    async def deliver(self, mail: Mail) -> None:
        """From within a job: now."""
        await self._mailer.send(mail)

    async def _work(self) -> None:
        while True:
            job = await self._jobs.get()
            try:
                await job()
            except Exception as error:
                # Without its text and its frames: they may hold what was being written.
                log.error("registry.post.failed", error=type(error).__name__)  # noqa: TRY400
            finally:
                self._jobs.task_done()
