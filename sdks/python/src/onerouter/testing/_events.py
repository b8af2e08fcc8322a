"""Deliveries of events, signed, for the tests of a webhook handler."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from itertools import count
from typing import Any, Final, NamedTuple

from onerouter import webhooks

WEBHOOK_SECRET: Final = "whsec_" + "T25lUm91dGVyIHRlc3RzLCBubyBzZWNyZXQgYXQgYWxs"
"""What `signed_event` signs with, unless told otherwise."""

_numbers = count(1)


class SignedEvent(NamedTuple):
    """What a delivery brings."""

    body: bytes
    headers: dict[str, str]


def event(type: str, data: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An event as the API makes them. `more` says other fields of it."""
    number = next(_numbers)
    resource = type.partition(".")[0]
    fields = {"object": resource, **(data or {})}
    return {
        "id": f"evt_test{number:022d}",
        "type": type,
        "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "environment": "test",
        "resource": {"kind": resource, "id": str(fields.get("id", f"{resource}_test{number}"))},
        "sequence": 1,
        "operation_id": None,
        "data": fields,
        **more,
    }


def signed_event(
    type: str,
    data: Mapping[str, Any] | None = None,
    *,
    secret: webhooks.Secrets = WEBHOOK_SECRET,
    timestamp: float | None = None,
    **more: Any,
) -> SignedEvent:
    """A delivery of such an event, signed for `secret`. `timestamp` is when it is sent, in Unix seconds; now, if absent."""
    made = event(type, data, **more)
    body = json.dumps(made, separators=(",", ":"), default=str).encode()
    return SignedEvent(body, webhooks.sign(body, secret, message_id=made["id"], timestamp=timestamp))
