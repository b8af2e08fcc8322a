"""Customers put together."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, ConfigDict

from onerouter_sandbox.razorpay.customers.endpoints import Endpoints
from onerouter_sandbox.razorpay.customers.operations import Customers, TokenMethod
from onerouter_sandbox.razorpay.customers.recurring import Recurring
from onerouter_sandbox.razorpay.routing import Routes


class KeepMethod(BaseModel):
    model_config = ConfigDict(extra="forbid")

    method: TokenMethod = "card"
    international: bool = False


class CustomersFeature:
    """A `Feature`."""

    def __init__(self, customers: Customers, recurring: Recurring) -> None:
        self._customers = customers
        self._endpoints = Endpoints(customers, recurring)

    def routes(self) -> Routes:
        return self._endpoints.routes()

    def control(self) -> APIRouter:
        routes = APIRouter()

        @routes.post("/customers/{customer_id}/tokens", status_code=201)
        async def keep_method(customer_id: str, wanted: Annotated[KeepMethod | None, Body()] = None) -> dict[str, Any]:
            """Keep a payment method for a customer, as a payment would that the customer let it be kept in."""
            customer = self._customers.customers.get(customer_id)
            if customer is None:
                raise HTTPException(404, "There is no such customer.")
            how = wanted or KeepMethod()
            return self._customers.attach(customer, how.method, international=how.international).shown()

        return routes

    def pages(self) -> APIRouter:
        return APIRouter()

    def resume(self) -> None:
        """Nothing of it waits."""
