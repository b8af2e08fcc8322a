"""Packages of npm that tests run: installed once, from a lock, outside of the tree."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

_INSTALL_S: Final = 60.0


def installed(source: Path, cache: Path, name: str) -> tuple[str, Path]:
    """The program `node`, and the folder in `cache` with what lies in `source` and what its lock names.

    Skips where there is no node or npm, or no registry to install from.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    lock = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()[:12]
    home = cache / f"{name}-{lock}"
    home.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        shutil.copy(file, home)
    if not (home / ".installed").exists():
        _install(npm, home, name)
    return node, home


def _install(npm: str, home: Path, name: str) -> None:
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=home, capture_output=True, timeout=_INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install {name} within {_INSTALL_S:.0f} s")
    if done.returncode != 0:
        pytest.skip(f"npm could not install {name}; is its registry within reach?")
    (home / ".installed").touch()
