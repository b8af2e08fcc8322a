"""`make down` stops our stack and nobody else's process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil

from onerouter_local import pidfile


def test_our_own_claim_is_found_and_released(tmp_path: Path) -> None:
    path = tmp_path / "stack.pid"
    assert pidfile.running(path) is None
    pidfile.claim(path)
    found = pidfile.running(path)
    assert found is not None
    assert found.pid == os.getpid()
    pidfile.release(path)
    assert pidfile.running(path) is None


def test_a_pid_that_was_reused_is_a_stranger(tmp_path: Path) -> None:
    path = tmp_path / "stack.pid"
    path.write_text(json.dumps({"pid": os.getpid(), "created": psutil.Process().create_time() - 3600}))
    assert pidfile.running(path) is None


def test_a_broken_file_names_nobody(tmp_path: Path) -> None:
    path = tmp_path / "stack.pid"
    path.write_text("{")
    assert pidfile.running(path) is None


def test_stop_waits_for_the_end() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        assert pidfile.stop(psutil.Process(child.pid), timeout_s=10)
