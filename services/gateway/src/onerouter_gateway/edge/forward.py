"""Another service's answer as ours: success as it is, a problem with our address and trace in it."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common import telemetry
from onerouter_common.errors import Overloaded
from onerouter_common.web.problems import MEDIA_TYPE
from onerouter_gateway.upstream import Answer


def to_response(answer: Answer, request: Request) -> Response:
    """Raises Overloaded where the other service failed in a way that says nothing to a caller."""
    if answer.status == 204 or (answer.is_success and not answer.body):
        return Response(b"{}", media_type="application/json")
    if answer.is_success:
        return Response(answer.body, status_code=answer.status, media_type="application/json")
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
    trace_id = telemetry.trace_id()
    if trace_id is not None:
        problem["trace_id"] = trace_id
    return problem
