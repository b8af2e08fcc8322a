"""Mailgun's part of the control API: domains, the mail that was sent, and what becomes of it."""

from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.mailgun.account import Account
from onerouter_sandbox.mailgun.delivery import Delivery, Fate
from onerouter_sandbox.mailgun.events import shown
from onerouter_sandbox.mailgun.model import Mail, Suppression
from onerouter_sandbox.mailgun.state import State


class Decide(BaseModel):
    """What happens to a mail."""

    model_config = ConfigDict(extra="forbid")

    fate: Fate
    recipient: str | None = Field(None, description="Whose copy. Unset: every one's.")
    url: str | None = Field(None, description="That was clicked.")


class Suppress(BaseModel):
    model_config = ConfigDict(extra="forbid")

    address: str
    kind: Suppression = "bounces"


def router(state: State, delivery: Delivery) -> APIRouter:
    routes = APIRouter(tags=["mailgun"])

    @routes.post("/accounts", status_code=201)
    async def put_account(account: Account) -> dict[str, Any]:
        """Register a domain, or replace what was registered under its name."""
        state.put_account(account)
        return account.public()

    @routes.get("/accounts")
    async def list_accounts() -> dict[str, Any]:
        return {"data": [account.public() for account in state.accounts.values()]}

    @routes.get("/messages")
    async def list_messages(account: str | None = None, limit: int = 100) -> dict[str, Any]:
        """All that was accepted, newest first, with its text."""
        found = [mail for mail in reversed(state.mails.values()) if account in (None, mail.account)]
        return {"data": [mail.shown() for mail in found[: max(0, limit)]]}

    @routes.get("/messages/{message_id}")
    async def get_message(message_id: str) -> dict[str, Any]:
        return _find(state, message_id).shown()

    @routes.post("/messages/{message_id}/decide")
    async def decide(message_id: str, wanted: Decide) -> dict[str, Any]:
        """Have it delivered, bounced, opened and so on."""
        mail = _find(state, message_id)
        if not mail.is_sent and wanted.fate != "rejected":
            raise HTTPException(409, "It has not been sent yet.")
        if wanted.recipient is not None and wanted.recipient not in mail.recipients:
            raise HTTPException(404, "It has no such recipient.")
        recipients = mail.recipients if wanted.recipient is None else [wanted.recipient]
        details = {} if wanted.url is None else {"url": wanted.url}
        events = [delivery.decide(mail, wanted.fate, recipient, details) for recipient in recipients]
        return {"data": [shown(event, mail) for event in events]}

    @routes.post("/accounts/{domain}/suppress")
    async def suppress(domain: str, wanted: Suppress) -> dict[str, Any]:
        """Put an address on one of the domain's lists."""
        if domain not in state.accounts:
            raise HTTPException(404, "There is no such account.")
        delivery.suppress(domain, wanted.address, wanted.kind)
        return {"suppressed": True}

    return routes


def _find(state: State, message_id: str) -> Mail:
    """The last that was sent under this Message-Id."""
    found = list(state.with_message_id(message_id.removeprefix("<").removesuffix(">")))
    if not found:
        raise HTTPException(404, "There is no such message.")
    return found[-1]
