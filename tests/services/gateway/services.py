"""The services around the gateway, as far as it sees them: real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from onerouter_common.broker import Producer
from onerouter_common.contracts import topics
from onerouter_common.contracts.registry import HEARTBEAT_KEY, HEARTBEAT_S
from onerouter_common.ids import new_id
from onerouter_common.reads.paging import Page, part_view, position_of
from onerouter_common.registry_client import absent

TOKEN = "t" * 32


@dataclass
class Managed:
    """One request of the management API, as the registry sees it."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for found, value in self.headers if found == name]
        assert len(values) <= 1, name
        return values[0] if values else None


@dataclass
class Services:
    """Registry, a worker and webhooks, as far as the gateway sees them."""

    principals: dict[str, dict[str, Any]] = field(default_factory=dict)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    """Operations that are listed: with `id`, `tenant_id`, `category`, `created_at`."""
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id, as the worker knows them: with `kind`, `tenant_id`, `environment`, and whatever `placed` shows."""
    splits: dict[str, dict[str, Any]] = field(default_factory=dict)
    sealed: list[dict[str, str]] = field(default_factory=list)
    """Bank data that was given for sealing, in the clear."""
    next_cursor: str | None = None
    """Of every page, where there is one."""
    introspections: int = 0
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    managed: list["Managed"] = field(default_factory=list)
    """What was asked under /api."""
    manage: Callable[["Managed"], Awaitable[Response]] | None = None
    """Answers that; None: with 200 and an empty object."""
    more: list[Route] = field(default_factory=list)
    """Answered before all others."""

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                *self.more,
                Route("/internal/keys/introspect", self._introspect, methods=["POST"]),
                Route("/internal/resources/{kind}/{id}/placed", self._resource, methods=["GET"]),
                Route("/internal/resources/{kind}/{id}", self._resource, methods=["GET"]),
                Route("/internal/resources/{kind}", self._resources, methods=["GET"]),
                Route("/internal/marketplace/vendor-details", self._seal, methods=["POST"]),
                Route("/internal/marketplace/splits/{id}", self._split, methods=["GET"]),
                Route("/internal/marketplace/fees", self._fees, methods=["GET"]),
                Route("/internal/payments-by-offset", self._by_offset, methods=["GET"]),
                Route("/internal/{kind}/{id}", self._one, methods=["GET"]),
                Route("/internal/{kind}/{id}/reply", self._one, methods=["GET"]),
                Route("/internal/{kind}/{id}/timeline", self._one, methods=["GET"]),
                Route("/internal/{kind}", self._many, methods=["GET"]),
                Route("/internal/webhook-endpoints", self._create_endpoint, methods=["POST"]),
                Route("/internal/webhook-endpoints/{path:path}", self._create_endpoint, methods=["POST", "PATCH"]),
                Route("/api/{path:path}", self._manage, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
            ]
        )

    async def _introspect(self, request: Request) -> Response:
        self.introspections += 1
        if "registry" in self.away:
            return Response(status_code=503)
        found = self.principals.get((await request.json())["key_hash"])
        return _json(found) if found else _problem(404, absent("x").error_code)

    async def _one(self, request: Request) -> Response:
        self._note(request)
        if request.path_params["kind"] in self.away:
            return Response(status_code=503)
        things = {"payments": self.payments, "operations": self.operations}.get(request.path_params["kind"], {})
        found = things.get(request.path_params["id"])
        wanted = request.query_params.getlist("category")
        if found is not None and wanted and found.get("category") not in wanted:
            found = None
        if found is None or found["tenant_id"] != request.headers["x-onerouter-tenant"]:
            return _problem(404, "PAYMENT_NOT_FOUND")
        return _json({name: value for name, value in found.items() if name != "tenant_id"})

    async def _resource(self, request: Request) -> Response:
        self._note(request)
        found = self.resources.get(request.path_params["id"])
        if found is None or _whose(request) != (found["tenant_id"], found["environment"], found["kind"]):
            return _problem(404, "NOT_FOUND")
        return _json(found)

    async def _resources(self, request: Request) -> Response:
        self._note(request)
        whose = _whose(request)
        found = [one for one in self.resources.values() if (one["tenant_id"], one["environment"], one["kind"]) == whose]
        return _json({"data": found, "has_more": self.next_cursor is not None, "next_cursor": self.next_cursor})

    async def _seal(self, request: Request) -> Response:
        self._note(request)
        if "sealing" in self.away:
            return _problem(409, "CONFLICT")
        details = (await request.json())["account_details"]
        self.sealed.append(details)
        return _json({"details_id": new_id("vdt"), "masked": {name: value[-4:] for name, value in details.items()}})

    async def _split(self, request: Request) -> Response:
        self._note(request)
        if "splits" in self.away:
            return Response(status_code=503)
        found = self.splits.get(request.path_params["id"])
        return _problem(404, "NOT_FOUND") if found is None else _json(found)

    async def _fees(self, request: Request) -> Response:
        self._note(request)
        return _json({"object": "marketplace_fees", **request.query_params})

    async def _by_offset(self, request: Request) -> Response:
        self._note(request)
        return _json({"data": [], "has_more": False, "total": 0})

    async def _many(self, request: Request) -> Response:
        self._note(request)
        if request.path_params["kind"] in self.away:
            return Response(status_code=503)
        if request.query_params.get("limit") == "1000":
            return _problem(422, "VALIDATION_ERROR")
        if request.path_params["kind"] == "operations":
            return _json(self._log(request))
        return _json({"data": [], "has_more": False, "next_cursor": None})

    def _log(self, request: Request) -> dict[str, Any]:
        """A part of the log of all categories, newest first."""
        asked, tenant = request.query_params, request.headers["x-onerouter-tenant"]
        of_it = [
            one
            for one in self.operations.values()
            if one["tenant_id"] == tenant and one.get("resource", {}).get("id") == asked.get("resource_id", "")
        ]
        if of_it:
            return {"data": of_it, "has_more": False, "next_cursor": None}
        behind = position_of(asked["cursor"]) if "cursor" in asked else None
        wanted = asked.getlist("category")
        rows = [
            (one["created_at"], one["id"], {name: one[name] for name in ("id", "category")})
            for one in self.log
            if one["tenant_id"] == tenant and (not wanted or one["category"] in wanted)
        ]
        rows = sorted((row for row in rows if behind is None or row[:2] < behind), reverse=True)
        page = Page(int(asked.get("limit", 20)), asked.get("cursor"))
        return part_view(rows[: page.limit + 1], page, lambda row: row[2], lambda row: row[:2])

    async def _create_endpoint(self, request: Request) -> Response:
        self._note(request)
        return Response(
            json.dumps({"object": "webhook_endpoint", **(await request.json())}),
            status_code=201,
            media_type="application/json",
        )

    async def _manage(self, request: Request) -> Response:
        if "registry" in self.away:
            return Response(status_code=502)
        self.managed.append(
            Managed(
                request.method,
                request.scope["raw_path"].decode(),
                request.url.query,
                request.headers.items(),
                await request.body(),
            )
        )
        return _json({}) if self.manage is None else await self.manage(self.managed[-1])

    @asynccontextmanager
    async def beating(self, bootstrap: str) -> AsyncIterator[None]:
        """The registry's heartbeat."""
        async with Producer(bootstrap, client_id="test-registry") as producer:
            await producer.wait_ready(60)
            task = asyncio.create_task(self._beat(producer))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _beat(self, producer: Producer) -> None:
        while True:
            if not self.away & {"registry", "heartbeat"}:
                await producer.publish(topics.REGISTRY_CHANGES, None, key=HEARTBEAT_KEY)
            await asyncio.sleep(HEARTBEAT_S)

    def _note(self, request: Request) -> None:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        headers = request.headers
        self.asked.append(
            (request.url.path, headers["x-onerouter-tenant"], headers["x-onerouter-environment"], request.url.query)
        )


def _whose(request: Request) -> tuple[str, str, str]:
    headers = request.headers
    return headers["x-onerouter-tenant"], headers["x-onerouter-environment"], request.path_params["kind"]


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


def _problem(status: int, code: str) -> Response:
    body = {"status": status, "code": code, "detail": "Not so.", "instance": "/internal/secret-place"}
    return Response(orjson.dumps(body), status_code=status, media_type="application/problem+json")
