"""Which stack runs on a data directory: one file with the supervisor's pid and the moment it started."""

import json
import os
import time
from pathlib import Path

import psutil

_SAME_MOMENT_S = 2.0
_POLL_S = 0.05


def running(path: Path) -> psutil.Process | None:
    """The supervisor the file names, if it still runs. A pid that was reused by a stranger does not count."""
    try:
        written = json.loads(path.read_text())
        process = psutil.Process(int(written["pid"]))
        if abs(process.create_time() - float(written["created"])) < _SAME_MOMENT_S and process.is_running():
            return process
    except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
        return None
    return None


def claim(path: Path) -> None:
    """Write our own pid."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"pid": os.getpid(), "created": psutil.Process().create_time()}))


def release(path: Path) -> None:
    """Remove the file."""
    path.unlink(missing_ok=True)


def stop(process: psutil.Process, timeout_s: float) -> bool:
    """SIGTERM and wait; whether it ended in time."""
    process.terminate()
    deadline = time.monotonic() + timeout_s
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
