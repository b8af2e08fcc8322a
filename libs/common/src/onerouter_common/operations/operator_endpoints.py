"""The internal API for operators, which the registry calls on their behalf: it knows who they are and keeps the books."""

from typing import Annotated, Any, Literal, Self, cast

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from onerouter_common.operations.stuck import StuckOperations
from onerouter_common.reads.paging import MOST, Page
from onerouter_common.web.internal import InternalAuth
from onerouter_common.worker.resolution import Decision

OperationId = Annotated[str, Path(max_length=64, pattern=r"^op_[0-9a-z]+$")]


class DecisionBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    outcome: Literal["succeeded", "failed"]
    reason: str = Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$")
    provider_id: str | None = Field(None, min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
    by: str = Field(min_length=1, max_length=400)

    @model_validator(mode="after")
    def _names_what_was_done(self) -> Self:
        if (self.outcome == "succeeded") != (self.provider_id is not None):
            raise ValueError("provider_id belongs to the outcome succeeded, and only to that")
        return self


def _stuck(request: Request) -> StuckOperations:
    return cast(StuckOperations, request.state.stuck)


Stuck = Annotated[StuckOperations, Depends(_stuck)]


def router(auth: InternalAuth) -> APIRouter:
    """`/internal/admin/operations…`. Needs `request.state.stuck`."""
    routes = APIRouter(prefix="/internal/admin/operations", dependencies=[Depends(auth)])

    @routes.get("")
    async def list_unknown(
        stuck: Stuck,
        tenant_id: Annotated[str | None, Query(max_length=64, pattern=r"^[0-9a-z_]+$")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
        cursor: Annotated[str | None, Query(max_length=400)] = None,
    ) -> Response:
        return _json(await stuck.page(tenant_id, Page(limit, cursor)))

    @routes.get("/{operation_id}")
    async def get_operation(stuck: Stuck, operation_id: OperationId) -> Response:
        return _json(await stuck.get(operation_id))

    @routes.post("/{operation_id}/resolve")
    async def resolve(stuck: Stuck, operation_id: OperationId, body: DecisionBody) -> Response:
        decision = Decision(body.outcome, body.reason, body.by, body.provider_id)
        return _json(await stuck.resolve(operation_id, decision))

    return routes


def _json(view: dict[str, Any]) -> Response:
    return Response(orjson.dumps(view), media_type="application/json")
