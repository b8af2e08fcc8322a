"""The catalogue of events. `python -m onerouter_gateway.events.document > docs/event-types.md` writes the committed one."""

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final

from onerouter_common.contracts.event_types import EVENT_TYPES, EventType
from onerouter_gateway.events.catalogue import DATA, definitions

_HEAD: Final = """# Event types

Written by `make docs`; `tests/services/gateway/events/test_catalogue.py` keeps it current. `GET /v1/event-types` says the
same for programs, with an example of each type and the JSON Schema of its data.

Every event has the same envelope: `type`, `timestamp`, `id` (the same however often it is sent), `environment`, `resource`
(`kind` and `id`), `sequence` (counts the events of one resource without a gap), `operation_id` (what caused it; null where a
provider told us) and `data`: the resource as it was then. Endpoints and readers choose by type: `payment.succeeded`, or
`payment.*` for all below a name. New types and new fields may come at any time: pass over what you do not know.

An event is smaller than 20 kB. Where `data` would make it larger, it is `{"id", "object", "href", "truncated": true}`: ask
`href` for the rest.
"""


def describe() -> str:
    """The whole page, Markdown."""
    parts = [_HEAD]
    for category, of_it in groupby(EVENT_TYPES.values(), key=lambda one: one.category):
        parts.append(f"## {category}\n")
        parts += [_kind(kind, list(types)) for kind, types in groupby(of_it, key=lambda one: one.kind)]
    return "\n".join(parts)


def _kind(kind: str, types: list[EventType]) -> str:
    rows = [f"| `{one.name}` | {one.description} |" for one in types]
    example = json.dumps(types[0].example_event, indent=2, ensure_ascii=False)
    return "\n".join(
        [
            f"### {kind}\n",
            "| type | what happened |",
            "|---|---|",
            *rows,
            "",
            f"`data` is {_articled(DATA[kind].__name__)}:\n",
            "| field | type | |",
            "|---|---|---|",
            *_fields(definitions()[DATA[kind].__name__]),
            "",
            f"<details><summary>Example: {types[0].name}</summary>\n",
            f"```json\n{example}\n```\n",
            "</details>\n",
        ]
    )


def _articled(name: str) -> str:
    return f"{'an' if name[0] in 'AEIO' else 'a'} `{name}`"


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    for name, field in schema["properties"].items():
        yield f"| `{name}` | {_type(field)} | {field.get('description', '')} |"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return f"`{field['$ref'].rpartition('/')[2]}`"
    if "anyOf" in field:
        return _joined(_type(one) for one in field["anyOf"])
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return _joined(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"array of {_type(field.get('items', {}))}"
    return str(field.get("type", "anything"))


def _joined(parts: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(parts))


if __name__ == "__main__":
    sys.stdout.write(describe())
