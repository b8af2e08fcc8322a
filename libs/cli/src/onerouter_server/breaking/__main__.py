"""`python -m onerouter_server.breaking docs/released docs`: fails when the descriptions break what was released."""

import json
import sys
from pathlib import Path
from typing import Any, Final

from onerouter_server.breaking import asyncapi, openapi

_CHECKED: Final = {"openapi.json": openapi.broken, "asyncapi.json": asyncapi.broken}


def main(released: Path, current: Path) -> int:
    """The number of changes that break somebody, each told on standard error."""
    found = [
        f"{name}: {sentence}"
        for name, broken in _CHECKED.items()
        for sentence in broken(_read(released / name), _read(current / name))
    ]
    for line in found:
        print(line, file=sys.stderr)
    if found:
        print(f"{len(found)} changes break what was released; see CONTRIBUTING.md, Releases.", file=sys.stderr)
    return len(found)


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1]), Path(sys.argv[2])), 1))
