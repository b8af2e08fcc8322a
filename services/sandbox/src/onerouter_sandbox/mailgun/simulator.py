"""Mailgun put together: what `app.py` mounts."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote

from fastapi import APIRouter

from onerouter_sandbox.mailgun import control, errors
from onerouter_sandbox.mailgun.account import Account
from onerouter_sandbox.mailgun.callbacks import Webhooks
from onerouter_sandbox.mailgun.delivery import Delivery
from onerouter_sandbox.mailgun.endpoints import Endpoints, Route, ok
from onerouter_sandbox.mailgun.errors import Refused
from onerouter_sandbox.mailgun.inbox import MailgunMailbox
from onerouter_sandbox.mailgun.sending import Sending
from onerouter_sandbox.mailgun.state import NAME, State
from onerouter_sandbox.wire import Call, Reply, Request
from onerouter_sandbox.world import World

_PREFIX: Final = "/mailgun/"


class Mailgun:
    """A `Provider`: the wire under /mailgun/v3 to v5, and control routes. An account is a domain."""

    name: Final = NAME
    wire_prefixes: Final = (f"{_PREFIX}v3/", f"{_PREFIX}v4/", f"{_PREFIX}v5/")
    max_body_bytes: Final = 54_945_382  # 52.4 MiB

    def __init__(self, world: World) -> None:
        self.state = State(world.journal)
        self._delivery = Delivery(self.state, world, Webhooks(self.state, world))
        endpoints = Endpoints(self.state, world, Sending(self.state, world), self._delivery)
        self._routes = endpoints.routes()

    def register(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        for account in accounts:
            self.state.put_account(Account.model_validate(account))

    def has_account(self, account_id: str) -> bool:
        return account_id in self.state.accounts

    def resume(self) -> None:
        self._delivery.resume()

    def control(self) -> APIRouter:
        return control.router(self.state, self._delivery)

    def mailbox(self) -> MailgunMailbox:
        return MailgunMailbox(self.state)

    def pages(self) -> APIRouter:
        return APIRouter()

    def open(self, request: Request) -> Call | Reply:
        try:
            return self._open(request)
        except Refused as refusal:
            return refusal.reply()

    def busy(self) -> Reply:
        raise NotImplementedError("Mailgun knows no idempotency key.")

    def trouble(self, status: int) -> Reply:
        return errors.trouble(status)

    def _open(self, request: Request) -> Call | Reply:
        authorization = request.headers.get(b"authorization")
        version, *parts = [unquote(part) for part in request.path.removeprefix(_PREFIX).split("/") if part]
        if [version, *parts] == ["v5", "accounts", "http_signing_key"]:
            return self._signing_key(authorization)
        if version == "v4" and parts[:1] == ["domains"]:
            domain, resource, rest = (parts[1] if len(parts) > 1 else ""), "domain", parts[2:]
        else:
            domain, resource, rest = (parts[0] if parts else ""), (parts[1] if len(parts) > 1 else ""), parts[2:]
        route = self._routes.get((request.method, resource))
        account = self.state.accounts.get(domain)
        if not self._knows(authorization):
            return errors.forbidden()
        if account is None or account.key_of(authorization) is None:
            raise errors.no_such_domain(domain)
        if route is None or len(rest) > 1:
            raise Refused(404, "Not Found")
        if account.key_of(authorization) == "sending" and not route.sends:
            return errors.forbidden(403)
        return Call(route.operation, account.domain, lambda: self._run(route, account, request, "".join(rest)))

    def _run(self, route: Route, account: Account, request: Request, rest: str) -> Reply:
        try:
            return route.handle(account, request, rest)
        except Refused as refusal:
            return refusal.reply()

    def _knows(self, authorization: bytes | None) -> bool:
        return any(account.key_of(authorization) is not None for account in self.state.accounts.values())

    def _signing_key(self, authorization: bytes | None) -> Reply:
        for account in self.state.accounts.values():
            if account.key_of(authorization) == "account":
                return ok({"message": "success", "http_signing_key": account.webhook_signing_key or ""})
        return errors.forbidden()
