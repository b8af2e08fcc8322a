"""The internal route by which the webhooks service has a subscription confirmed."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_messaging.handshake.service import Handshakes

Context = Annotated[TenantContext, Depends(tenant_context)]
ConnectionId = Annotated[str, Path(max_length=64, pattern=r"^con_[0-9a-z]+$")]


class SubscriptionBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    subject: str = Field(min_length=1, max_length=300, pattern=r"^[\x21-\x7e]+$")
    token: str = Field(min_length=1, max_length=1_000, pattern=r"^[\x21-\x7e]+$", repr=False)


def router(auth: InternalAuth) -> APIRouter:
    """`/internal/connections/{id}/confirm-callbacks`. Needs `request.state.handshakes`."""
    routes = APIRouter(prefix="/internal/connections", dependencies=[Depends(auth)])

    @routes.post("/{connection_id}/confirm-callbacks")
    async def confirm_callbacks(
        context: Context, connection_id: ConnectionId, body: SubscriptionBody, request: Request
    ) -> dict[str, bool]:
        handshakes = cast(Handshakes, request.state.handshakes)
        await handshakes.confirm(context, connection_id, body.subject, body.token)
        return {"confirmed": True}

    return routes
