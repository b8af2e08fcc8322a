"""Connections on the management API: a tenant's own accounts at providers."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response, Security

from onerouter_common.contracts.base import Category
from onerouter_common.once.described import PARAMETER
from onerouter_common.once.request import Once, once_of
from onerouter_registry.access.authentication import tenant_caller
from onerouter_registry.access.caller import TenantCaller
from onerouter_registry.admin import Admin
from onerouter_registry.connection.choosing import Choice
from onerouter_registry.connection.model import Connection
from onerouter_registry.connection.schemas import (
    Connect,
    ConnectionPage,
    ConnectionPatch,
    ConnectionView,
    Rotation,
    ServiceList,
    TestedConnection,
)

router = APIRouter(prefix="/api/services", tags=["Services"])

Reader = Annotated[TenantCaller, Security(tenant_caller, scopes=["services:read"])]
Writer = Annotated[TenantCaller, Security(tenant_caller, scopes=["services:write"])]
OnceUsed = Annotated[Once, Depends(once_of)]
Service = Annotated[Category, Path(description="The category.", examples=["payments"])]
Provider = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{1,39}$", examples=["razorpay"])]
ConnectionId = Annotated[
    str | None, Query(max_length=64, description="Which of several, by id.", pattern="^con_[0-9a-z]+$")
]
ByLabel = Annotated[
    str | None, Query(max_length=100, description="Which of several, by label.", pattern=r"^[^\x00-\x1f]+$")
]
Include = Annotated[
    Literal["disconnected"] | None, Query(description="`disconnected`: those that were disconnected, too.")
]


def _admin(request: Request) -> Admin:
    admin: Admin = request.state.admin
    return admin


@router.get("", summary="What is connected, and what can be")
async def list_services(request: Request, caller: Reader, include: Include = None) -> ServiceList:
    """Every service with its connections in the order they are tried, and the providers that are not connected yet."""
    views = _admin(request).connection_views
    return await views.overview(caller.tenant_id, caller.environment, disconnected=include is not None)


@router.post(
    "/{service}/{provider}/connect",
    status_code=201,
    summary="Connect an account at a provider",
    openapi_extra={"parameters": [PARAMETER]},
)
async def connect_service(
    request: Request,
    response: Response,
    caller: Writer,
    service: Service,
    provider: Provider,
    once: OnceUsed,
    body: Connect,
) -> ConnectionView:
    """The credentials are checked for their form, then by the provider itself (a call that only reads), then sealed.

    422 `CREDENTIALS_REFUSED`: the provider does not accept them, nothing is stored. 503: it could not be asked, nothing
    is stored; `verify: false` stores without asking. 422 `PROVIDER_DISABLED`: the operator keeps it switched off.
    429: you had too many credentials checked lately.
    """
    admin = _admin(request)
    connected = await admin.connections.connect(
        caller.tenant_id,
        caller.environment,
        provider,
        body.credentials,
        category=service,
        label=body.label,
        currency=body.currency,
        max_in_flight=body.max_in_flight,
        rate_per_s=body.rate_per_s,
        enabled=body.enabled,
        priority=body.priority,
        verify=body.verify,
        once=once,
        by=caller.actor,
    )
    response.headers.update(once.headers)
    return await admin.connection_views.one(connected.connection)


@router.get("/{service}/{provider}", summary="The connections to one provider")
async def list_connections(
    request: Request,
    caller: Reader,
    service: Service,
    provider: Provider,
    include: Include = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    cursor: Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")] = None,
) -> ConnectionPage:
    """In the order they are tried, disconnected ones last. Follow `next_cursor` while `has_more`."""
    return await _admin(request).connection_views.page(
        caller.tenant_id,
        caller.environment,
        service,
        provider,
        disconnected=include is not None,
        limit=limit,
        cursor=cursor,
    )


@router.patch("/{service}/{provider}", summary="Change a connection")
async def update_connection(
    request: Request,
    caller: Writer,
    service: Service,
    provider: Provider,
    body: ConnectionPatch,
    connection_id: ConnectionId = None,
    label: ByLabel = None,
) -> ConnectionView:
    """All of what is named, or nothing. New credentials are checked as when connecting; with `verify: false` they can be
    stored while the operator keeps the provider switched off.

    Where there are several connections to the provider, `connection_id` or `label` says which; else 409
    `SEVERAL_CONNECTIONS`.
    """
    admin = _admin(request)
    found = await _choose(admin, caller, service, provider, connection_id, label)
    changed = await admin.connections.change(
        caller.tenant_id,
        caller.environment,
        found.id,
        body.changes(),
        credentials=body.credentials,
        verify=body.verify,
        by=caller.actor,
    )
    return await admin.connection_views.one(changed)


@router.post("/{service}/{provider}/test", summary="Ask the provider whether it accepts the credentials")
async def test_connection(
    request: Request,
    caller: Writer,
    service: Service,
    provider: Provider,
    connection_id: ConnectionId = None,
    label: ByLabel = None,
) -> TestedConnection:
    """A call that only reads; the answer is remembered. 503 when the provider could not be asked: nothing is changed.

    422 `CREDENTIALS_UNREADABLE`: they have to be entered again, and the connection is shown as refused until then. 422
    `PROVIDER_DISABLED`: the operator keeps it switched off, so nothing is sent there.
    """
    admin = _admin(request)
    found = await _choose(admin, caller, service, provider, connection_id, label)
    problem = await admin.verification.verify(caller.tenant_id, caller.environment, found.id, by=caller.actor)
    tested = await admin.connections.get(caller.tenant_id, caller.environment, found.id)
    view = await admin.connection_views.one(tested)
    return TestedConnection(**view.model_dump(), accepted=problem is None)


@router.delete("/{service}/{provider}", summary="Disconnect")
async def disconnect_service(
    request: Request,
    caller: Writer,
    service: Service,
    provider: Provider,
    connection_id: ConnectionId = None,
    label: ByLabel = None,
    forget: Annotated[bool, Query(description="Destroy the credentials at once, also of a disconnected one.")] = False,
) -> ConnectionView:
    """It takes nothing new from now on. What it took can be refunded and looked up until `credentials_kept_until`; then
    its credentials are destroyed, and its callback addresses end. Its label is free again at once."""
    admin = _admin(request)
    found = await _choose(admin, caller, service, provider, connection_id, label)
    gone = await admin.connections.disconnect(
        caller.tenant_id, caller.environment, found.id, forget=forget, by=caller.actor
    )
    return await admin.connection_views.one(gone)


@router.post(
    "/{service}/{provider}/callback-token/rotate",
    summary="Replace the callback address",
    openapi_extra={"parameters": [PARAMETER]},
)
async def rotate_callback_token(
    request: Request,
    response: Response,
    caller: Writer,
    service: Service,
    provider: Provider,
    once: OnceUsed,
    body: Rotation | None = None,
    connection_id: ConnectionId = None,
    label: ByLabel = None,
) -> ConnectionView:
    """A new address to enter at the provider; earlier ones work until the overlap ends."""
    admin = _admin(request)
    rotated_id = await admin.callback_tokens.rotate_once(
        caller.tenant_id,
        caller.environment,
        Choice(service, provider, connection_id, label),
        once,
        overlap=timedelta(seconds=(body or Rotation()).overlap_s),
        by=caller.actor,
    )
    response.headers.update(once.headers)
    rotated = await admin.connections.get(caller.tenant_id, caller.environment, rotated_id)
    return await admin.connection_views.one(rotated)


async def _choose(
    admin: Admin, caller: TenantCaller, service: str, provider: str, connection_id: str | None, label: str | None
) -> Connection:
    choice = Choice(service, provider, connection_id, label)
    return await admin.connections.choose(caller.tenant_id, caller.environment, choice)
