"""Resend's part of the control API: teams, what they have sent, and what becomes of it."""

from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.resend import shapes
from onerouter_sandbox.resend.account import NAME, Account
from onerouter_sandbox.resend.emails import Emails
from onerouter_sandbox.resend.fates import EVENTS
from onerouter_sandbox.resend.state import Email, State


class Happening(BaseModel):
    """`details` replace what the event says otherwise: of a bounce `type`, `subType`, `message`, `diagnosticCode`."""

    model_config = ConfigDict(extra="forbid")

    event: str = Field("delivered", description=f"One of {', '.join(sorted(EVENTS))}.")
    details: dict[str, Any] = {}


def router(state: State, emails: Emails) -> APIRouter:
    routes = APIRouter(tags=[NAME])

    @routes.post("/accounts", status_code=201)
    async def put_account(account: Account) -> dict[str, Any]:
        """Register a team, or replace what was registered under its id (or, without an id, its key)."""
        known = state.by_key.get(account.api_key)
        if known is not None and "account_id" not in account.model_fields_set:
            account = account.model_copy(update={"account_id": known.account_id})
        state.put_account(account)
        return account.public()

    @routes.get("/accounts")
    async def list_accounts() -> dict[str, Any]:
        return {"data": [account.public() for account in state.accounts.values()]}

    @routes.delete("/accounts/{account_id}")
    async def remove_account(account_id: str) -> dict[str, Any]:
        if not state.remove_account(account_id):
            raise HTTPException(404, "There is no such account.")
        return {"deleted": True}

    @routes.get("/emails")
    async def list_emails(account: str, limit: int = 100) -> dict[str, Any]:
        """What a team has sent, newest first, with all its content."""
        newest = state.emails.newest(account)
        return {"data": [_shown(email) for email, _ in zip(newest, range(limit), strict=False)]}

    @routes.get("/emails/{email_id}")
    async def get_email(email_id: str) -> dict[str, Any]:
        return _shown(_known(email_id))

    @routes.post("/emails/{email_id}/events")
    async def happen(email_id: str, wanted: Happening) -> dict[str, Any]:
        """Something happens to an email, in whatever order is asked for."""
        email = _known(email_id)
        if wanted.event not in EVENTS:
            raise HTTPException(422, f"There is no event {wanted.event!r}.")
        if email.last_event in ("scheduled", "canceled"):
            raise HTTPException(409, f"The email is {email.last_event}.")
        emails.happen(email, wanted.event, wanted.details)
        return _shown(email)

    def _known(email_id: str) -> Email:
        email = state.emails.find(email_id)
        if email is None:
            raise HTTPException(404, "There is no such email.")
        return email

    return routes


def _shown(email: Email) -> dict[str, Any]:
    return {
        **shapes.email(email),
        "account": email.account,
        "tags": email.tags,
        "headers": email.content.get("headers") or {},
        "attachments": email.content["attachments"],
        "events": [{"event": event, "at": at} for event, at in email.happened],
    }
