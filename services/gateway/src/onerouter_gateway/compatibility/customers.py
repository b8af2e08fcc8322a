"""`/api/v1/customers`: the handlers of `/v1`, and `trace_id` on each answer."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.errors import InvalidRequest
from onerouter_gateway.billing import plans
from onerouter_gateway.billing.schemas import CustomerCreate
from onerouter_gateway.compatibility.payments import told
from onerouter_gateway.compatibility.schemas import LegacyAccepted, LegacyCustomer, LegacyCustomerList
from onerouter_gateway.edge.documentation import command, listing, query
from onerouter_gateway.edge.endpoint import endpoint


@endpoint(command("Create a customer", CustomerCreate, LegacyCustomer, created=True, accepted=LegacyAccepted.__name__))
async def legacy_create_customer(request: Request) -> Response:
    """As `POST /v1/customers`."""
    return told(await plans.create_customer.handle(request), request, _traced)


@endpoint(
    listing("List customers", LegacyCustomerList, status="Only with this status.", provider="Only of this provider.")
)
async def legacy_list_customers(request: Request) -> Response:
    """As `GET /v1/customers`, with the list as `customers`, too. Pages are followed by `cursor`; an `offset` is refused."""
    if request.query_params.get("offset", "0") != "0":  # nobody counts customers: the first page again would be a lie
        raise InvalidRequest.of("offset", "is not known here: follow next_cursor, as cursor, while has_more")
    return told(await plans.list_customers.handle(request), request, _listed)


@endpoint(query("Get a customer", LegacyCustomer))
async def legacy_get_customer(request: Request) -> Response:
    """By our id or the provider's."""
    return told(await plans.get_customer.handle(request), request, _traced)


def _traced(customer: Mapping[str, Any], trace_id: str) -> dict[str, Any]:
    return {**customer, "trace_id": trace_id}


def _listed(page: Mapping[str, Any], trace_id: str) -> dict[str, Any]:
    return {**page, "customers": page["data"], "trace_id": trace_id}
