"""`python -m onerouter_local.longpoll --port P --data-dir D`: the embedded broker and its front as one process tree."""

import argparse
import asyncio
import importlib.util
import signal
import subprocess
import sys
import time
from pathlib import Path

import uvloop

from onerouter_local.children import spawn
from onerouter_local.longpoll.front import Front
from onerouter_local.ports import LOOPBACK, accepts, free_port

_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 15.0
_POLL_S = 0.02


def binary() -> Path:
    """The server inside the noida-db wheel, without its Python wrapper (a wrapper would swallow signals)."""
    spec = importlib.util.find_spec("noida_db")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The wheel noida-db is not installed.")
    path = Path(spec.submodule_search_locations[0]) / "noida-db"
    if not path.stat().st_mode & 0o100:
        path.chmod(0o755)
    return path


def start_broker(data_dir: Path, port: int) -> subprocess.Popen[bytes]:
    """Start noida-db with only its Kafka service; retry while a predecessor is still writing its data."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        process = _launch(data_dir, port)
        while process.poll() is None:
            if accepts(port):
                return process
            time.sleep(_POLL_S)
        time.sleep(0.1)
    raise SystemExit("noida-db did not start.")


def _launch(data_dir: Path, port: int) -> subprocess.Popen[bytes]:
    log_path = data_dir / "noida-db.log"
    with log_path.open("wb") as log:
        return spawn(
            [
                binary(),
                "start",
                "--data-dir",
                data_dir,
                "--only",
                "kafka",
                "--host",
                LOOPBACK,
                "--kafka-port",
                str(port),
            ],
            output=log,
            dies_by=signal.SIGTERM,  # on SIGTERM it saves its data, so even our sudden death loses no record
        )


async def run(port: int, data_dir: Path) -> int:
    """Serve until SIGTERM or SIGINT, or until the broker ends; the exit code tells which."""
    broker_port = free_port()
    broker = start_broker(data_dir, broker_port)
    front = Front(port, broker_port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with await front.serve():
            while not stop.is_set() and broker.poll() is None:
                try:
                    await asyncio.wait_for(stop.wait(), timeout=0.5)
                except TimeoutError:
                    continue
            await front.close()
    finally:
        _stop(broker)
    return 0 if stop.is_set() else 1


def _stop(broker: subprocess.Popen[bytes]) -> None:
    broker.terminate()
    try:
        broker.wait(timeout=_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        broker.kill()
        broker.wait()


def main() -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="onerouter_local.longpoll")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    options = parser.parse_args()
    options.data_dir.mkdir(parents=True, exist_ok=True)
    return uvloop.run(run(options.port, options.data_dir))


if __name__ == "__main__":
    sys.exit(main())
