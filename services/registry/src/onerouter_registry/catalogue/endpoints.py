"""The catalogue, for services and through them for the dashboard."""

from typing import Any

from fastapi import APIRouter, Request

from onerouter_registry.catalogue.service import Catalogue

router = APIRouter()


@router.get("/internal/catalogue", summary="Providers that can be connected")
async def list_providers(request: Request) -> dict[str, list[dict[str, Any]]]:
    catalogue: Catalogue = request.state.catalogue
    return {"data": catalogue.entries()}
