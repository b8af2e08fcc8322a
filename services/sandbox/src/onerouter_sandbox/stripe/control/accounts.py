"""Which accounts there are, and their bad days."""

from typing import Any

from fastapi import APIRouter, HTTPException

from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.control.common import Wanted
from onerouter_sandbox.stripe.state import State


class Break(Wanted):
    """The next call of this operation answers 500 from inside, which its idempotency key remembers."""

    operation: str
    effect: bool = False


def router(state: State) -> APIRouter:
    routes = APIRouter()

    @routes.post("/accounts", status_code=201)
    async def put_stripe_account(account: Account) -> dict[str, Any]:
        """Register an account, or replace what was registered under its id (or, without an id, its secret key)."""
        known = state.by_secret_key.get(account.secret_key)
        if known is not None and "account_id" not in account.model_fields_set:
            account = account.model_copy(update={"account_id": known.account_id})
        state.put_account(account)
        return account.public()

    @routes.get("/accounts")
    async def list_stripe_accounts() -> dict[str, Any]:
        return {"data": [account.public() for account in state.accounts.values()]}

    @routes.delete("/accounts/{account_id}")
    async def remove_stripe_account(account_id: str) -> dict[str, Any]:
        if not state.remove_account(account_id):
            raise HTTPException(404, "There is no such account.")
        return {"deleted": True}

    @routes.post("/accounts/{account_id}/break")
    async def break_call(account_id: str, wanted: Break) -> dict[str, Any]:
        """Ask for a 500 that is remembered; a fault's 500 comes from a proxy in front and is not."""
        state.breaking[account_id, wanted.operation] = wanted.effect
        return {"breaking": wanted.operation}

    return routes
