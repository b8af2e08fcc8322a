"""Renderer processes as the service sees them: started when they are needed, one question at a time, killed when late."""

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import orjson
import structlog

from onerouter_common.errors import InvalidRequest, Overloaded

log = structlog.get_logger()

MEMORY_BYTES: Final = 512 * 1024 * 1024
CPU_S: Final = 1.0
_ANSWER_S: Final = 4.5
"""Longest wait for one answer on a busy machine: a bound for what does not use the processor, too."""
_WAIT_S: Final = 4.0
_LENGTH_BYTES: Final = 4
_MODULE: Final = "onerouter_messaging.template.renderer"


@dataclass(slots=True)
class _Turn:
    """A tenant's place: one of its templates is rendered at a time."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Renderers:
    """Asks renderer processes. An asynchronous context manager; one a service.

    Tenants take turns: each has one question under way at most, and whoever waits is served in order. So a tenant whose
    templates take all they may only keeps itself waiting.
    """

    def __init__(self, *, processes: int = 2, cpu_s: float = CPU_S, memory_bytes: int = MEMORY_BYTES) -> None:
        self._cpu_s = cpu_s
        self._memory_bytes = memory_bytes
        self._free = asyncio.Semaphore(processes)
        self._idle: list[Process] = []
        self._turns: dict[str, _Turn] = {}
        self._is_open = False

    async def __aenter__(self) -> Self:
        self._is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_open = False
        while self._idle:
            await _end(self._idle.pop())

    async def ask(self, tenant_id: str, question: Mapping[str, Any]) -> Any:
        """What `work.answer` has for `done`.

        Raises InvalidRequest (naming the part, or the variable that is missing) for what its writer can mend, Overloaded
        when no renderer was to be had.
        """
        asked = _encoded(question)
        async with contextlib.AsyncExitStack() as held:
            try:
                async with asyncio.timeout(_WAIT_S):
                    await held.enter_async_context(self._turn(tenant_id))
                    await held.enter_async_context(self._free)
            except TimeoutError:
                raise _busy() from None
            said = await self._asked(asked)
        if "unusable" in said:
            raise _unusable(**said["unusable"])
        return said["done"]

    @contextlib.asynccontextmanager
    async def _turn(self, tenant_id: str) -> AsyncIterator[None]:
        turn = self._turns.setdefault(tenant_id, _Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                self._turns.pop(tenant_id, None)

    async def _asked(self, question: bytes) -> Any:
        process = self._idle.pop() if self._idle else await self._start()
        is_kept = False
        try:
            async with asyncio.timeout(_ANSWER_S):
                said = orjson.loads(await _exchange(process, question))
            is_kept = self._is_open and not said.get("is_last", False)
            return said
        except (TimeoutError, BrokenPipeError, ConnectionResetError, asyncio.IncompleteReadError) as error:
            raise await self._why(process, error) from None
        finally:
            if is_kept:
                self._idle.append(process)
            else:
                await _end(process)

    async def _start(self) -> Process:
        """It gets no environment: what is in ours is not for templates."""
        arguments = "-I", "-m", _MODULE, str(self._memory_bytes), str(self._cpu_s)
        return await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=PIPE, stdout=PIPE, env={})

    async def _why(self, process: Process, error: Exception) -> InvalidRequest | Overloaded:
        if not isinstance(error, TimeoutError):
            code = await process.wait()
            if code == -signal.SIGPROF:
                return _unusable(f"it takes more than {self._cpu_s:g} s to render", part="", missing=None)
            log.warning("renderer.ended", code=code)
            return _busy()
        log.warning("renderer.late")
        return _busy()


async def _exchange(process: Process, question: bytes) -> bytes:
    assert process.stdin is not None and process.stdout is not None  # noqa: S101 - both are pipes
    process.stdin.write(len(question).to_bytes(_LENGTH_BYTES, "big") + question)
    await process.stdin.drain()
    length = await process.stdout.readexactly(_LENGTH_BYTES)
    return await process.stdout.readexactly(int.from_bytes(length, "big"))


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    # The rest of an answer nobody took: a reader that is full keeps asyncio from ever noticing the end.
    if process.stdout is not None:
        with contextlib.suppress(OSError):
            await process.stdout.read()
    await process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _encoded(question: Mapping[str, Any]) -> bytes:
    """Raises InvalidRequest for what JSON cannot say: texts that are none, variables within variables without end."""
    try:
        return orjson.dumps(question)
    except TypeError:
        raise _unusable("it, or a variable, is nested too deeply, or no text", part="", missing=None) from None


def _busy() -> Overloaded:
    return Overloaded("No template can be rendered right now; nothing was sent.", retry_after_s=1.0)


def _unusable(message: str, part: str, missing: str | None) -> InvalidRequest:
    if missing is not None:
        return InvalidRequest.of(f"variables.{missing}", "is not given, and the template has no default for it")
    return InvalidRequest.of(part or "template", f"cannot be used: {message}")
