"""The common life of an engine: start, wait until it answers, stop, restart, kill."""

import asyncio
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from onerouter_local.children import spawn

_POLL_S = 0.02
_LOG_TAIL_LINES = 15


class EngineFailed(Exception):
    """An engine did not start, or ended by itself; the message ends with the last lines of its log."""


class Engine(ABC):
    """One server process with its own data directory, log file and port.

    A stopped engine can be started again on the same data and the same port.
    """

    name: str
    about: str
    stop_signal: signal.Signals = signal.SIGTERM
    start_timeout_s: float = 30.0
    stop_timeout_s: float = 15.0

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False

    @property
    def log_path(self) -> Path:
        """Where the server's own output goes."""
        return self.data_dir / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The process id of the running server, None when it is not running."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        """Whether the process exists (it may not answer yet)."""
        return self._process is not None and self._process.poll() is None

    @property
    def crashed(self) -> bool:
        """Whether it was started, not stopped by us, and is gone."""
        return self._wanted and not self.running

    async def start(self) -> None:
        """Prepare the data directory when it is new, start the server and return once it answers.

        Raises EngineFailed when it ends early or does not answer within `start_timeout_s`.
        """
        if self.running:
            return
        self.data_dir.mkdir(parents=True, exist_ok=True)
        await self.prepare()
        self._spawn()
        await self._until_ready()
        self._wanted = True

    async def stop(self) -> None:
        """An orderly stop: everything is on disk afterwards."""
        await self._stop(self.stop_signal)

    async def _stop(self, number: signal.Signals) -> None:
        """Ask the server to end and wait; kill it when it has not ended after `stop_timeout_s`."""
        self._wanted = False
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
            if not await ended(process, self.stop_timeout_s):
                process.kill()
                await ended(process, self.stop_timeout_s)
        self._process = None

    async def discard(self) -> None:
        """Stop without regard for the data, and forget what lies outside the data directory."""
        await self.stop()

    async def restart(self) -> None:
        """An orderly stop and a start on the same data and port."""
        await self.stop()
        await self.start()

    def kill(self) -> None:
        """SIGKILL, as a crash would; returns when the process is gone."""
        self._wanted = False
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @abstractmethod
    async def prepare(self) -> None:
        """Make the data directory and the configuration; called before every start, so it must be repeatable."""

    @abstractmethod
    def command(self) -> list[str | Path]:
        """The command line of the server, in the foreground."""

    @abstractmethod
    async def answers(self) -> bool:
        """Whether a client would be served now; raises OSError while nothing listens."""

    def environment(self) -> Mapping[str, str] | None:
        """Environment of the server; None inherits ours."""
        return None

    def user(self) -> int | None:
        """The uid the server must run as, None for our own."""
        return None

    def _spawn(self) -> None:
        with self.log_path.open("ab") as log:
            self._process = spawn(
                self.command(), env=self.environment(), output=log, user=self.user(), dies_by=self.stop_signal
            )

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        while time.monotonic() < deadline:
            if not self.running:
                raise EngineFailed(f"{self.name} ended while starting.\n{self.log_tail()}")
            try:
                if await asyncio.wait_for(self.answers(), timeout=2.0):
                    return
            except (OSError, TimeoutError):
                pass  # not listening yet
            await asyncio.sleep(_POLL_S)
        await self.stop()
        raise EngineFailed(f"{self.name} did not answer within {self.start_timeout_s:.0f} s.\n{self.log_tail()}")

    def log_tail(self) -> str:
        """The last lines of the log, for messages."""
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])


async def ended(process: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Whether the process has ended, waiting at most `timeout_s` for it."""
    deadline = time.monotonic() + timeout_s
    while process.poll() is None:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True
