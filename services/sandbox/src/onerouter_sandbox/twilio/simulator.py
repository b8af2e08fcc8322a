"""Twilio put together: what `app.py` mounts."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter

from onerouter_sandbox.twilio import control, errors, listing, sending, shapes
from onerouter_sandbox.twilio.account import Account
from onerouter_sandbox.twilio.callbacks import Webhooks, judge
from onerouter_sandbox.twilio.errors import Refused
from onerouter_sandbox.twilio.inbox import TwilioMailbox
from onerouter_sandbox.twilio.messages import Messages
from onerouter_sandbox.twilio.state import NAME, Message, State
from onerouter_sandbox.wire import Call, Reply, Request
from onerouter_sandbox.world import World

_PREFIX: Final = f"/twilio/{shapes.VERSION}/"


class Twilio:
    """A `Provider`: the wire under /twilio/2010-04-01, and control routes."""

    name: Final = NAME
    wire_prefixes: Final = (_PREFIX,)

    def __init__(self, world: World) -> None:
        self.state = State(world.journal)
        self._world = world
        self._messages = Messages(self.state, world, Webhooks(self.state, world))
        world.callbacks.serve(NAME, self._callback_url, judge=judge)

    def register(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        for account in accounts:
            self.state.put_account(Account.model_validate(account))

    def has_account(self, account_id: str) -> bool:
        return account_id in self.state.accounts

    def resume(self) -> None:
        self._messages.resume()

    def control(self) -> APIRouter:
        return control.router(self.state, self._messages)

    def mailbox(self) -> TwilioMailbox:
        return TwilioMailbox(self.state)

    def pages(self) -> APIRouter:
        return APIRouter()

    def open(self, request: Request) -> Call | Reply:
        """`Accounts/{sid}/Balance.json`, `…/Messages.json`, `…/Messages/{sid}.json`."""
        parts = request.path.removeprefix(_PREFIX).split("/")
        try:
            account = self._authenticate(request.headers.get(b"authorization"))
            operation, act = self._route(account, request, parts)
        except Refused as refusal:
            return refusal.reply

        def run() -> Reply:
            try:
                return act()
            except Refused as refusal:
                return refusal.reply

        return Call(operation, account.account_sid, run)

    def busy(self) -> Reply:
        return errors.trouble(503)  # no two requests are ever twins: there is no key

    def trouble(self, status: int) -> Reply:
        return errors.trouble(status)

    def _route(self, account: Account, request: Request, parts: list[str]) -> tuple[str, Callable[[], Reply]]:
        if parts[:2] != ["Accounts", account.account_sid]:
            raise Refused(20404)
        match request.method, parts[2:]:
            case "GET", ["Balance.json"]:
                return "balance.get", lambda: _answer(200, _balance(account))
            case "POST", ["Messages.json"]:
                return "messages.create", lambda: self._create(account, _form(request.body))
            case "GET", ["Messages.json"]:
                return "messages.list", lambda: self._list(account, _form(request.query))
            case method, ["Messages", name] if name.endswith(".json"):
                return self._route_one(account, method, request, name.removesuffix(".json"))
            case _:
                raise Refused(20404)

    def _route_one(self, account: Account, method: str, request: Request, sid: str) -> tuple[str, Callable[[], Reply]]:
        match method:
            case "GET":
                return "messages.get", lambda: _answer(200, shapes.message(self._owned(account, sid)))
            case "DELETE":
                return "messages.delete", lambda: self._delete(self._owned(account, sid))
            case "POST":
                form = _form(request.body)
                operation = "messages.cancel" if "Status" in form else "messages.redact"
                return operation, lambda: self._update(self._owned(account, sid), form)
            case _:
                raise Refused(20404)

    def _create(self, account: Account, form: Mapping[str, str]) -> Reply:
        now = self._world.clocks.of(account.account_sid).now()
        wanted = sending.check(self.state, account, form, now)
        return _answer(201, shapes.message(self._messages.create(account, wanted)))

    def _list(self, account: Account, query: Mapping[str, str]) -> Reply:
        now = self._world.clocks.of(account.account_sid).now()
        return _answer(200, listing.page(self.state, account, query, now))

    def _update(self, message: Message, form: Mapping[str, str]) -> Reply:
        if form.get("Status") == "canceled":
            self._messages.cancel(message)
        elif form.get("Body") == "":
            self._messages.redact(message)
        else:
            raise Refused(30409)
        return _answer(200, shapes.message(message))

    def _delete(self, message: Message) -> Reply:
        self._messages.delete(message)
        return Reply(204, b"")

    def _owned(self, account: Account, sid: str) -> Message:
        message = self.state.find(sid)
        if message is None or message.deleted or message.account != account.account_sid:
            raise Refused(20404)
        return message

    def _authenticate(self, authorization: bytes | None) -> Account:
        account = self.state.by_authorization.get(authorization or b"")
        if account is None:
            raise Refused(20003)
        return account

    def _callback_url(self, account_sid: str) -> str | None:
        account = self.state.accounts.get(account_sid)
        return None if account is None else account.callback_url


def _form(raw: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise Refused(20404) from None


def _answer(status: int, body: Any) -> Reply:
    return Reply(status, shapes.encode(body))


def _balance(account: Account) -> dict[str, str]:
    return {"account_sid": account.account_sid, "balance": account.balance, "currency": "USD"}
