"""The operators' part of the management API: operations that only a person can end."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Security

from onerouter_registry.access.authentication import operator
from onerouter_registry.access.caller import Caller
from onerouter_registry.operator.operation_schemas import ResolutionBody, StuckOperationPageView, StuckOperationView
from onerouter_registry.operator.operations import StuckOperations

router = APIRouter(prefix="/api/admin/operations", tags=["Operators"])


def _operations(request: Request) -> StuckOperations:
    operations: StuckOperations = request.state.admin.operations
    return operations


Operator = Annotated[Caller, Security(operator)]
Operations = Annotated[StuckOperations, Depends(_operations)]
OperationId = Annotated[str, Path(max_length=64, examples=["op_01k9zq3v7m8e5t2r4w6y8a0c1d"])]


@router.get("", summary="List operations of unknown outcome")
async def list_stuck_operations(
    _: Operator,
    operations: Operations,
    state: Annotated[Literal["unknown"], Query(description="Only these wait for a person.")] = "unknown",
    tenant_id: Annotated[str | None, Query(max_length=64, pattern=r"^[0-9a-z_]+$")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=400, description="`next_cursor` of the page before.")] = None,
) -> StuckOperationPageView:
    """Of every tenant, oldest first. Most end by themselves: their providers are asked again and again."""
    del state
    found = await operations.page(tenant_id=tenant_id, limit=limit, cursor=cursor)
    return StuckOperationPageView.model_validate(found)


@router.get("/{operation_id}", summary="Get any tenant's operation")
async def get_stuck_operation(_: Operator, operations: Operations, operation_id: OperationId) -> StuckOperationView:
    return StuckOperationView.model_validate(await operations.get(operation_id))


@router.post("/{operation_id}/resolve", summary="Say what came of an operation of unknown outcome")
async def resolve_operation(
    caller: Operator, operations: Operations, operation_id: OperationId, body: ResolutionBody
) -> StuckOperationView:
    """It ends as if the provider had answered so: resource, events and the caller's answer follow. Who decided what, and
    why, is in the tenant's audit log. What the provider still tells later outweighs it."""
    ended = await operations.resolve(
        operation_id, body.outcome, body.reason, provider_id=body.provider_id, by=caller.actor
    )
    return StuckOperationView.model_validate(ended)
