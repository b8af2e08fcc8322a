"""SendGrid's part of the control API: accounts, what they have sent, and what becomes of it."""

from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.sendgrid import shapes
from onerouter_sandbox.sendgrid.account import NAME, Account
from onerouter_sandbox.sendgrid.events import HAPPENINGS
from onerouter_sandbox.sendgrid.mail import Mail
from onerouter_sandbox.sendgrid.state import Message, State


class Happening(BaseModel):
    """`details` replace what the event says otherwise (`reason`, `status`, `url`, `sg_machine_open`, …)."""

    model_config = ConfigDict(extra="forbid")

    event: str = Field("delivered", description=f"One of {', '.join(sorted(HAPPENINGS))}.")
    email: str | None = Field(None, description="Of one recipient only; unset: of all.")
    details: dict[str, Any] = {}


def router(state: State, mail: Mail) -> APIRouter:
    routes = APIRouter(tags=[NAME])

    @routes.post("/accounts", status_code=201)
    async def put_account(account: Account) -> dict[str, Any]:
        """Register an account, or replace what was registered under its id (or, without an id, its key)."""
        known = state.by_key.get(account.api_key)
        if known is not None and "account_id" not in account.model_fields_set:
            account = account.model_copy(update={"account_id": known.account_id})
        known = state.accounts.get(account.account_id)
        if known is not None and "webhook_private_key" not in account.model_fields_set:
            account = account.model_copy(update={"webhook_private_key": known.webhook_private_key})
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

    @routes.delete("/accounts/{account_id}/suppressions")
    async def lift_suppressions(account_id: str) -> dict[str, Any]:
        """Emails go again to those who bounced, complained or unsubscribed."""
        return {"lifted": state.lift(account_id)}

    @routes.get("/messages")
    async def list_messages(account: str, limit: int = 100) -> dict[str, Any]:
        """What an account has sent, newest first, with all its content."""
        newest = state.messages.newest(account)
        return {"data": [_shown(state, message) for message, _ in zip(newest, range(limit), strict=False)]}

    @routes.get("/messages/{message_id}")
    async def get_message(message_id: str) -> dict[str, Any]:
        return _shown(state, _known(message_id))

    @routes.post("/messages/{message_id}/events")
    async def happen(message_id: str, wanted: Happening) -> dict[str, Any]:
        """Something happens to a message's copies, in whatever order is asked for; told as one batch."""
        message = _known(message_id)
        if wanted.event not in HAPPENINGS:
            raise HTTPException(422, f"There is no event {wanted.event!r}.")
        lines = [line for line in state.lines_of.get(message.id, []) if wanted.email in (None, line.email)]
        if not lines:
            raise HTTPException(409, f"The message is {message.state}: it has no such recipient yet.")
        mail.tell(lines[0], [mail.happen(line, wanted.event, wanted.details) for line in lines])
        return _shown(state, message)

    def _known(message_id: str) -> Message:
        message = state.messages.find(message_id)
        if message is None:
            raise HTTPException(404, "There is no such message.")
        return message

    return routes


def _shown(state: State, message: Message) -> dict[str, Any]:
    lines = state.lines_of.get(message.id, [])
    return {
        "id": message.id,
        "account": message.account,
        "state": message.state,
        "created_at": shapes.iso(message.created),
        "send_at": None if message.send_at is None else shapes.iso(message.send_at),
        "from": message.asked["from"],
        "reply_to": message.asked.get("reply_to") or message.asked.get("reply_to_list"),
        "headers": message.asked.get("headers") or {},
        "categories": message.asked.get("categories") or [],
        "attachments": message.asked.get("attachments") or [],
        "personalizations": message.asked["personalizations"],
        "envelopes": message.envelopes,
        "recipients": [{**shapes.line(line), "events": line.events} for line in lines],
    }
