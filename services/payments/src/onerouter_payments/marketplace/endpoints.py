"""What the gateway asks about vendors and split payments."""

from datetime import datetime
from typing import Annotated, cast

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_payments.marketplace.details import VendorDetails, masked
from onerouter_payments.marketplace.reads import MarketplaceReads

Tenant = Annotated[TenantContext, Depends(tenant_context)]


class Details(BaseModel):
    """Bank data in the clear: it is in the body of this one request and nowhere else."""

    model_config = ConfigDict(extra="forbid")

    account_details: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")], Annotated[SecretStr, Field(max_length=140)]
    ] = Field(min_length=1, max_length=20)


def _reads(request: Request) -> MarketplaceReads:
    return cast(MarketplaceReads, request.state.marketplace)


def _details(request: Request) -> VendorDetails:
    return cast(VendorDetails, request.state.vendor_details)


Reads = Annotated[MarketplaceReads, Depends(_reads)]


def router(auth: InternalAuth) -> APIRouter:
    routes = APIRouter(prefix="/internal/marketplace", dependencies=[Depends(auth)])

    @routes.post("/vendor-details")
    async def keep_details(
        tenant: Tenant, kept: Annotated[VendorDetails, Depends(_details)], details: Details
    ) -> Response:
        """Seals them: `{details_id, masked}`."""
        clear = {name: value.get_secret_value() for name, value in details.account_details.items()}
        details_id = await kept.keep(tenant.tenant_id, tenant.environment, clear)
        return _json({"details_id": details_id, "masked": masked(clear)})

    @routes.get("/splits/{payment_id}")
    async def get_split(tenant: Tenant, reads: Reads, payment_id: str) -> Response:
        return _json(await reads.split(tenant, payment_id))

    @routes.get("/fees")
    async def get_fees(
        tenant: Tenant,
        reads: Reads,
        currency: Annotated[str, Query(pattern="^[A-Z]{3}$")],
        since: AwareDatetime,
        until: AwareDatetime,
    ) -> Response:
        period: tuple[datetime, datetime] = since, until
        return _json(await reads.fees(tenant, currency, *period))

    return routes


def _json(body: object) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
