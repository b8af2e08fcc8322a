"""The examples of a guide in docs/: as a script, and as the requests that they send."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

_DOCS: Final = Path(__file__).parents[2] / "docs"
SOURCING: Final = "set -a; source .onerouter/env; set +a"
_BASE: Final = "$ONEROUTER_BASE_URL"
_AHEAD: Final = re.compile(r"\$\(ahead [0-9]+\)")
_MOMENT: Final = "2026-01-31T09:30:00Z"


@dataclass(frozen=True, slots=True)
class Example:
    """One request to the API. `path` has no query; ids in it are `ID`."""

    method: str
    path: str
    body: Any
    has_bytes: bool = False
    """In place of JSON."""


def page(name: str) -> str:
    return (_DOCS / name).read_text()


def script(name: str) -> str:
    """All of it in order, for bash; the environment has what `.onerouter/env` holds."""
    return "\n".join(_blocks(name)).replace(SOURCING, "")


def examples(name: str) -> Iterator[Example]:
    """What is sent to the API; not what the sandbox is told."""
    for block in _blocks(name)[1:]:  # the first defines what the others use
        words = shlex.split(_AHEAD.sub(_MOMENT, re.sub(r"\$\(field [^)]*\)", "ID", block)), comments=True)
        starts = [place for place, word in enumerate(words) if word == "curl"]
        for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
            made = _example(words[start:end])
            if made is not None:
                yield made


def _blocks(name: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", page(name), re.MULTILINE | re.DOTALL)


def _example(words: list[str]) -> Example | None:
    address = next((word for word in words if word.startswith("$ONEROUTER_")), "")
    if not address.startswith(_BASE):
        return None  # of the sandbox, or an address that was answered
    has_body = "-d" in words and "-G" not in words  # with -G it is the query
    body = json.loads(words[words.index("-d") + 1]) if has_body else None
    usual = "HEAD" if "-I" in words else "GET" if body is None else "POST"
    method = words[words.index("-X") + 1] if "-X" in words else usual
    return Example(method, urlsplit(address.removeprefix(_BASE)).path, body, "--data-binary" in words)
