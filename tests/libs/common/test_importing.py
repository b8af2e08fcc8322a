"""Importing a module does nothing: no socket, no thread, no process, no look at the environment."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

WORKSPACE = Path(__file__).parents[3]
SOURCES = sorted(
    path / "src" for pattern in ("libs/*", "services/*", "deploy/local") for path in WORKSPACE.glob(pattern)
)
SCRIPTS = ("__main__", ".migrations.env")
"""Meant to be run, by Python and by Alembic: not imported by anything."""

WATCH = """
import importlib, json, os, sys, threading

done = []

def ours():
    # The frames of the import that is under way now, innermost first: what a library does at its own import is its affair.
    frame = sys._getframe(2)
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        if frame.f_globals.get("__name__", "").startswith("onerouter_"):
            return f"{frame.f_globals['__name__']}:{frame.f_lineno}"
        frame = frame.f_back
    return None

def note(what):
    if (where := ours()) is not None:
        done.append(f"{where} {what}")

def read_by():
    # Who asks: past what only hands the question on. (Pydantic looks at its own variables whenever a model is defined.)
    frame = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in HANDS_ON:
        frame = frame.f_back
    return frame.f_globals.get("__name__", "") if frame is not None else ""

HANDS_ON = ("os", "collections", "_collections_abc", "posixpath", "pathlib", "tempfile", "pydantic_settings")

WATCHED = ("socket.", "subprocess.", "os.fork", "os.system", "os.exec", "os.mkdir", "os.remove", "os.putenv", "_thread.")
sys.addaudithook(lambda event, arguments: note(event) if event.startswith(WATCHED) else None)

class Watched(type(os.environ)):
    def __getitem__(self, key):
        if (name := read_by()).startswith("onerouter_"):
            done.append(f"{name} reads ${key}")
        return super().__getitem__(key)

os.environ.__class__ = Watched
start = threading.Thread.start
def watched_start(self):
    note("starts a thread")
    return start(self)
threading.Thread.start = watched_start

for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps({"done": done, "threads": [t.name for t in threading.enumerate()]}))
"""


def modules() -> list[str]:
    found = [
        ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__")
        for source in SOURCES
        for path in sorted(source.rglob("*.py"))
    ]
    return [name for name in found if name.startswith("onerouter_") and not name.endswith(SCRIPTS)]


def run(names: list[str], *, path: Path | None = None) -> dict[str, list[str]]:
    # An environment as empty as it can be; -I so that nothing of the caller's gets in.
    paths = f"import sys; sys.path.insert(0, {str(path)!r})\n" if path else ""
    answer = subprocess.run(
        [sys.executable, "-I", "-c", paths + WATCH, json.dumps(names)],
        env={},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    told: dict[str, list[str]] = json.loads(answer.stdout.splitlines()[-1])
    return told


def test_importing_everything_starts_nothing_and_reads_no_environment() -> None:
    names = modules()
    assert len(names) > 100
    told = run(names)
    assert told["done"] == []
    assert told["threads"] == ["MainThread"]


@pytest.mark.parametrize(
    "line",
    [
        "import os; os.environ.get('HOME')",
        "import socket; socket.socket()",
        "import os; os.getenv('X')",
        "import threading; threading.Thread(target=print).start()",
        "import subprocess; subprocess.run(['true'])",
    ],
)
def test_the_watch_sees_what_it_is_there_for(tmp_path: Path, line: str) -> None:
    (tmp_path / "onerouter_culprit.py").write_text(f"{line}\n")
    assert run(["onerouter_culprit"], path=tmp_path)["done"] != []
