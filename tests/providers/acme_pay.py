"""Acme Pay, as its documentation has it: what docs/adding-a-provider.md asks the simulator of a provider to be.

It keeps charges, refunds and links, takes each key and each reference once, signs its callbacks, breaks on demand, and knows
what really happened. It shares no code with the client that is tested.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

Thing = dict[str, Any]
PREFIX: Final = {"charges": "ch_", "refunds": "rf_", "links": "ln_"}
FIRST_STATE: Final = {"charges": "open", "refunds": "done", "links": "open"}
HELD_S: Final = 5.0
"""How long a call that is not to be answered hangs."""


class Refused(Exception):
    def __init__(self, status: int, error: str) -> None:
        self.answer = web.json_response({"error": error}, status=status)


class AcmePay:
    """One account. `url` and `webhook_url` are addresses; `effects` holds (act, what it was done for)."""

    def __init__(self, token: str, webhook_secret: str) -> None:
        self.token = token
        self.url = ""
        self.webhook_url: str | None = None
        self.effects: list[tuple[str, str]] = []
        self.callbacks: list[tuple[dict[str, str], bytes]] = []
        self._secret = webhook_secret
        self._things: dict[str, dict[str, Thing]] = {name: {} for name in PREFIX}
        self._keys: dict[tuple[str, str], Thing] = {}
        self._faults: dict[str, list[str]] = {}
        self._numbers = itertools.count(1)
        self._closing = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["AcmePay"]:
        app = web.Application(middlewares=[self._breaks, self._knows_who])
        app.router.add_get("/v1/account", self._account)
        for name in PREFIX:
            app.router.add_post(f"/v1/{name}", self._create)
            app.router.add_get(f"/v1/{name}", self._list)
            app.router.add_get(f"/v1/{name}/{{id}}", self._show)
        app.router.add_post("/v1/charges/{id}/capture", self._capture)
        app.router.add_post("/v1/links/{id}/cancel", self._cancel)
        async with TestServer(app) as server:
            self.url = str(server.make_url("/")).rstrip("/")
            yield self
            self._closing.set()

    # What the world does

    async def pay(self, charge_id: str, *, failure: str | None = None) -> None:
        """A payer pays a charge with a card, or is declined."""
        charge = self._things["charges"][charge_id]
        charge["last4"] = "4242"
        if failure is not None:
            charge |= {"state": "failed", "failure": failure}
        elif charge["capture"] == "manual":
            charge["state"] = "held"
        else:
            self._take(charge, charge["amount"])
        await self._call_back(f"charge.{charge['state']}", charge)

    async def pay_link(self, link_id: str) -> None:
        link = self._things["links"][link_id]
        link |= {"state": "paid", "charge": f"ch_{next(self._numbers)}"}
        await self._call_back("link.paid", link)

    def fault(self, kind: str, act: str) -> None:
        """The next call of this act (`charges.create`, `charges.capture`, `charges.find`, …) goes wrong so."""
        self._faults.setdefault(act, []).append(kind)

    def count(self, act: str, reference: str) -> int:
        return self.effects.count((act, reference))

    # What its API does

    async def _account(self, _: web.Request) -> web.Response:
        return web.json_response({"account": "acct_1"})

    async def _create(self, request: web.Request) -> web.Response:
        name = request.path.rpartition("/")[2]
        key, body = (name, request.headers["Idempotency-Key"]), await request.json()
        if key in self._keys:
            return web.json_response(self._keys[key])
        things = self._things[name]
        if any(one["reference"] == body["reference"] for one in things.values()):
            raise Refused(409, "reference_taken")
        charge = self._refund_of(body) if name == "refunds" else None
        made = {**body, "id": f"{PREFIX[name]}{next(self._numbers)}", "state": FIRST_STATE[name]}
        made["url" if name == "links" else "pay_url"] = f"{self.url}/pay/{made['id']}"
        if charge is not None:
            made["currency"] = charge["currency"]
        elif name == "charges":
            made |= {"captured": 0, "refunded": 0, "last4": None, "fee": None, "failure": None}
        else:
            made["charge"] = None
        things[made["id"]] = self._keys[key] = made
        self.effects.append((f"{name}.create", key[1] if name == "refunds" else body["reference"]))
        if charge is not None:
            await self._call_back("refund.done", made)
        return web.json_response(made, status=201)

    async def _list(self, request: web.Request) -> web.Response:
        things = self._things[request.path.rpartition("/")[2]].values()
        return web.json_response({"data": [one for one in things if one["reference"] == request.query["reference"]]})

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request, request.path.split("/")[2]))

    async def _capture(self, request: web.Request) -> web.Response:
        charge = self._find(request, "charges")
        if charge["state"] != "held":
            raise Refused(409, "not_held")
        self._take(charge, (await request.json())["amount"])
        self.effects.append(("charges.capture", charge["id"]))
        await self._call_back("charge.paid", charge)
        return web.json_response(charge)

    async def _cancel(self, request: web.Request) -> web.Response:
        link = self._find(request, "links")
        if link["state"] == "paid":
            raise Refused(409, "paid")
        if link["state"] == "open":
            link["state"] = "canceled"
            self.effects.append(("links.cancel", link["reference"]))
            await self._call_back("link.canceled", link)
        return web.json_response(link)

    def _find(self, request: web.Request, name: str) -> Thing:
        found = self._things[name].get(request.match_info["id"])
        if found is None:
            raise Refused(404, "not_found")
        return found

    def _take(self, charge: Thing, amount: int) -> None:
        charge |= {"state": "paid", "captured": amount, "fee": 25 + amount * 2 // 100}

    def _refund_of(self, body: Thing) -> Thing:
        charge = self._things["charges"][body["charge"]]
        if body["amount"] > charge["captured"] - charge["refunded"]:
            raise Refused(422, "exceeds_charge")
        charge["refunded"] += body["amount"]
        charge["state"] = "refunded" if charge["refunded"] == charge["captured"] else "partly_refunded"
        return charge

    async def _call_back(self, kind: str, thing: Thing) -> None:
        event = {"id": f"ev_{next(self._numbers)}", "type": kind, "at": int(time.time()), "data": thing}
        body = json.dumps(event).encode()
        signature = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Acme-Signature": signature, "Content-Type": "application/json"}
        self.callbacks.append((headers, body))
        if self.webhook_url is not None:
            async with aiohttp.ClientSession() as http, http.post(self.webhook_url, data=body, headers=headers):
                pass

    # How it breaks

    @web.middleware
    async def _breaks(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        waiting = self._faults.get(_act_of(request))
        match waiting.pop(0) if waiting else None:
            case "timeout_before":
                return await self._no_answer()
            case "timeout_after":
                await handler(request)
                return await self._no_answer()
            case "cut":
                return _hung_up(request)
            case "cut_after":
                await handler(request)
                return _hung_up(request)
            case "throttle":
                return web.json_response({"error": "slow_down"}, status=429, headers={"Retry-After": "3"})
            case "error_json":
                return web.json_response({"error": "broken"}, status=502)
            case "error_html":
                return web.Response(text="<h1>Broken</h1>", status=503, content_type="text/html")
            case _:
                return await handler(request)

    async def _no_answer(self) -> web.Response:
        try:
            async with asyncio.timeout(HELD_S):
                await self._closing.wait()
        except TimeoutError:
            pass
        return web.Response(status=500)

    @web.middleware
    async def _knows_who(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"error": "unauthorized"}, status=401)
        try:
            return await handler(request)
        except Refused as refused:
            return refused.answer


def _hung_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _act_of(request: web.Request) -> str:
    """`charges.create`, `charges.find`, `links.cancel`, …"""
    steps = request.path.split("/")[2:]
    last = "find" if request.method == "GET" else steps[2] if len(steps) > 2 else "create"
    return f"{steps[0]}.{last}"
