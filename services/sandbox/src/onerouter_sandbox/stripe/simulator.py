"""Stripe put together: what `app.py` mounts."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import APIRouter

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.stripe import checkout, control, errors, validation
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.callbacks import Webhooks
from onerouter_sandbox.stripe.connect import onboarding
from onerouter_sandbox.stripe.errors import Refused
from onerouter_sandbox.stripe.keys import Keys
from onerouter_sandbox.stripe.parts import Parts
from onerouter_sandbox.stripe.routing import Route
from onerouter_sandbox.stripe.shapes import VERSION
from onerouter_sandbox.stripe.state import NAME, State
from onerouter_sandbox.wire import Call, Reply, Request
from onerouter_sandbox.world import World

_PREFIX: Final = "/stripe/v1/"


class Stripe:
    """A `Provider`: the wire under /stripe/v1, checkout pages, and control routes."""

    name: Final = NAME
    wire_prefixes: Final = (_PREFIX,)

    def __init__(self, world: World) -> None:
        self.state = State(world.journal)
        self._webhooks = Webhooks(self.state, world)
        self._keys = Keys(self.state, world.clocks)
        self._parts = Parts(self.state, world, self._webhooks)
        self._endpoints = self._parts.endpoints()
        world.callbacks.serve(NAME, self._callback_url, self._webhooks.sign)

    def register(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        for account in accounts:
            self.state.put_account(Account.model_validate(account))

    def has_account(self, account_id: str) -> bool:
        return account_id in self.state.accounts

    def resume(self) -> None:
        self._parts.resume()

    def control(self) -> APIRouter:
        return control.router(self._parts)

    def pages(self) -> APIRouter:
        routes = checkout.router(self._parts)
        routes.include_router(onboarding.router(self._parts))
        return routes

    def open(self, request: Request) -> Call | Reply:
        parts = request.path.removeprefix(_PREFIX).rstrip("/").split("/")
        try:
            account = self._authenticate(request.headers.get(b"authorization"))
            validation.check_version(request.headers.get(b"stripe-version"))
            found = self._endpoints.find(request.method, parts)
            if found is None:
                raise errors.no_such_url(request.method, request.path.removeprefix("/stripe"))
            posted = request.method == "POST"
            key = validation.idempotency_key(request.headers.get(b"idempotency-key")) if posted else None
        except Refused as refusal:
            return _stamped(refusal.reply, None)
        route, ids = found

        def run() -> Reply:
            return self._run(route, account, request, ids, key)

        return Call(route.operation, account.account_id, run, None if key is None else (account.account_id, key))

    def busy(self) -> Reply:
        return _stamped(errors.key_in_use().reply, None)

    def trouble(self, status: int) -> Reply:
        return _stamped(errors.trouble(status), None)

    def _run(self, route: Route, account: Account, request: Request, ids: tuple[str, ...], key: str | None) -> Reply:
        def do() -> Reply:
            breaks = self.state.breaking.pop((account.account_id, route.operation), None)
            if breaks is False:
                raise errors.broken()
            vendor = self._parts.acting_as(account, route, request.headers.get(b"stripe-account"))
            reply = self._endpoints.answer(route, account, request, ids, key, vendor)
            if breaks:
                raise errors.broken()
            return reply

        self._webhooks.cause = (random_id("req_"), key)
        try:
            reply = do() if key is None else self._keys.once(account, key, request, do)
        except Refused as refusal:
            reply = refusal.reply
        finally:
            (request_id, _), self._webhooks.cause = self._webhooks.cause, (None, None)
        return _stamped(reply, key, request_id)

    def _authenticate(self, authorization: bytes | None) -> Account:
        if authorization is None:
            raise errors.unauthorized(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
        given = _key_of(authorization)
        account = self.state.by_secret_key.get(given)
        if account is None:
            raise errors.unauthorized(f"Invalid API Key provided: {given[:8]}{'*' * 8}{given[-4:]}")
        return account

    def _callback_url(self, account_id: str) -> str | None:
        account = self.state.accounts.get(account_id)
        return None if account is None else account.callback_url


def _key_of(authorization: bytes) -> str:
    """The secret key, as a bearer token or as the user of basic authentication."""
    kind, _, value = authorization.decode("latin-1").partition(" ")
    if kind.lower() != "basic":
        return value.strip()
    try:
        return base64.b64decode(value, validate=True).decode("latin-1").partition(":")[0]
    except binascii.Error:
        return ""


def _stamped(reply: Reply, key: str | None, request_id: str | None = None) -> Reply:
    stamps = [(b"request-id", (request_id or random_id("req_")).encode()), (b"stripe-version", VERSION.encode())]
    if key is not None:
        stamps.append((b"idempotency-key", key.encode("latin-1")))
    reply.headers = (*reply.headers, *stamps)
    return reply
