"""SNS's part of the control API: accounts, and what was published."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict

from onerouter_sandbox.sns.account import Account
from onerouter_sandbox.sns.sms import Sms
from onerouter_sandbox.sns.state import State


class Decide(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Literal["SUCCESS", "FAILURE"] = "SUCCESS"
    provider_response: str = "Message has been accepted by phone carrier"


def router(state: State, sms: Sms) -> APIRouter:
    routes = APIRouter(tags=["sns"])

    @routes.post("/accounts", status_code=201)
    async def put_account(account: Account) -> dict[str, Any]:
        """Register an access key, or replace what was registered under it."""
        state.put_account(account)
        return account.record()

    @routes.get("/accounts")
    async def list_accounts() -> dict[str, Any]:
        return {"data": [account.record() for account in state.accounts.values()]}

    @routes.get("/accounts/{access_key_id}/messages")
    async def list_messages(
        access_key_id: str, to: str | None = None, limit: Annotated[int, Query(ge=1, le=1_000)] = 100
    ) -> dict[str, Any]:
        """What was published, newest first; `sent` says whether it went out."""
        fitting = (one for one in state.newest_first(access_key_id) if to in (None, one.to))
        return {"data": [one.record() for _, one in zip(range(limit), fitting, strict=False)]}

    @routes.post("/messages/{message_id}/decide")
    async def decide(message_id: str, wanted: Decide) -> dict[str, Any]:
        """What the account's delivery log says of it; no callback tells."""
        message = state.find(message_id)
        if message is None:
            raise HTTPException(404, "There is no such message.")
        sms.decide(message, wanted.status, wanted.provider_response)
        return message.record()

    return routes
