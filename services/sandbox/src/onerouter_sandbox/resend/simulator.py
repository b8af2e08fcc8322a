"""Resend put together: what `app.py` mounts."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import APIRouter

from onerouter_sandbox.pace import Pace, Pacing
from onerouter_sandbox.resend import control, errors
from onerouter_sandbox.resend.account import NAME, Account
from onerouter_sandbox.resend.callbacks import Webhooks
from onerouter_sandbox.resend.emails import Emails
from onerouter_sandbox.resend.endpoints import Endpoints, Route
from onerouter_sandbox.resend.errors import Refused
from onerouter_sandbox.resend.inbox import ResendMailbox
from onerouter_sandbox.resend.state import CallMade, KeyUsed, State
from onerouter_sandbox.resend.validation import MOST_BYTES, idempotency_key
from onerouter_sandbox.wire import Call, Reply, Request
from onerouter_sandbox.world import World

_ROOT: Final = f"/{NAME}/"


class Resend:
    """A `Provider`: the wire under /resend, and control routes."""

    name: Final = NAME
    wire_prefixes: Final = tuple(f"{_ROOT}{part}/" for part in ("emails", "domains", "logs", "templates"))
    max_body_bytes: Final = MOST_BYTES + 1_000_000

    def __init__(self, world: World) -> None:
        self.state = State(world.journal)
        self._world = world
        webhooks = Webhooks(self.state, world)
        self._emails = Emails(self.state, world, webhooks)
        self._endpoints = Endpoints(self.state, world, self._emails)
        self._pace = Pace()
        world.callbacks.serve(NAME, self._callback_url, webhooks.sign)

    def register(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        for account in accounts:
            self.state.put_account(Account.model_validate(account))

    def has_account(self, account_id: str) -> bool:
        return account_id in self.state.accounts

    def resume(self) -> None:
        self._emails.resume()

    def control(self) -> APIRouter:
        return control.router(self.state, self._emails)

    def mailbox(self) -> ResendMailbox:
        return ResendMailbox(self.state)

    def pages(self) -> APIRouter:
        return APIRouter()

    def open(self, request: Request) -> Call | Reply:
        if not request.headers.get(b"user-agent"):
            return Reply(errors.NO_USER_AGENT.status, errors.NO_USER_AGENT.body, errors.NO_USER_AGENT.content_type)
        try:
            account = self._authenticate(request.headers.get(b"authorization"))
            route, thing_id = self._endpoints.find(
                request.method, request.path.removeprefix(_ROOT).rstrip("/").split("/")
            )
            _permit(account, route)
            key = idempotency_key(request.headers.get(b"idempotency-key")) if route.sends else None
        except Refused as refusal:
            return refusal.reply

        def run() -> Reply:
            return self._run(route, account, request, thing_id, key)

        return Call(route.operation, account.account_id, run, None if key is None else (account.account_id, key))

    def busy(self) -> Reply:
        message = "Another request with the same idempotency key is currently in progress."
        return Refused(409, "concurrent_idempotent_requests", message).reply

    def trouble(self, status: int) -> Reply:
        return errors.trouble(status).reply

    def _run(self, route: Route, account: Account, request: Request, thing_id: str, key: str | None) -> Reply:
        pacing = self._pace.take(account.account_id, account.requests_per_s, self._world.clock.now())
        if not pacing.allowed:
            reply = errors.trouble(429).reply
            reply.headers = (*_limits(account, pacing), (b"retry-after", b"1"))
            return reply
        try:
            reply = (
                route.handle(account, request, thing_id) if key is None else self._once(route, account, request, key)
            )
        except Refused as refusal:
            reply = refusal.reply
        reply.headers = (*reply.headers, *_limits(account, pacing))
        if route.sends:
            self._write_down(account, request, reply)
        return reply

    def _once(self, route: Route, account: Account, request: Request, key: str) -> Reply:
        """Under a key that was used: the first answer. Only what was accepted is remembered."""
        now = self._world.clocks.of(account.account_id).now()
        fingerprint = hashlib.sha256(request.body).hexdigest()
        kept = self.state.keys.find(f"{account.account_id} {key}")
        if kept is not None and now - kept.created < account.idempotency_retention_s:
            if kept.fingerprint != fingerprint:
                message = "This idempotency key has been used on a request that had a different payload."
                raise Refused(409, "invalid_idempotent_request", message)
            return Reply(200, kept.body.encode())
        reply = route.handle(account, request, "")
        self.state.keys.add(
            KeyUsed(f"{account.account_id} {key}", account.account_id, now, fingerprint, reply.body.decode())
        )
        return reply

    def _write_down(self, account: Account, request: Request, reply: Reply) -> None:
        try:
            asked = json.loads(request.body or b"null")
        except ValueError:
            asked = None
        self.state.calls.add(
            CallMade(
                id=str(uuid.uuid4()),
                account=account.account_id,
                created=self._world.clocks.of(account.account_id).now(),
                endpoint=request.path.removeprefix(_ROOT.rstrip("/")),
                method=request.method,
                status=reply.status,
                user_agent=request.headers.get(b"user-agent", b"").decode("latin-1"),
                asked=asked,
                answered=json.loads(reply.body),
            )
        )

    def _authenticate(self, authorization: bytes | None) -> Account:
        if authorization is None:
            raise Refused(401, "missing_api_key", "Missing API key in the authorization header.")
        kind, _, given = authorization.decode("latin-1").partition(" ")
        account = self.state.by_key.get(given.strip()) if kind.lower() == "bearer" else None
        if account is None:
            raise Refused(403, "invalid_api_key", "API key is invalid")
        return account

    def _callback_url(self, account_id: str) -> str | None:
        account = self.state.accounts.get(account_id)
        return None if account is None else account.callback_url


def _permit(account: Account, route: Route) -> None:
    if account.key_permission == "sending_access" and not route.sends:
        raise Refused(401, "restricted_api_key", "This API key is restricted to only send emails")


def _limits(account: Account, pacing: Pacing) -> tuple[tuple[bytes, bytes], ...]:
    if account.requests_per_s is None:
        return ()
    return (
        (b"ratelimit-limit", str(account.requests_per_s).encode()),
        (b"ratelimit-remaining", str(pacing.remaining).encode()),
        (b"ratelimit-reset", b"1"),
    )
