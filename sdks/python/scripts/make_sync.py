"""Write the synchronous client from the asynchronous one: `_sync/` holds the same code without `await`.

    python -m sdks.python.scripts.make_sync            writes
    python -m sdks.python.scripts.make_sync --check    fails when what is there differs

In a source, lines between `# sync: leave out` and `# sync: go on` are not taken over, and behind `# sync: | text` stands
what replaces the next line. `_sync/_wait.py` is written by hand: it is where the two differ in kind.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Final

from sdks.python.scripts.writing import formatted, write

SOURCE: Final = Path(__file__).resolve().parents[1] / "src" / "onerouter"
TARGET: Final = SOURCE / "_sync"
MODULES: Final = (
    "_base",
    "_client",
    "_downloading",
    "_event_pages",
    "_events",
    "_pages",
    "_raw",
    "_resource",
    "_resources",
    "_transfers",
    "_transport",
    "_uploading",
)
STUB: Final = "_typed.pyi"
"""Written by `make_typed`, which comes first."""
BY_HAND: Final = "_wait.py"

_PACKAGE: Final = '"""The synchronous client, written by scripts/make_sync.py from the asynchronous one."""\n'
_HEADER: Final = "# Written by scripts/make_sync.py from {name}: change that, then `make sdk`.\n"
_LEFT_OUT: Final = re.compile(r"^ *# sync: leave out\n.*?^ *# sync: go on\n", re.MULTILINE | re.DOTALL)
_REPLACED: Final = re.compile(r"^( *)# sync: \| (.*)\n.*\n", re.MULTILINE)
_IMPORT: Final = re.compile(r"^(from \S+ import )([\w, ]+)$", re.MULTILINE)
_RULES: Final = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"\basync (?=def|with|for)", ""),
        (r"\bawait ", ""),
        (r"\bhttpx2\.AsyncClient\b", "httpx2.Client"),
        (r"\bAsyncIterator\b", "Iterator"),
        (r"\bAsyncGenerator\[(\w+), None\]", r"Generator[\1, None, None]"),
        (r"\bAsyncGenerator\b", "Generator"),
        (r"\bStopAsyncIteration\b", "StopIteration"),
        (r"(?<![A-Za-z0-9])Async(?=[A-Z])", "Sync"),
        (r"\bOneRouter(?=\()|(?<=class )OneRouter\b", "OneRouterSync"),
        (r"\b__a(enter|exit|iter|next)__", r"__\1__"),
        (r"\baclosing\b", "closing"),
        (r"\basynccontextmanager\b", "contextmanager"),
        (r"\baclose\b", "close"),
        (r"\baiter_(bytes|raw)\b", r"iter_\1"),
        (r"\bmany tasks\b", "many threads"),
        (r"\basynchronous\b", "synchronous"),
        (r"\bonerouter\.(" + "|".join((*MODULES, "_wait", "_typed")) + r")\b", r"onerouter._sync.\1"),
        (r"\bonerouter\.resources\.(?!_)", "onerouter._sync.resources."),
        (r"\bonerouter\.resources import\b", "onerouter._sync.resources import"),
    )
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when something differs")
    return write(TARGET, synced(), check=parser.parse_args().check)


def synced() -> dict[str, str]:
    """The text of each file of `_sync/`."""
    files = {"__init__.py": _PACKAGE, "resources/__init__.py": _PACKAGE, BY_HAND: (TARGET / BY_HAND).read_text("utf-8")}
    for source in sources():
        name = source.relative_to(SOURCE).as_posix()
        files[name] = formatted(without_async(source.read_text("utf-8"), name), is_stub=source.suffix == ".pyi")
    return files


def sources() -> list[Path]:
    resources = (path for path in (SOURCE / "resources").glob("*.py") if not path.name.startswith("_"))
    return [*(SOURCE / f"{name}.py" for name in MODULES), SOURCE / STUB, *sorted(resources)]


def without_async(text: str, name: str) -> str:
    """The same module for the synchronous client."""
    text = _REPLACED.sub(r"\1\2\n", _LEFT_OUT.sub("", text))
    for pattern, by in _RULES:
        text = pattern.sub(by, text)
    return _HEADER.format(name=name) + _IMPORT.sub(_once, text)


def _once(line: re.Match[str]) -> str:
    """Where two names have become one it is imported once."""
    return line[1] + ", ".join(dict.fromkeys(line[2].split(", ")))


if __name__ == "__main__":
    raise SystemExit(main())
