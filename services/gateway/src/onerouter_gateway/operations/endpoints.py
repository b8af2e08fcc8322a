"""`/v1/operations`: the transaction log."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import NotFound
from onerouter_common.ids import OPERATION, is_id
from onerouter_gateway.edge.documentation import listing, query
from onerouter_gateway.edge.routes import RawRoute
from onerouter_gateway.gateway import gateway_of
from onerouter_gateway.operations.schemas import Operation, OperationList, OperationTimeline
from onerouter_gateway.payments.endpoints import forward_query

router = APIRouter(prefix="/v1/operations", tags=["Operations"], route_class=RawRoute)

_READ = ("operations:read", "payments:read")


@router.get("/{operation_id}", **query("Get an operation", Operation))
async def get_operation(request: Request) -> Response:
    """With every attempt at a provider. This is where a 202 points."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, *_READ)
    return await forward_query(request, gateway, reading, f"/internal/operations/{_operation_id(request)}")


@router.get(
    "/{operation_id}/timeline",
    **listing("Get an operation's timeline", OperationTimeline, by_time=False, of_one=True, oldest_first=True),
)
async def get_operation_timeline(request: Request) -> Response:
    """Oldest first: accepted, scheduled, routed and why, each call with its outcome, the provider's callbacks, the events
    that were published, and how it ended."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, *_READ)
    operation_id = _operation_id(request)
    return await forward_query(request, gateway, reading, f"/internal/operations/{operation_id}/timeline")


@router.get(
    "",
    **listing(
        "List operations",
        OperationList,
        status="Only operations with this status.",
        operation="Only this kind, such as `payment.create`.",
        resource_id="Only operations on this resource.",
    ),
)
async def list_operations(request: Request) -> Response:
    """Newest first, without their attempts. Follow `next_cursor` while `has_more`."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, *_READ)
    return await forward_query(request, gateway, reading, "/internal/operations")


def _operation_id(request: Request) -> str:
    """Raises NotFound."""
    operation_id: str = request.path_params["operation_id"]
    if not is_id(OPERATION, operation_id):
        raise NotFound("There is no such operation in this environment.")
    return operation_id
