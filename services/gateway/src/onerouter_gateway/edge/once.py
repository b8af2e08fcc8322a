"""What takes an idempotency key and is no operation: its service carries it out at once, and knows digests in place of both.

Keyed digests: what was asked may hold a password, which must not stand in a database in a form that can be guessed.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from onerouter_common.once.described import PARAMETER
from onerouter_common.once.key import Key
from onerouter_gateway.admission import Writing
from onerouter_gateway.edge.canonical import ENVELOPE
from onerouter_gateway.edge.documentation import header_references


def once_of(
    asked: Writing,
    digest: Callable[[bytes], str],
    path: str,
    *,
    wanted: Mapping[str, Any] | None = None,
    is_secret: bool = False,
) -> Key | None:
    """None: without a key. `path`: where the service is asked; `wanted`: what, where that is not the body as it was sent.

    `is_secret`: the answer is. Then it is answered again to the API key that got it alone: to another one of the tenant's it
    was another request.
    """
    if asked.key is None:
        return None
    what = {name: value for name, value in asked.body.items() if name not in ENVELOPE} if wanted is None else wanted
    return key_of(asked.key, digest, path, [what, asked.principal.api_key_id] if is_secret else what)


def key_of(key: str, digest: Callable[[bytes], str], path: str, what: Any) -> Key:
    """`what`: as JSON has it."""
    asked = json.dumps([path, what], sort_keys=True, default=str)
    return Key(digest(b"key\n" + key.encode()), digest(b"request\n" + asked.encode()))


def keyed(described: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI says of a route, and that it takes a key."""
    status = described.get("status_code", 200)
    answer = described["responses"][status]
    headers = {**answer.get("headers", {}), **header_references("Idempotency-Replayed")}
    extra = described["openapi_extra"]
    return {
        **described,
        "responses": {**described["responses"], status: {**answer, "headers": headers}},
        "openapi_extra": {**extra, "parameters": [PARAMETER, *extra.get("parameters", ())]},
    }
