"""The bytes of an event: with its data, or with a reference where that is too large."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from onerouter_common.contracts.event_types import EVENT_TYPES
from onerouter_common.contracts.events import EventResource
from onerouter_webhooks.event.payload import MOST_BYTES, body_of

from ..conftest import an_event

_DOCUMENT = Path(__file__).parents[4] / "docs" / "openapi.json"
_ONLY_TOLD_OF = {"dispute", "transfer", "connection", "callback_subscription"}
_NEVER_SO_LARGE = {"object", "upload"}


def of_size(kind: str, chars: int) -> tuple[Any, bytes]:
    data = {"id": "x_1", "object": kind, "text": "ü" * chars}
    event = an_event("ten_1", f"{kind}.updated", resource=EventResource(kind=kind, id="x_1"), data=data)
    return event, body_of(event)


def test_the_bound_is_of_bytes_and_exact() -> None:
    event, empty = of_size("payment", 0)
    room = MOST_BYTES - 1 - len(empty)
    event, body = of_size("payment", room // 2)
    assert MOST_BYTES - 2 <= len(body) < MOST_BYTES
    assert json.loads(body)["data"] == event.data
    event, body = of_size("payment", room // 2 + 1)
    told = json.loads(body)
    assert told["data"] == {"id": "x_1", "object": "payment", "href": "/v1/payments/x_1", "truncated": True}
    assert (told["id"], told["type"], told["sequence"]) == (event.id, "payment.updated", 1)
    assert told["resource"] == {"kind": "payment", "id": "x_1"}


@pytest.mark.parametrize("kind", sorted({one.kind for one in EVENT_TYPES.values()}))
def test_the_reference_leads_to_a_route(kind: str) -> None:
    _, body = of_size(kind, 20_000)
    href = json.loads(body)["data"]["href"]
    if kind in _ONLY_TOLD_OF | _NEVER_SO_LARGE:
        assert href is None
        return
    paths = json.loads(_DOCUMENT.read_text())["paths"]
    described = {re.sub(r"{[a-z_]+}$", "x_1", path) for path, methods in paths.items() if "get" in methods}
    assert href in described
