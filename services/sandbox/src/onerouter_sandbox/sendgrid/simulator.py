"""SendGrid put together: what `app.py` mounts."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import APIRouter

from onerouter_sandbox.pace import Pace, Pacing
from onerouter_sandbox.sendgrid import control, errors
from onerouter_sandbox.sendgrid.account import NAME, Account
from onerouter_sandbox.sendgrid.callbacks import Webhooks
from onerouter_sandbox.sendgrid.endpoints import Endpoints, Route
from onerouter_sandbox.sendgrid.errors import Refused
from onerouter_sandbox.sendgrid.inbox import SendGridMailbox
from onerouter_sandbox.sendgrid.mail import Mail
from onerouter_sandbox.sendgrid.state import State
from onerouter_sandbox.sendgrid.validation import MOST_BYTES
from onerouter_sandbox.wire import Call, Reply, Request
from onerouter_sandbox.world import World

_PREFIX: Final = f"/{NAME}/v3/"


class SendGrid:
    """A `Provider`: the wire under /sendgrid/v3, and control routes."""

    name: Final = NAME
    wire_prefixes: Final = (_PREFIX,)
    max_body_bytes: Final = MOST_BYTES

    def __init__(self, world: World) -> None:
        self.state = State(world.journal)
        self._world = world
        webhooks = Webhooks(self.state, world)
        self._mail = Mail(self.state, world, webhooks)
        self._endpoints = Endpoints(self.state, world, self._mail)
        self._pace = Pace()
        world.callbacks.serve(NAME, self._callback_url, webhooks.sign)

    def register(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        for account in accounts:
            self.state.put_account(Account.model_validate(account))

    def has_account(self, account_id: str) -> bool:
        return account_id in self.state.accounts

    def resume(self) -> None:
        self._mail.resume()

    def control(self) -> APIRouter:
        return control.router(self.state, self._mail)

    def mailbox(self) -> SendGridMailbox:
        return SendGridMailbox(self.state)

    def pages(self) -> APIRouter:
        return APIRouter()

    def open(self, request: Request) -> Call | Reply:
        try:
            account = self._authenticate(request.headers.get(b"authorization"))
            parts = request.path.removeprefix(_PREFIX).rstrip("/").split("/")
            route, thing_id = self._endpoints.find(request.method, parts)
            _permit(account, route)
        except Refused as refusal:
            return refusal.reply
        return Call(route.operation, account.account_id, lambda: self._run(route, account, request, thing_id))

    def busy(self) -> Reply:
        raise RuntimeError("SendGrid knows no keys, so no request is another's twin.")

    def trouble(self, status: int) -> Reply:
        return errors.trouble(status).reply

    def _run(self, route: Route, account: Account, request: Request, thing_id: str) -> Reply:
        now = self._world.clock.now()
        pacing = self._pace.take(account.account_id, account.requests_per_s, now)
        try:
            reply = route.handle(account, request, thing_id) if pacing.allowed else errors.trouble(429).reply
        except Refused as refusal:
            reply = refusal.reply
        reply.headers = (*reply.headers, *_limits(account, pacing, now))
        return reply

    def _authenticate(self, authorization: bytes | None) -> Account:
        kind, _, given = (authorization or b"").decode("latin-1").partition(" ")
        account = self.state.by_key.get(given.strip()) if kind.lower() == "bearer" else None
        if account is None:
            raise Refused(401, "The provided authorization grant is invalid, expired, or revoked")
        return account

    def _callback_url(self, account_id: str) -> str | None:
        account = self.state.accounts.get(account_id)
        return None if account is None else account.callback_url


def _permit(account: Account, route: Route) -> None:
    if route.scope is not None and route.scope not in account.scopes:
        raise Refused(403, "access forbidden")


def _limits(account: Account, pacing: Pacing, now: float) -> tuple[tuple[bytes, bytes], ...]:
    if account.requests_per_s is None:
        return ()
    return (
        (b"x-ratelimit-limit", str(account.requests_per_s).encode()),
        (b"x-ratelimit-remaining", str(pacing.remaining).encode()),
        (b"x-ratelimit-reset", str(int(now + pacing.reset_s)).encode()),
    )
