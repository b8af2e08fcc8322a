"""The internal reads of operations that the gateway forwards to."""

from typing import Annotated, Any, cast

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import StringConstraints
from starlette.responses import Response

from onerouter_common.contracts.replies import OperationState
from onerouter_common.operations.log_statements import OperationFilter
from onerouter_common.operations.repository import OperationReads
from onerouter_common.reads.asked import AskedPage
from onerouter_common.reads.pairs import asked_pairs
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context

Tenant = Annotated[TenantContext, Depends(tenant_context)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,40}$")]
Category = Annotated[list[Name] | None, Query(max_length=20)]  # any of several
Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]  # PostgreSQL has no text with NUL


def _reads(request: Request) -> OperationReads:
    return cast(OperationReads, request.state.operations)


Reads = Annotated[OperationReads, Depends(_reads)]


def router(auth: InternalAuth) -> APIRouter:
    """`/internal/operations…`. Needs `request.state.operations`."""
    routes = APIRouter(prefix="/internal/operations", dependencies=[Depends(auth)])

    @routes.get("/{operation_id}/reply")
    async def get_reply(tenant: Tenant, reads: Reads, operation_id: str) -> Response:
        return Response((await reads.reply(tenant, operation_id)).to_bytes(), media_type="application/json")

    @routes.get("/{operation_id}/timeline")
    async def get_timeline(
        tenant: Tenant, reads: Reads, page: AskedPage, operation_id: str, category: Category = None
    ) -> Response:
        return _json(await reads.timeline(tenant, operation_id, page, _any_of(category)))

    @routes.get("/{operation_id}")
    async def get_operation(tenant: Tenant, reads: Reads, operation_id: str, category: Category = None) -> Response:
        return _json(await reads.one(tenant, operation_id, _any_of(category)))

    @routes.get("")
    async def list_operations(
        request: Request,
        tenant: Tenant,
        reads: Reads,
        page: AskedPage,
        status: OperationState | None = None,
        operation: Text = None,
        action: Text = None,
        provider: Text = None,
        resource_id: Text = None,
        operation_id: Text = None,
        category: Category = None,
    ) -> Response:
        """And `metadata[name]=value`."""
        wanted = OperationFilter(
            status=status,
            operation=operation,
            action=action,
            provider=provider,
            resource_id=resource_id,
            operation_id=operation_id,
            metadata=asked_pairs("metadata", request.query_params.multi_items()),
            categories=_any_of(category),
        )
        return _json(await reads.many(tenant, wanted, page))

    return routes


def _any_of(categories: list[str] | None) -> tuple[str, ...] | None:
    return None if categories is None else tuple(categories)


def _json(view: dict[str, Any]) -> Response:
    return Response(orjson.dumps(view), media_type="application/json")
