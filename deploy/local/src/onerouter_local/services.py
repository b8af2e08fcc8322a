"""One service as a child process: started, watched, started again when it ends by itself."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Protocol

import httpx

from onerouter_local.children import spawn
from onerouter_local.engines.process import ended
from onerouter_local.ports import LOOPBACK

_BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_READY_POLL_S = 0.05
_LOG_TAIL_LINES = 15
_STEADY_AFTER_S = 30.0
"""A process that ran this long starts its backoff anew."""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """What to run, and where it listens."""

    name: str
    """Unique in the stack: `payments`, `payments-2`."""
    service: str
    port: int
    environment: Mapping[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def metrics_url(self) -> str:
        """Of a service that has any: the sandbox has not."""
        port = self.environment[f"ONEROUTER_{self.service.upper()}_METRICS_PORT"]
        return f"http://{LOOPBACK}:{port}/metrics"


class State(StrEnum):
    """Where a service stands in its life."""

    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPED = "stopped"


class Watcher(Protocol):
    """Hears what services say and what becomes of them. Called on the event loop; must not block or raise."""

    def line(self, service: str, line: str) -> None:
        """A line the service wrote."""

    def ready(self, service: str, url: str, seconds: float) -> None:
        """The service answers and its dependencies do, so long after it was started."""

    def ended(self, service: str, how: str, again_in_s: float) -> None:
        """The process ended by itself and will be started again."""


class ServiceProcess:
    """Keeps one service running until it is stopped."""

    def __init__(self, spec: ServiceSpec, log_path: Path, watcher: Watcher) -> None:
        self.spec = spec
        self.state = State.STOPPED
        self.restarts = 0
        self.serving = asyncio.Event()
        """Set while the service is ready."""
        self.log_path = log_path
        self._watcher = watcher
        self._process: subprocess.Popen[bytes] | None = None
        self._killed = False
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None while it is not running."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process and watch it; returns at once (`ready` says when it serves)."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._supervise(), name=f"supervise-{self.spec.name}")

    async def stop(self, timeout_s: float = 10.0) -> None:
        """SIGTERM, time to drain, SIGKILL if it was not enough."""
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            if not await ended(self._process, timeout_s):
                self._process.kill()
        if self._task is not None:
            await self._task
        self.state = State.STOPPED

    def kill(self) -> None:
        """SIGKILL, as a crash would; the process is started again. What we asked for does not lengthen its backoff."""
        if self._process is not None:
            self._killed = True
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def log_tail(self) -> str:
        """The last lines it wrote, for messages."""
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])

    async def _supervise(self) -> None:
        failures = 0
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            while not self._stopping.is_set():
                began = time.monotonic()
                self.state = State.STARTING
                await self._run_once(log)
                if self._stopping.is_set():
                    return
                failures = 0 if self._killed or time.monotonic() - began > _STEADY_AFTER_S else failures
                self._killed = False
                delay_s = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
                failures += 1
                self.restarts += 1
                self.state = State.RESTARTING
                self._watcher.ended(self.spec.name, self._how_it_ended(), delay_s)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), delay_s)

    async def _announce_ready(self) -> None:
        began = time.monotonic()
        async with httpx.AsyncClient(base_url=self.spec.url, timeout=2.0) as client:
            while not await _is_ready(client):  # noqa: ASYNC110 - it is another process that becomes ready
                await asyncio.sleep(_READY_POLL_S)
        self.state = State.READY
        self.serving.set()
        self._watcher.ready(self.spec.name, self.spec.url, time.monotonic() - began)

    async def _run_once(self, log: IO[bytes]) -> None:
        # The death signal is SIGKILL: with the supervisor gone the engines go too, there is nothing to drain into.
        process = self._process = spawn(
            [sys.executable, "-m", "onerouter_server.main", self.spec.service],
            env=self.spec.environment,
            output=subprocess.PIPE,
            dies_by=signal.SIGKILL,
        )
        assert process.stdout is not None
        announcing = asyncio.create_task(self._announce_ready())
        reader = asyncio.StreamReader(limit=1024 * 1024)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), process.stdout
        )
        try:
            while line := await _line(reader):
                log.write(line)
                log.flush()
                self._watcher.line(self.spec.name, line.decode(errors="replace").rstrip())
        finally:
            announcing.cancel()
            self.serving.clear()
            transport.close()
            await ended(process, 5.0)

    def _how_it_ended(self) -> str:
        code = None if self._process is None else self._process.poll()
        if code is not None and code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"


async def _is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line; of one longer than the buffer, what is buffered. Empty at the end of the output."""
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as end:
        return end.partial
    except asyncio.LimitOverrunError as overrun:
        return await reader.readexactly(overrun.consumed)
