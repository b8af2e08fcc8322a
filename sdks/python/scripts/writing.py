"""Generated files: written, or compared with what is there."""

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_RUFF: Final = Path(sys.executable).with_name("ruff")


def docstring(text: str, indent: int) -> str:
    """Of a class, a method or a field, wrapped."""
    pad = " " * indent
    text = text.strip().replace("\\", "\\\\").replace('"""', "'''")
    if len(text) + indent + 6 <= 118 and "\n" not in text and not text.endswith('"'):
        return f'{pad}"""{text}"""'
    lines = [
        line
        for paragraph in text.split("\n")
        for line in (textwrap.wrap(paragraph, 112 - indent, break_long_words=False, break_on_hyphens=False) or [""])
    ]
    return f'{pad}"""' + f"\n{pad}".join(lines).replace(f"\n{pad}\n", "\n\n") + f'\n{pad}"""'


def formatted(source: str, *, is_stub: bool = False) -> str:
    """As `make fmt` would have it."""
    checked = _ruff("check", "--fix-only", "--quiet", "--select", "I,F401", source=source, is_stub=is_stub)
    return _ruff("format", source=checked, is_stub=is_stub)


def write(folder: Path, files: Mapping[str, str], *, check: bool, beside: bool = False) -> int:
    """Put the files there and nothing else (`beside`: what else is there is another's); with `check` only say what differs.
    The exit status."""
    there = (
        {str(path.relative_to(folder)) for path in folder.rglob("*.py")} if folder.exists() and not beside else set()
    )
    stale = sorted(there - set(files))
    for name in stale:
        if not check:
            (folder / name).unlink()
    changed = [name for name, text in sorted(files.items()) if _differs(folder / name, text)]
    if check:
        for name in [*changed, *stale]:
            print(f"{folder / name} is not current: run `make sdk`.", file=sys.stderr)
        return 1 if changed or stale else 0
    for name in changed:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(files[name], "utf-8")
    return 0


def _differs(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text("utf-8") != text


def _ruff(*arguments: str, source: str, is_stub: bool) -> str:
    name = Path(__file__).with_name("generated.pyi" if is_stub else "generated.py")
    command = [str(_RUFF), *arguments, "--stdin-filename", str(name)]
    done = subprocess.run([*command, "-"], input=source, capture_output=True, text=True, check=True)
    return done.stdout
