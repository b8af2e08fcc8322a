"""`make up`: a stack in the foreground until Ctrl-C."""

import asyncio
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from onerouter_local import pidfile
from onerouter_local.console import ConsoleReporter, Stopwatch, banner, first_steps, status_table
from onerouter_local.engines import ApacheKafka, EngineFailed
from onerouter_local.environment import USUAL_PORTS, written_environment
from onerouter_local.failures import leaves
from onerouter_local.ports import free_port
from onerouter_local.stack import Stack, StackFailed
from onerouter_local.workspace import STATE

PID_FILE = STATE / "stack.pid"
ENV_FILE = STATE / "env"
DATA = STATE / "data"
_STOP_TIMEOUT_S = 60.0


async def up(console: Console, *, fresh: bool, verbose: bool, kafka: bool = False) -> int:
    """Start, show, wait for a signal, stop. The exit code is 0 only when everything was up."""
    banner(console, "local stack")
    if (other := pidfile.running(PID_FILE)) is not None:
        console.print(
            f"  A stack of this checkout already runs (pid {other.pid}). `make down` stops it.", style="yellow"
        )
        return 1
    pidfile.claim(PID_FILE)
    try:
        return await _run(console, fresh=fresh, verbose=verbose, kafka=kafka)
    finally:
        ENV_FILE.unlink(missing_ok=True)
        pidfile.release(PID_FILE)


async def _run(console: Console, *, fresh: bool, verbose: bool, kafka: bool) -> int:
    if fresh:
        Stack(DATA).wipe()
        shutil.rmtree(DATA, ignore_errors=True)
    reporter = ConsoleReporter(console, verbose=verbose)
    broker = ApacheKafka(DATA / "kafka", free_port(USUAL_PORTS["broker"])) if kafka else None
    stack = Stack(DATA, reporter=reporter, usual_ports=True, broker=broker)
    asked_to_stop = _on_signal()
    watch = Stopwatch()
    code = 0
    starting = asyncio.create_task(stack.start())
    waiting = asyncio.create_task(asked_to_stop.wait())
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            write_env_file(ENV_FILE, stack)
            console.print(f"\n  Ready in [bold green]{watch.seconds:.1f} s[/]. Ctrl-C stops everything.")
            console.print(status_table(stack))
            console.print(first_steps(stack, str(_shortest(ENV_FILE))))
            await waiting
    except* (StackFailed, EngineFailed) as problems:
        code = 1
        for problem in leaves(problems):
            console.print(f"\n  ✖ {problem}", style="red", highlight=False)
    finally:
        waiting.cancel()
        starting.cancel()
        await asyncio.wait({starting, waiting})
        reporter.calm()
        console.print("\n  Stopping …", style="dim")
        await stack.stop()
        console.print("  Stopped; data is kept.\n", style="dim")
    return code


def detach(console: Console, *, options: list[str]) -> int:
    """Start the stack in the background; return when it is ready or has failed. Its output goes to a file."""
    if (other := pidfile.running(PID_FILE)) is not None:
        console.print(f"A stack of this checkout already runs (pid {other.pid}).", style="yellow")
        return 1
    STATE.mkdir(parents=True, exist_ok=True)
    ENV_FILE.unlink(missing_ok=True)  # its coming back says that the stack is ready
    log_path = STATE / "up.log"
    with log_path.open("wb") as log:
        # Not `spawn`: this child is meant to outlive us.
        process = subprocess.Popen(
            [sys.executable, "-m", "onerouter_local", "up", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    while process.poll() is None and not ENV_FILE.exists():
        time.sleep(0.1)
    console.print(log_path.read_text(), markup=False)
    return 0 if process.poll() is None else 1


def down(console: Console) -> int:
    """Stop the stack of this checkout, if one runs."""
    process = pidfile.running(PID_FILE)
    if process is None:
        pidfile.release(PID_FILE)
        console.print("No stack of this checkout runs.", style="dim")
        return 0
    console.print(f"Stopping the stack (pid {process.pid}) …", style="dim")
    if not pidfile.stop(process, _STOP_TIMEOUT_S):
        console.print(f"It still runs after {_STOP_TIMEOUT_S:.0f} s.", style="red")
        return 1
    console.print("Stopped; data is kept.", style="dim")
    return 0


def write_env_file(path: Path, stack: Stack) -> None:
    """A dotenv file for programs on this machine, readable by its owner only: it holds an API key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    values = written_environment(stack.addresses, stack.secrets)
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def _on_signal() -> asyncio.Event:
    event = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, event.set)
    return event


def _shortest(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
