"""The storage service at the wire, as far as the gateway needs it: real HTTP, remembered requests."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from onerouter_common.ids import new_id

CONNECTION = "con_01k9zq3v7m8e5t2r4w6y8a0c1d"
BUCKET = "shop-files"


@dataclass
class Told:
    """One request that reached the storage service."""

    method: str
    path: str
    query: dict[str, str]
    tenant_id: str
    environment: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Vault:
    told: list[Told] = field(default_factory=list)
    buckets: dict[str, str] = field(default_factory=lambda: {BUCKET: CONNECTION})
    """Name → connection, of everybody."""
    objects: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    """Key → status, headers and bytes with which it is answered."""
    in_pieces: bool = False
    """Whether an object, or the problem in its place, comes in many small pieces."""
    key_bytes: int | None = None
    """What the connection's prefix leaves of a key; None: nothing is said of it."""
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id; with `tenant_id`."""
    refuses: dict[str, tuple[int, str]] = field(default_factory=dict)
    """First part of the path (`contents`, `objects`, `uploads`) → status and code."""

    def routes(self) -> list[Route]:
        return [
            Route("/internal/contents", self._contents, methods=["POST"]),
            Route("/internal/buckets/{bucket}", self._bucket, methods=["GET"]),
            Route("/internal/buckets/{bucket}/object", self._object, methods=["GET", "HEAD"]),
            Route("/internal/buckets/{bucket}/objects", self._listed, methods=["GET"]),
            Route("/internal/buckets/{bucket}/downloads", self._download, methods=["POST"]),
            Route("/internal/uploads/{id}", self._upload, methods=["GET"]),
            Route("/internal/uploads/{id}/parts", self._parts, methods=["GET"]),
        ]

    def of(self, tenant_id: str, last: str = "") -> list[Told]:
        """What was told of a tenant, of paths that end so."""
        return [one for one in self.told if one.tenant_id == tenant_id and one.path.endswith(last)]

    def add_upload(self, tenant_id: str, upload_id: str | None = None, **shown: Any) -> str:
        upload_id = upload_id or new_id("upl")
        made = {"id": upload_id, "object": "upload", "bucket": BUCKET, "status": "pending", "parts": [1]}
        self.uploads[upload_id] = {"tenant_id": tenant_id, **made, "url": "https://signed.example", **shown}
        return upload_id

    async def _contents(self, request: Request) -> Response:
        told = await self._note(request)
        if "contents" in self.refuses:
            return _problem(*self.refuses["contents"])
        digest = hashlib.sha256(told.body).hexdigest()
        return _json({"id": f"cnt_{digest[:26]}", "size_bytes": len(told.body), "sha256": digest})

    async def _bucket(self, request: Request) -> Response:
        await self._note(request)
        bucket = request.path_params["bucket"]
        if bucket not in self.buckets:
            return _problem(404, "BUCKET_NOT_CONNECTED")
        told = {"bucket": bucket, "provider": "s3", "connection_id": self.buckets[bucket], "takes_new": True}
        return _json(told if self.key_bytes is None else {**told, "key_bytes": self.key_bytes})

    async def _object(self, request: Request) -> Response:
        await self._note(request)
        found = self.objects.get(request.query_params["key"])
        if found is None:
            refused = _problem(404, "OBJECT_NOT_FOUND")
            refused.headers["X-OneRouter-Error-Code"] = "OBJECT_NOT_FOUND"
            return refused
        status, headers, content = found
        if self.in_pieces:
            return StreamingResponse(_pieces(content), status_code=status, headers=headers)
        return Response(content, status_code=status, headers=headers)

    async def _listed(self, request: Request) -> Response:
        await self._note(request)
        if "objects" in self.refuses:
            return _problem(*self.refuses["objects"])
        return _json({"object": "list", "data": [], "prefixes": [], "has_more": False, "next_cursor": None})

    async def _download(self, request: Request) -> Response:
        told = await self._note(request)
        return _json({"object": "download", "method": "GET", "url": "https://signed.example", **told.json()})

    async def _upload(self, request: Request) -> Response:
        told = await self._note(request)
        if "uploads" in self.refuses:
            return _problem(*self.refuses["uploads"])
        found = self.uploads.get(request.path_params["id"])
        if found is None or found["tenant_id"] != told.tenant_id:
            return _problem(404, "UPLOAD_NOT_FOUND")
        return _json({name: value for name, value in found.items() if name != "tenant_id"})

    async def _parts(self, request: Request) -> Response:
        await self._note(request)
        return _json({"object": "list", "data": [{"part_number": 1, "url": "https://signed.example"}]})

    async def _note(self, request: Request) -> Told:
        headers = request.headers
        told = Told(
            request.method,
            request.url.path,
            dict(request.query_params),
            headers["x-onerouter-tenant"],
            headers["x-onerouter-environment"],
            dict(headers),
            await request.body(),
        )
        self.told.append(told)
        return told


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for first in range(0, len(content), 16):
        yield content[first : first + 16]
        await asyncio.sleep(0.001)  # so that each is sent by itself


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


def _problem(status: int, code: str) -> Response:
    body = {"status": status, "code": code, "detail": "Not so.", "instance": "/internal/secret-place", "effect": "none"}
    return Response(orjson.dumps(body), status_code=status, media_type="application/problem+json")
