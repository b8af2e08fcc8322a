"""The internal reads of buckets that the gateway forwards to."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack
from typing import Annotated, Any, Final, cast

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from onerouter_common.errors import OneRouterError
from onerouter_common.web import problems
from onerouter_common.web.internal import InternalAuth, TenantContext, tenant_context
from onerouter_common.web.streaming import Stream
from onerouter_storage.reading.buckets import BucketPlace, Buckets, Which
from onerouter_storage.reading.conditions import asked_of
from onerouter_storage.reading.cursor import MOST_CHARS
from onerouter_storage.reading.schemas import LIST_MOST, DownloadWanted
from onerouter_storage.reading.service import BucketReads, ListWanted, OutOfRange
from onerouter_storage.room import Held, Room

PIECE_BYTES: Final = 64 * 1024
STALL_S: Final = 60.0
"""Longer than the gateway lets its own caller take nothing."""
WAIT_S: Final = 3.0
"""For room. With the wait for the bucket it is less than the gateway's own."""
ERROR_HEADER: Final = "X-OneRouter-Error-Code"
"""Of an answer to HEAD, which has no body to say it in."""

Tenant = Annotated[TenantContext, Depends(tenant_context)]
Key = Annotated[str, Query(max_length=1024)]
Prefix = Annotated[str, Query(max_length=1024)]
Delimiter = Annotated[str | None, Query(min_length=1, max_length=64)]
Cursor = Annotated[str | None, Query(max_length=MOST_CHARS)]
Name = Annotated[str | None, Query(max_length=40)]
Limit = Annotated[int, Query(ge=1, le=LIST_MOST)]


def _which(provider: Name = None, connection_id: Name = None) -> Which:
    return Which(provider, connection_id)


Chosen = Annotated[Which, Depends(_which)]


def _reads(request: Request) -> BucketReads:
    return cast(BucketReads, request.state.reads)


def _buckets(request: Request) -> Buckets:
    return cast(Buckets, request.state.buckets)


def _room(request: Request) -> Room:
    return cast(Room, request.state.room)


Reads = Annotated[BucketReads, Depends(_reads)]


def router(auth: InternalAuth) -> APIRouter:
    """`/internal/buckets…`. Needs `request.state.reads`, `request.state.room` and `request.state.buckets`."""
    routes = APIRouter(prefix="/internal/buckets/{bucket}", dependencies=[Depends(auth)])

    @routes.get("")
    async def get_place(
        tenant: Tenant,
        buckets: Annotated[Buckets, Depends(_buckets)],
        bucket: str,
        which: Chosen,
        writing: bool = False,
    ) -> BucketPlace:
        return await buckets.place(tenant, bucket, which, writing=writing)

    @routes.get("/object")
    async def read_object(
        request: Request, tenant: Tenant, reads: Reads, bucket: str, key: Key, which: Chosen
    ) -> Response:
        holding: list[Held] = []

        async def admit(size: int) -> None:
            holding.append(await _room(request).take(tenant.tenant_id, size, within_s=WAIT_S))

        with ExitStack() as stack:
            stack.callback(_release, holding)
            try:
                found = await reads.read(tenant, bucket, key, which, asked_of(request.headers), admit)
            except OutOfRange as error:
                return _out_of_range(request, error)
            if not found.content:
                return Response(status_code=found.status, headers=dict(found.headers))
            kept = stack.pop_all()
        held = holding[-1]
        # A slow reader holds the bytes, and so the room for them, until it has them, or others need it.
        stream = Stream(
            _pieces(found.content, held),
            media_type="application/octet-stream",
            stall_s=STALL_S,
            status=found.status,
            headers=found.headers,
            on_end=kept.close,
        )
        held.read_by(stream.cut_off)
        return stream

    @routes.head("/object")
    async def head_object(
        request: Request, tenant: Tenant, reads: Reads, bucket: str, key: Key, which: Chosen
    ) -> Response:
        try:
            found = await reads.head(tenant, bucket, key, which, asked_of(request.headers))
        except OneRouterError as error:
            told = problems.answer_to(error, instance=request.url.path)
            told.headers[ERROR_HEADER] = error.error_code
            return told
        return Response(status_code=found.status, headers=dict(found.headers))

    @routes.get("/objects")
    async def list_objects(
        tenant: Tenant,
        reads: Reads,
        bucket: str,
        which: Chosen,
        prefix: Prefix = "",
        delimiter: Delimiter = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Response:
        return _json(await reads.list(tenant, bucket, ListWanted(prefix, delimiter, limit, cursor, which)))

    @routes.post("/downloads")
    async def sign_download(tenant: Tenant, reads: Reads, bucket: str, wanted: DownloadWanted) -> Response:
        return _json(await reads.sign_download(tenant, bucket, wanted))

    return routes


def _release(holding: Sequence[Held]) -> None:
    for held in holding:
        held.release()


async def _pieces(content: bytes, held: Held) -> AsyncGenerator[bytes, None]:
    for first in range(0, len(content), PIECE_BYTES):
        yield content[first : first + PIECE_BYTES]
        held.taken(PIECE_BYTES)


def _out_of_range(request: Request, error: OutOfRange) -> Response:
    told = problems.answer_to(error, instance=request.url.path)
    if error.size_bytes is not None:
        told.headers["Content-Range"] = f"bytes */{error.size_bytes}"
    return told


def _json(view: dict[str, Any]) -> Response:
    return Response(orjson.dumps(view), media_type="application/json")
