"""Twilio's part of the control API: accounts, what carriers do, who opts out, and messages that come in."""

from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.twilio import shapes
from onerouter_sandbox.twilio.account import Account
from onerouter_sandbox.twilio.messages import Fate, Messages
from onerouter_sandbox.twilio.state import Recipient, State


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Decide(_Wanted):
    status: Fate = "delivered"
    error_code: int | None = None


class Incoming(_Wanted):
    sender: str = Field(pattern=r"^\+[1-9][0-9]{6,14}$")
    to: str
    body: str


class Behaviour(_Wanted):
    """Of one recipient from now on."""

    number: str
    refused_with: int | None = Field(None, description="The error code that the API refuses it with.")
    fate: Fate = "delivered"
    error_code: int | None = None


def router(state: State, messages: Messages) -> APIRouter:
    routes = APIRouter(tags=["twilio"])

    def account_of(account_sid: str) -> Account:
        account = state.accounts.get(account_sid)
        if account is None:
            raise HTTPException(404, "There is no such account.")
        return account

    @routes.post("/accounts", status_code=201)
    async def put_account(account: Account) -> dict[str, Any]:
        """Register an account, or replace what was registered under its SID."""
        state.put_account(account)
        return account.public()

    @routes.get("/accounts")
    async def list_accounts() -> dict[str, Any]:
        return {"data": [account.public() for account in state.accounts.values()]}

    @routes.post("/messages/{sid}/decide")
    async def decide(sid: str, wanted: Decide) -> dict[str, Any]:
        """What becomes of a message, whatever its account's `delivery`; told by a callback."""
        message = state.find(sid)
        if message is None or message.direction == "inbound":
            raise HTTPException(404, "There is no such message.")
        if message.status == "canceled":
            raise HTTPException(409, "The message was canceled: no carrier has it.")
        messages.decide(message, wanted.status, wanted.error_code)
        return shapes.message(message)

    @routes.get("/accounts/{account_sid}/messages")
    async def list_messages(account_sid: str, limit: int = 100) -> dict[str, Any]:
        """As they were sent and came in, newest first."""
        account_of(account_sid)
        newest = state.newest_first(account_sid)
        return {"data": [shapes.message(one) for _, one in zip(range(limit), newest, strict=False)]}

    @routes.post("/accounts/{account_sid}/incoming")
    async def receive(account_sid: str, wanted: Incoming) -> dict[str, Any]:
        """Somebody writes to one of the account's numbers."""
        message = messages.receive(account_of(account_sid), wanted.sender, wanted.to, wanted.body)
        return shapes.message(message)

    @routes.post("/accounts/{account_sid}/recipients")
    async def put_recipient(account_sid: str, wanted: Behaviour) -> dict[str, Any]:
        """How messages to a number fare."""
        account_of(account_sid)
        known = state.recipient(account_sid, wanted.number)
        recipient = Recipient(
            account_sid, wanted.number, wanted.refused_with, wanted.fate, wanted.error_code, known.opted_out_of
        )
        state.put_recipient(recipient)
        return recipient.record()

    return routes
