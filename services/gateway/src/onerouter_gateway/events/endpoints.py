"""`/v1/events`: forwarded to the webhooks service, which validates and answers."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import NotFound
from onerouter_common.ids import EVENT, is_id
from onerouter_gateway.edge.documentation import change_at_once, listing, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.forward import body_of, to_response
from onerouter_gateway.edge.once import keyed, once_of
from onerouter_gateway.events.schemas import EventPage, EventRedeliver, EventWithDeliveries, Redelivery
from onerouter_gateway.events.streaming import MEDIA_TYPE, SCOPE
from onerouter_gateway.gateway import gateway_of

_INTERNAL: Final = "/internal/events"
_TYPES: Final = "Only these, comma-separated: `payment.succeeded`, or `refund.*` for all below a name."
_LIST: Final = listing(
    "List events",
    EventPage,
    by_time=False,
    paged=False,
    oldest_first=True,
    after="The `iterator` of the page before, or an event's `id`; `now`: from now on. Absent: from the oldest that is kept.",
    types=_TYPES,
)
_LIST["openapi_extra"]["parameters"].insert(
    2,
    {
        "name": "limit",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
        "description": "Most events of one page.",
    },
)


def _stream() -> dict[str, Any]:
    described = listing(
        "Stream events",
        EventPage,
        by_time=False,
        paged=False,
        after="An `iterator`, or the `id` of an event or of a frame. Absent: from this moment on.",
        types=_TYPES,
    )
    described["openapi_extra"]["parameters"].append(
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": 200},
            "description": "The last `id` that was read: the stream goes on behind it. Wins over `after`.",
        }
    )
    answer = described["responses"][200]
    described["responses"][200] = {
        "description": "Server-sent events, without an end: `id` is a cursor, `event` the type, `data` the event.",
        "headers": answer["headers"],
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
    return described


@endpoint(_LIST)
async def list_events(request: Request) -> Response:
    """In the order in which they were stored: who goes on with `iterator` misses none and gets none twice."""
    return await _read(request, _INTERNAL)


@endpoint(_stream())
async def stream_events(request: Request) -> Response:
    """As they come, in the same order. A comment comes every 15 seconds while nothing happens; who takes nothing for 30
    seconds is cut off, and goes on with `Last-Event-ID`. A key may have 10 streams open, an account 50.
    """
    gateway = gateway_of(request)
    return await gateway.streams.answer(request, await gateway.admission.read(request, SCOPE))


@endpoint(query("Get an event", EventWithDeliveries))
async def get_event(request: Request) -> Response:
    """As it was delivered, and what became of its deliveries."""
    return await _read(request, f"{_INTERNAL}/{_event_id(request)}")


@endpoint(keyed(change_at_once("Redeliver an event", EventRedeliver, Redelivery)))
async def redeliver_event(request: Request) -> Response:
    """Sends it once more, under the same id. What was planned anyway goes on until it is taken."""
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, "webhooks:write")
    path = f"{_INTERNAL}/{_event_id(request)}/redeliver"
    answer = await gateway.webhooks.request(
        "POST",
        path,
        tenant_id=asked.principal.tenant_id,
        environment=asked.environment,
        body=body_of(asked.body),
        once=once_of(asked, gateway.commands.digest, path),
    )
    return to_response(answer, request)


async def _read(request: Request, path: str) -> Response:
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, SCOPE)
    answer = await gateway.webhooks.get(
        path,
        tenant_id=reading.principal.tenant_id,
        environment=reading.environment,
        query=request.url.query,
    )
    return to_response(answer, request)


def _event_id(request: Request) -> str:
    """Raises NotFound."""
    event_id: str = request.path_params["event_id"]
    if not is_id(EVENT, event_id):
        raise NotFound("There is no such event in this environment.")
    return event_id
