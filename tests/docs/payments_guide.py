"""The examples of docs/payments.md: as a script, and as the requests that they send."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

PAGE: Final = (Path(__file__).parents[2] / "docs/payments.md").read_text()
BLOCKS: Final[list[str]] = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SOURCING: Final = "set -a; source .onerouter/env; set +a"
_BASE: Final = "$ONEROUTER_BASE_URL"


@dataclass(frozen=True, slots=True)
class Example:
    """One request to the API. `path` has no query; ids in it are `ID`."""

    method: str
    path: str
    body: Any


def script() -> str:
    """All of it in order, for bash; the environment has what `.onerouter/env` holds."""
    return "\n".join(BLOCKS).replace(SOURCING, "")


def examples() -> Iterator[Example]:
    """What is sent to the API; not what the sandbox is told."""
    for block in BLOCKS[1:]:  # the first defines what the others use
        words = shlex.split(re.sub(r"\$\(field [^)]*\)", "ID", block), comments=True)
        starts = [place for place, word in enumerate(words) if word == "curl"]
        for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
            made = _example(words[start:end])
            if made is not None:
                yield made


def _example(words: list[str]) -> Example | None:
    (address,) = [word for word in words if word.startswith("$ONEROUTER_")]
    if not address.startswith(_BASE):
        return None
    body = json.loads(words[words.index("-d") + 1]) if "-d" in words else None
    method = words[words.index("-X") + 1] if "-X" in words else "GET" if body is None else "POST"
    return Example(method, urlsplit(address.removeprefix(_BASE)).path, body)
