"""Objects read, looked at, listed, and signed for download: at once, of the provider, without the log."""

import asyncio
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final, TypeVar

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.contracts.storage import INLINE_BYTES
from onerouter_common.errors import (
    InvalidRequest,
    NotFound,
    Overloaded,
    PreconditionFailed,
    ProviderError,
    RangeNotSatisfiable,
)
from onerouter_common.object_keys import checked_key, checked_prefix
from onerouter_common.web.internal import TenantContext
from onerouter_providers.connections import ProviderConnection
from onerouter_providers.http import Admit, paused
from onerouter_providers.objects import (
    DownloadRequest,
    ListRequest,
    NotModified,
    ObjectContent,
    ObjectSnapshot,
    StoresObjects,
)
from onerouter_storage.reading.asking import asking
from onerouter_storage.reading.buckets import ANY, Buckets, Which
from onerouter_storage.reading.conditions import Asked
from onerouter_storage.reading.cursor import Cursors
from onerouter_storage.reading.questions import Questions
from onerouter_storage.reading.schemas import DownloadWanted
from onerouter_storage.reading.views import Read, head_of, listed_view, read_of

View = dict[str, JsonValue]
T = TypeVar("T")

_LEAST_S: Final = 1.0
"""For a question that is not worth being waited for."""
READS_FULL: Final = "Too many objects are being read through us: ask for a download instead, or try again."


class OutOfRange(RangeNotSatisfiable):
    """`size_bytes`: of the object, where it is known."""

    def __init__(self, detail: str, size_bytes: int | None) -> None:
        super().__init__(detail)
        self.size_bytes = size_bytes


@dataclass(frozen=True, slots=True)
class ListWanted:
    prefix: str = ""
    delimiter: str | None = None
    limit: int = 20
    cursor: str | None = None
    which: Which = ANY


class BucketReads:
    def __init__(self, buckets: Buckets, cursors: Cursors, questions: Questions) -> None:
        self._buckets = buckets
        self._cursors = cursors
        self._questions = questions

    async def head(self, tenant: TenantContext, bucket: str, key: str, which: Which, asked: Asked) -> Read:
        """Raises NotFound, PreconditionFailed, a ProviderError."""
        connection = await self._buckets.open(tenant, bucket, which)
        client: StoresObjects = connection.client
        async with self._questions.asking(connection, "object.get"):
            found = await client.head_object(checked_key("key", key), asked.conditions)
        return head_of(found if isinstance(found, NotModified) else _unless_known(found, found, asked))

    async def read(
        self, tenant: TenantContext, bucket: str, key: str, which: Which, asked: Asked, admit: Admit
    ) -> Read:
        """At most 5 MiB. `admit`: told how many bytes come, before they do; it raises where there is no room for them.

        Raises NotFound, PreconditionFailed, OutOfRange, PayloadTooLarge, a ProviderError.
        """
        checked_key("key", key)
        connection = await self._buckets.open(tenant, bucket, which)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._questions.timeout_s
        try:
            found = await self._get(connection, key, asked, admit)
        except RangeNotSatisfiable as error:
            raise OutOfRange(error.detail, await self._size(connection, key, until - loop.time())) from None
        return read_of(found if isinstance(found, NotModified) else _unless_known(found, found.object, asked))

    async def _size(self, connection: ProviderConnection, key: str, within_s: float) -> int | None:
        """None where that cannot be told (any more), or not in time."""
        if within_s < _LEAST_S:
            return None
        client: StoresObjects = connection.client
        try:
            async with self._questions.asking(connection, "object.get", within_s=within_s):
                found = await client.head_object(key)
        except (NotFound, ProviderError, Overloaded):
            return None
        return None if isinstance(found, NotModified) else found.size_bytes

    async def _get(
        self, connection: ProviderConnection, key: str, asked: Asked, admit: Admit
    ) -> ObjectContent | NotModified:
        client: StoresObjects = connection.client
        async with self._questions.asking(connection, "object.get") as limit:

            async def admitted(size: int) -> None:
                with paused(limit):
                    await admit(size)

            async def get(wanted: Asked) -> ObjectContent | NotModified:
                return await client.get_object(
                    key,
                    most_bytes=INLINE_BYTES,
                    byte_range=wanted.byte_range,
                    conditions=wanted.conditions,
                    admit=admitted,
                )

            if asked.range_of is None:
                return await get(asked)
            try:
                return await get(asked.of_that_version)
            except PreconditionFailed:
                return await get(asked.whole)

    async def list(self, tenant: TenantContext, bucket: str, wanted: ListWanted) -> View:
        """In the order of keys. Raises InvalidRequest for a cursor of another list, a ProviderError."""
        checked_prefix("prefix", wanted.prefix)
        connection = await self._buckets.open(tenant, bucket, wanted.which)
        client: StoresObjects = connection.client
        bound_to = (tenant.tenant_id, tenant.environment, connection.id, wanted.prefix, wanted.delimiter or "")
        token = None if wanted.cursor is None else self._cursors.open(wanted.cursor, *bound_to)
        async with self._questions.asking(connection, "object.list"):
            page = await client.list_objects(ListRequest(wanted.prefix, wanted.delimiter, wanted.limit, token))
        following: str | None = None
        if page.next_token is not None:
            following = self._cursors.sign(page.next_token, *bound_to)
        # A folder's marker is called as the prefix is: below it, it has no name.
        data: list[Any] = [listed_view(one, bucket, connection) for one in page.objects if one.key]
        return {
            "object": "list",
            "data": data,
            "prefixes": [*page.prefixes],
            "has_more": following is not None,
            "next_cursor": following,
        }

    async def sign_download(self, tenant: TenantContext, bucket: str, wanted: DownloadWanted) -> View:
        """Whether the object is there or not. Raises InvalidRequest."""
        key = checked_key("key", wanted.key)
        if wanted.filename is not None and not wanted.filename.isprintable():
            raise InvalidRequest.of("filename", "must not hold control characters")
        connection = await self._buckets.open(tenant, bucket, Which(wanted.provider, wanted.connection_id))
        client: StoresObjects = connection.client
        async with asking(connection, "download.create", timeout_s=self._questions.timeout_s):
            signed = await client.presign_get(
                DownloadRequest(key, wanted.disposition, wanted.filename, wanted.content_type),
                expires_in_s=wanted.expires_in,
            )
        return {
            "object": "download",
            "bucket": bucket,
            "key": key,
            "method": signed.method,
            "url": signed.url,
            "expires_at": isoformat(signed.expires_at.astimezone(UTC)),
            "provider": connection.provider,
            "connection_id": connection.id,
        }


def _unless_known(found: T, told: ObjectSnapshot, asked: Asked) -> T | NotModified:
    return NotModified(told.etag, told.last_modified) if told.etag in asked.known else found
