"""The internal reads of messages that the gateway forwards to."""

from typing import Annotated, Any, Literal, cast

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from onerouter_common.reads.asked import AskedPage
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_messaging.message.reads import MessageFilter, MessageReads

Tenant = Annotated[TenantContext, Depends(tenant_context)]
Channel = Literal["sms", "email"]
# A word that no message can have is a mistake worth naming, not an empty list.
Status = Literal[
    "scheduled",
    "queued",
    "sent",
    "deferred",
    "delivered",
    "undelivered",
    "bounced",
    "failed",
    "canceled",
    "received",
]
Text = Annotated[str | None, Query(max_length=320, pattern=r"^[^\x00]*$")]  # PostgreSQL has no text with NUL
Include = Annotated[Literal["content"] | None, Query()]


def _reads(request: Request) -> MessageReads:
    return cast(MessageReads, request.state.messages)


Reads = Annotated[MessageReads, Depends(_reads)]


def router(auth: InternalAuth) -> APIRouter:
    """`/internal/messages…`. Needs `request.state.messages`."""
    routes = APIRouter(prefix="/internal/messages", dependencies=[Depends(auth)])

    @routes.get("/{channel}/{message_id}")
    async def get_message(
        tenant: Tenant, reads: Reads, channel: Channel, message_id: str, include: Include = None
    ) -> Response:
        return _json(await reads.one(tenant, channel, message_id, content=include is not None))

    @routes.get("/{channel}")
    async def list_messages(
        tenant: Tenant,
        reads: Reads,
        page: AskedPage,
        channel: Channel,
        status: Status | None = None,
        provider: Text = None,
        to: Text = None,
        batch_id: Text = None,
        direction: Literal["outbound", "inbound"] | None = None,
        tag: Text = None,
    ) -> Response:
        wanted = MessageFilter(status, provider, to, batch_id, direction, tag)
        return _json(await reads.many(tenant, channel, wanted, page))

    return routes


def _json(view: dict[str, Any]) -> Response:
    return Response(orjson.dumps(view), media_type="application/json")
