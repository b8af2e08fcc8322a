"""Another service's answer as ours: success as it is, a problem with our address and trace in it."""

import json
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import Overloaded
from onerouter_common.once.key import REPLAYED
from onerouter_common.web.problems import MEDIA_TYPE
from onerouter_gateway.edge.canonical import ENVELOPE
from onerouter_gateway.upstream import Answer


def body_of(body: Mapping[str, Any]) -> bytes:
    """The body for another service, which knows nothing of the fields that are about the request itself."""
    wanted = {name: value for name, value in body.items() if name not in ENVELOPE}
    return json.dumps(wanted, default=str).encode()  # orjson refuses integers beyond 64 bits


def to_response(answer: Answer, request: Request) -> Response:
    """Raises Overloaded where the other service failed in a way that says nothing to a caller."""
    if answer.status == 204 or (answer.is_success and not answer.body):
        return Response(b"{}", media_type="application/json")
    if answer.is_success:
        replayed = answer.headers.get(REPLAYED.lower())
        return Response(
            answer.body,
            status_code=answer.status,
            media_type="application/json",
            headers=None if replayed is None else {REPLAYED: replayed},
        )
    if answer.status >= 500:
        raise Overloaded("The request could not be answered right now. Try again in a few seconds.", retry_after_s=2)
    headers = {"Retry-After": answer.headers["retry-after"]} if "retry-after" in answer.headers else {}
    return Response(
        orjson.dumps(_public(answer, request)), status_code=answer.status, media_type=MEDIA_TYPE, headers=headers
    )


def _public(answer: Answer, request: Request) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        raise Overloaded("The request could not be answered right now. Try again in a few seconds.", retry_after_s=2)
    problem["instance"] = request.url.path
    problem["trace_id"] = request.state.trace_id
    return problem
