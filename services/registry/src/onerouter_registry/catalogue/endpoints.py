"""The catalogue: for services, and for everyone without signing in, since it holds no secret."""

import hashlib
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from onerouter_common.contracts.base import Category
from onerouter_registry.catalogue.directory import Directory
from onerouter_registry.catalogue.schemas import CatalogueView, ProviderView
from onerouter_registry.catalogue.service import Catalogue

router = APIRouter()
public = APIRouter(prefix="/api/catalogue", tags=["Catalogue"])

_CACHED: Final = "public, max-age=10"
_UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "As you have it: `If-None-Match` names its `ETag`."}
}


@router.get("/internal/catalogue", summary="Providers that can be connected")
async def list_providers(request: Request) -> dict[str, list[dict[str, Any]]]:
    catalogue: Catalogue = request.state.catalogue
    return {"data": catalogue.entries()}


@public.get("", summary="What can be connected", response_model=CatalogueView, responses=_UNCHANGED)
async def get_catalogue(
    request: Request, category: Annotated[Category | None, Query(description="Only this category.")] = None
) -> Response:
    """Categories and providers with what each needs, can do and costs. Needs no authentication."""
    return _cacheable(request, await _directory(request).all(category))


@public.get("/{category}/{provider}", summary="One provider", response_model=ProviderView, responses=_UNCHANGED)
async def get_catalogue_provider(
    request: Request,
    category: Annotated[str, Path(max_length=40, examples=["payments"])],
    provider: Annotated[str, Path(max_length=40, examples=["razorpay"])],
) -> Response:
    """Needs no authentication."""
    return _cacheable(request, await _directory(request).get(category, provider))


def _directory(request: Request) -> Directory:
    directory: Directory = request.state.directory
    return directory


def _cacheable(request: Request, view: BaseModel) -> Response:
    body = view.model_dump_json().encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": _CACHED}
    if _names(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _names(condition: str, tag: str) -> bool:
    """RFC 9110, 13.1.2: a list of tags, weak ones too, or `*`."""
    return any(one.strip().removeprefix("W/") in ("*", tag) for one in condition.split(","))
