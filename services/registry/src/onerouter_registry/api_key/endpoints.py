"""What the gateway asks about keys."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from onerouter_common import telemetry
from onerouter_common.metric_names import REGISTRY_LOOKUPS
from onerouter_common.registry_client import Principal, absent
from onerouter_registry.api_key.introspection import Introspection

router = APIRouter()


class KeyHash(BaseModel):
    key_hash: str = Field(pattern="^[0-9a-f]{64}$", description="Hex HMAC-SHA256 of the key under the shared pepper.")


@router.post("/internal/keys/introspect", summary="Who holds a key", responses={200: {"model": Principal}})
async def introspect(request: Request, body: KeyHash) -> Response:
    introspection: Introspection = request.state.introspection
    with telemetry.span("registry.introspect", parent=telemetry.extract(request.headers)):
        principal = await introspection.find(body.key_hash)
    REGISTRY_LOOKUPS.labels("introspect", "absent" if principal is None else principal.status).inc()
    if principal is None:
        raise absent("There is no such API key.")
    return Response(principal.model_dump_json(), media_type="application/json")
