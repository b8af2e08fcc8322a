"""Stripe's part of the control API: accounts, and what customers, banks and bad days do."""

from fastapi import APIRouter

from onerouter_sandbox.stripe.control import accounts, billing, marketplace, payments
from onerouter_sandbox.stripe.parts import Parts


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(tags=["stripe"])
    routes.include_router(accounts.router(parts.state))
    for some in (payments, billing, marketplace):
        routes.include_router(some.router(parts))
    return routes
