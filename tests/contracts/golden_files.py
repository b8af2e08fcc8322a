"""Golden files: `ONEROUTER_WRITE_GOLDEN=1 pytest tests/contracts` writes them; without it a difference fails."""

import json
import os
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"

CHANGED = (
    "{name} differs from the committed golden file. What is on a topic may be read by an older or newer release: add an "
    "optional field, or make a new version of the topic beside the old one. If it was meant, write the file again "
    "(ONEROUTER_WRITE_GOLDEN=1) and say so in the changelog."
)


def check(name: str, value: Any) -> None:
    """Compare with the committed file, or write it when asked to."""
    path = GOLDEN / f"{name}.json"
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("ONEROUTER_WRITE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"{path.name} is missing"
    assert json.loads(path.read_text()) == value, CHANGED.format(name=name)


def read(name: str) -> bytes:
    """A committed file's content."""
    return (GOLDEN / f"{name}.json").read_bytes()


def shape_of(schema: Any) -> Any:
    """A JSON schema without its prose: rewording a docstring changes no shape."""
    if isinstance(schema, list):
        return [shape_of(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    prose = {"title", "description"}
    return {key: shape_of(value) for key, value in schema.items() if not (key in prose and isinstance(value, str))}
