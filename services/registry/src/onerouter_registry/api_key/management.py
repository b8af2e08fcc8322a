"""API keys on the management API."""

from collections.abc import Iterable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response, Security

from onerouter_common.errors import NotPermitted
from onerouter_common.once.described import PARAMETER
from onerouter_common.once.request import Once, once_of
from onerouter_common.registry_client import KeyStatus
from onerouter_registry.access.authentication import tenant_caller
from onerouter_registry.access.caller import TenantCaller
from onerouter_registry.admin import Admin
from onerouter_registry.api_key.authority import Authority, authority_of
from onerouter_registry.api_key.schemas import (
    AreaView,
    CreatedKeyView,
    KeyPageView,
    KeyPatch,
    KeyView,
    NewKey,
    RotatedKeyView,
    Rotation,
    ScopeTree,
    ScopeView,
)
from onerouter_registry.api_key.scopes import AREAS, EVERYTHING
from onerouter_registry.api_key.service import ApiKeys

router = APIRouter(prefix="/api/api-keys", tags=["API keys"])

Reader = Annotated[TenantCaller, Security(tenant_caller, scopes=["api_keys:read"])]
Writer = Annotated[TenantCaller, Security(tenant_caller, scopes=["api_keys:write"])]
KeyId = Annotated[str, Path(max_length=64, examples=["key_01k9zq3v9yf7w8r2m4t6x8z0bc"])]
_NOT_STORED: Final = {"Cache-Control": "no-store"}


@router.get("", summary="List API keys", response_model=KeyPageView)
async def list_api_keys(
    request: Request,
    caller: Reader,
    status: Annotated[KeyStatus | None, Query(description="Only keys with this status.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")] = None,
) -> KeyPageView:
    """Those of your environment, newest first. Follow `next_cursor` while `has_more`."""
    keys = _keys(request)
    page = await keys.page(caller.tenant_id, caller.environment, status=status, cursor=cursor, limit=limit)
    return KeyPageView.of(page, keys.clock.now())


@router.get("/scopes", summary="List what a key can be given", response_model=ScopeTree)
async def list_api_key_scopes(caller: Reader) -> ScopeTree:
    """Every scope there is, by area, and whether you may give it."""
    try:
        authority = authority_of(caller.caller, caller.environment)
    except NotPermitted:
        authority = None  # reads keys, makes none
    everything = _scope(authority, EVERYTHING, "Everything below, and what will be added.", ())
    return ScopeTree(
        everything=everything,
        data=[
            AreaView(
                id=area.id,
                display_name=area.display_name,
                description=area.description,
                scopes=[_scope(authority, one.name, one.description, one.implies) for one in area.scopes],
            )
            for area in AREAS
        ],
    )


@router.post(
    "",
    summary="Create an API key",
    status_code=201,
    response_model=CreatedKeyView,
    openapi_extra={"parameters": [PARAMETER]},
)
async def create_api_key(
    request: Request, response: Response, caller: Writer, once: Annotated[Once, Depends(once_of)], body: NewKey
) -> CreatedKeyView:
    """The answer holds the key; it is not stored and cannot be shown again. A repeat under the same `Idempotency-Key` makes
    no second one, and is answered without it."""
    keys = _keys(request)
    environment = body.environment or caller.environment
    created = await keys.create_once(
        caller.tenant_id,
        environment,
        body.settings(),
        once,
        by=caller.actor,
        authority=authority_of(caller.caller, environment),
    )
    response.headers.update({**_NOT_STORED, **once.headers})
    return CreatedKeyView.made(created, keys.clock.now())


@router.get("/{key_id}", summary="Get an API key", response_model=KeyView)
async def get_api_key(request: Request, caller: Reader, key_id: KeyId) -> KeyView:
    keys = _keys(request)
    key = await keys.get(caller.tenant_id, caller.environment, key_id)
    return KeyView.of(key, keys.clock.now())


@router.patch("/{key_id}", summary="Change an API key", response_model=KeyView)
async def update_api_key(request: Request, caller: Writer, key_id: KeyId, body: KeyPatch) -> KeyView:
    """Every gateway follows within a second."""
    keys = _keys(request)
    key = await keys.update(
        caller.tenant_id,
        caller.environment,
        key_id,
        body.changes(),
        by=caller.actor,
        authority=_authority(caller),
    )
    return KeyView.of(key, keys.clock.now())


@router.post(
    "/{key_id}/rotate",
    summary="Rotate an API key",
    status_code=201,
    response_model=RotatedKeyView,
    openapi_extra={"parameters": [PARAMETER]},
)
async def rotate_api_key(
    request: Request,
    response: Response,
    caller: Writer,
    key_id: KeyId,
    once: Annotated[Once, Depends(once_of)],
    body: Rotation | None = None,
) -> RotatedKeyView:
    """A new key with the same settings. Both work until the overlap ends, and count together. A repeat under the same
    `Idempotency-Key` makes no third one, and is answered without the key."""
    keys = _keys(request)
    rotated = await keys.rotate_once(
        caller.tenant_id,
        caller.environment,
        key_id,
        once,
        overlap_s=(body or Rotation()).overlap_s,
        by=caller.actor,
        authority=_authority(caller),
    )
    response.headers.update({**_NOT_STORED, **once.headers})
    return RotatedKeyView.rotated(rotated, keys.clock.now())


@router.delete("/{key_id}", summary="Revoke an API key", response_model=KeyView)
async def revoke_api_key(request: Request, caller: Writer, key_id: KeyId) -> KeyView:
    """It ends for good, at every gateway within a second; doing it again changes nothing."""
    keys = _keys(request)
    key = await keys.revoke(caller.tenant_id, caller.environment, key_id, by=caller.actor)
    return KeyView.of(key, keys.clock.now())


def _keys(request: Request) -> ApiKeys:
    admin: Admin = request.state.admin
    return admin.api_keys


def _authority(caller: TenantCaller) -> Authority:
    return authority_of(caller.caller, caller.environment)


def _scope(authority: Authority | None, name: str, description: str, implies: Iterable[str]) -> ScopeView:
    grantable = authority is not None and not authority.cannot_give([name])
    return ScopeView(name=name, description=description, implies=sorted(implies), grantable=grantable)
