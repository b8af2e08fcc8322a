"""SES's part of the control API: accounts, the mail that was sent, and what becomes of it."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.ses.account import Account
from onerouter_sandbox.ses.events import Events, Fate
from onerouter_sandbox.ses.state import State
from onerouter_sandbox.ses.topics import Topics


class Decide(BaseModel):
    """What happens to a mail."""

    model_config = ConfigDict(extra="forbid")

    fate: Fate
    recipients: list[str] | None = Field(None, description="Whose copies, in one event. Unset: every one's.")


def router(state: State, events: Events, topics: Topics) -> APIRouter:
    routes = APIRouter(tags=["ses"])

    @routes.post("/accounts", status_code=201)
    async def put_account(account: Account, request: Request) -> dict[str, Any]:
        """Register an access key, or replace it; a pending subscription is asked to be confirmed at once."""
        state.put_account(account)
        if account.subscription == "pending" and account.webhook_url is not None:
            topics.ask(account, str(request.base_url).rstrip("/"))
        return account.record()

    @routes.get("/accounts")
    async def list_accounts() -> dict[str, Any]:
        return {"data": [account.record() for account in state.accounts.values()]}

    @routes.get("/messages")
    async def list_messages(account: str, limit: int = 100) -> dict[str, Any]:
        """All that was accepted, newest first, with its text."""
        return {"data": [mail.shown() for mail in list(state.mails.newest(account))[: max(0, limit)]]}

    @routes.get("/messages/{message_id}")
    async def get_message(message_id: str) -> dict[str, Any]:
        mail = state.mails.find(message_id)
        if mail is None:
            raise HTTPException(404, "There is no such message.")
        return mail.shown()

    @routes.post("/messages/{message_id}/decide")
    async def decide(message_id: str, wanted: Decide) -> dict[str, Any]:
        """Have it delivered, bounced, opened and so on."""
        mail = state.mails.find(message_id)
        if mail is None:
            raise HTTPException(404, "There is no such message.")
        recipients = mail.recipients if wanted.recipients is None else wanted.recipients
        if not set(recipients) <= set(mail.recipients):
            raise HTTPException(404, "It has no such recipient.")
        events.decide(mail, wanted.fate, recipients)
        return {"fate": wanted.fate, "recipients": recipients}

    return routes
