"""The messaging service at the wire, as far as sends, templates and suppressions need it: real HTTP, remembered requests."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from onerouter_common.ids import ATTACHMENT, derive_id, new_id

_METHODS = ["GET", "POST", "PATCH", "DELETE"]


@dataclass
class Told:
    """One request that reached the messaging service."""

    method: str
    path: str
    query: str
    tenant_id: str
    environment: str
    content_type: str | None
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Desk:
    told: list[Told] = field(default_factory=list)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By any of their ids; with `tenant_id`, `environment` and `channel`."""
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id: `tenant_id`, `channel`, `versions` (number → names that are required), `current`."""
    suppressions: dict[str, dict[str, Any]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    refuses_files: int | None = None
    """The status with which files are refused."""

    def routes(self) -> list[Route]:
        return [
            Route("/internal/attachments", self._attachment, methods=["POST"]),
            Route("/internal/templates/{channel}/{id}/published", self._published, methods=["GET"]),
            Route("/internal/messages/{channel}/{id}", self._message, methods=["GET"]),
            Route("/internal/suppressions/{channel}/{id}", self._suppression, methods=["GET", "DELETE"]),
            *(
                Route(f"/internal/{kind}/{{rest:path}}", self._echo, methods=_METHODS)
                for kind in ("messages", "batches", "templates", "suppressions")
            ),
        ]

    def of(self, tenant_id: str) -> list[Told]:
        return [one for one in self.told if one.tenant_id == tenant_id]

    def files(self, tenant_id: str) -> list[Told]:
        return [one for one in self.of(tenant_id) if one.path == "/internal/attachments"]

    def add_template(self, tenant_id: str, channel: str, *required: str, environment: str = "test") -> str:
        """`required` may name what is within another: `user.name`."""
        id_ = new_id("tpl")
        self.templates[id_] = {
            "tenant_id": tenant_id,
            "environment": environment,
            "channel": channel,
            "versions": {1: required},
            "current": 1,
        }
        return id_

    def add_message(self, tenant_id: str, channel: str, *, environment: str = "test", **shown: Any) -> str:
        id_ = new_id("sms" if channel == "sms" else "em")
        self.messages[id_] = {
            "tenant_id": tenant_id,
            "environment": environment,
            "channel": channel,
            "id": id_,
            **shown,
        }
        return id_

    async def _attachment(self, request: Request) -> Response:
        told = await self._note(request)
        if self.refuses_files is not None:
            return _problem(self.refuses_files)
        id_ = derive_id(ATTACHMENT, b"", told.tenant_id, told.body.hex()[:64], str(len(told.body)))
        return _json({"id": id_, "size_bytes": len(told.body), "content_type": told.content_type})

    async def _published(self, request: Request) -> Response:
        told = await self._note(request)
        if "templates" in self.away:
            return Response(status_code=503)
        found = self.templates.get(request.path_params["id"])
        if found is None or not self._is_theirs(request, found):
            return _problem(404)
        if found["current"] is None:
            return _problem(409)
        version = int(request.query_params.get("version", found["current"]))
        if version not in found["versions"]:
            return _problem(404)
        assert told.method == "GET"
        schema = _schema(found["versions"][version])
        return _json({"id": request.path_params["id"], "version": version, "variables": schema})

    async def _message(self, request: Request) -> Response:
        await self._note(request)
        found = self.messages.get(request.path_params["id"])
        if found is None or not self._is_theirs(request, found):
            return _problem(404)
        return _json({**found, "include": request.query_params.get("include")})

    async def _suppression(self, request: Request) -> Response:
        told = await self._note(request)
        if told.path.endswith("/check"):
            return _json({"address": request.query_params.get("address"), "suppressed": False})
        found = self.suppressions.get(request.path_params["id"])
        return _json(found) if found is not None and self._is_theirs(request, found) else _problem(404)

    async def _echo(self, request: Request) -> Response:
        told = await self._note(request)
        status = 201 if told.method == "POST" else 200
        return _json(
            {
                "id": told.path.rpartition("/")[2],
                "path": told.path,
                "query": told.query,
                "told": told.json() if told.body else None,
            },
            status,
        )

    async def _note(self, request: Request) -> Told:
        headers = request.headers
        told = Told(
            request.method,
            request.url.path,
            request.url.query,
            headers["x-onerouter-tenant"],
            headers["x-onerouter-environment"],
            headers.get("content-type"),
            await request.body(),
        )
        self.told.append(told)
        return told

    def _is_theirs(self, request: Request, found: dict[str, Any]) -> bool:
        asked = request.headers["x-onerouter-tenant"], request.headers["x-onerouter-environment"]
        of_channel = request.path_params["channel"] == found["channel"]
        return of_channel and asked == (found["tenant_id"], found["environment"])


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")


def _problem(status: int) -> Response:
    body = {"status": status, "code": "NOT_FOUND", "detail": "Not so.", "instance": "/internal/secret-place"}
    return Response(orjson.dumps(body), status_code=status, media_type="application/problem+json")


def _schema(required: Iterable[str]) -> dict[str, Any]:
    """As messaging derives it."""
    within: dict[str, list[str]] = {}
    for name in required:
        head, _, rest = name.partition(".")
        within.setdefault(head, []).extend([rest] if rest else [])
    properties = {name: _schema(rest) if rest else {} for name, rest in within.items()}
    return {"type": "object", "properties": properties, "required": sorted(within)}
