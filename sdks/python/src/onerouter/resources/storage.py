"""Objects in your buckets."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from onerouter import types
from onerouter._downloading import AsyncDownloading
from onerouter._options import RequestOptions
from onerouter._pages import AsyncList
from onerouter._resource import AsyncResource
from onerouter._source import From, Source, beside
from onerouter._stored import (
    DownloadedObject,
    ObjectContent,
    ObjectHead,
    StoredObject,
    bucket_path,
    content_of,
    head_of,
    object_headers,
    object_path,
    quoted,
    range_of,
)
from onerouter._transport import AS_KEPT

# sync: | from onerouter._uploading import AsyncUploading, Opened
from onerouter._uploading import Arriving, AsyncUploading, Opened
from onerouter._wait import blocking
from onerouter.resources._body import present
from onerouter.resources.uploads import AsyncUploads

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from onerouter._typed import AsyncUploads as TypedUploads


class AsyncStorage(AsyncResource):
    """Objects in your buckets, by the buckets' names.

    `upload` and `download` take files of any size, and hold a part of them at a time. `put` and `get` are for what fits
    in memory, 5 MiB at most.
    """

    _of_several_requests = frozenset({"upload", "download"})

    @property
    def uploads(self) -> TypedUploads:
        """Addresses for uploads that somebody else does: a browser, say."""
        return AsyncUploads(self._client)  # type: ignore[return-value]  # as `_typed` describes it

    async def put(
        self,
        bucket: str,
        key: str,
        content: bytes,
        *,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Mapping[str, object] | None = None,
        if_none_match: bool = False,
        if_match: str | None = None,
        checksum: str | None = None,
        provider: str | None = None,
        connection_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.StorageObject:
        """Put an object.

        At most 5 MiB, through the API; what is there already is replaced.

        Args:
            content_type: `application/octet-stream` where it is absent.
            cache_control: Kept with the object, for who reads it in its bucket.
            content_disposition: The same.
            metadata: Yours; kept with the object. Names are lower-cased.
            if_none_match: Only where there is no object of this key yet; else PreconditionFailedError is raised.
            if_match: Only over this version, by its `etag`.
            checksum: Hex SHA-256 of `content`: where other bytes arrive, nothing is done.
            provider: Where several of your connections have a bucket of this name: which one.
            connection_id: The same, by the connection's id: where several are of one provider.
        """
        return await self._call(
            types.StorageObject,
            "PUT",
            object_path(bucket, key),
            query=present({"provider": provider, "connection_id": connection_id}),
            content=bytes(content),
            headers=object_headers(
                content_type=content_type,
                cache_control=cache_control,
                content_disposition=content_disposition,
                metadata=metadata,
                if_none_match=if_none_match,
                if_match=if_match,
                checksum=checksum,
            ),
            options=options,
        )

    async def get(
        self,
        bucket: str,
        key: str,
        *,
        byte_range: tuple[int, int | None] | None = None,
        if_match: str | None = None,
        provider: str | None = None,
        connection_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> ObjectContent:
        """Get an object.

        With its bytes in `content`, as they are kept: at most 5 MiB, or a range of so many.

        Args:
            byte_range: The first and the last byte, counted from 0: `(0, 99)`. `(100, None)`: all from the 101st on;
                `(-100, None)`: the last hundred.
            if_match: Only this version, by its `etag`; else PreconditionFailedError is raised.
        """
        return await self._client._call_bytes(
            partial(content_of, bucket, key),
            "GET",
            object_path(bucket, key),
            query=present({"provider": provider, "connection_id": connection_id}),
            headers={
                "Accept-Encoding": AS_KEPT,
                **range_of(byte_range),
                **({} if if_match is None else {"If-Match": quoted(if_match)}),
            },
            options=options,
        )

    async def head(
        self,
        bucket: str,
        key: str,
        *,
        provider: str | None = None,
        connection_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> ObjectHead:
        """Look at an object.

        Its size, type, version and metadata, of objects of any size.
        """
        return await self._client._call_bytes(
            partial(head_of, bucket, key),
            "HEAD",
            object_path(bucket, key),
            query=present({"provider": provider, "connection_id": connection_id}),
            options=options,
        )

    async def delete(
        self,
        bucket: str,
        key: str,
        *,
        if_match: str | None = None,
        provider: str | None = None,
        connection_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.DeletedObject:
        """Delete an object.

        There is none of this key afterwards, whether there was one before or not.

        Args:
            if_match: Only this version, by its `etag`; else PreconditionFailedError is raised, and ValidationError
                where the provider cannot be told so.
        """
        return await self._call(
            types.DeletedObject,
            "DELETE",
            object_path(bucket, key),
            query=present({"provider": provider, "connection_id": connection_id}),
            headers={} if if_match is None else {"If-Match": quoted(if_match)},
            options=options,
        )

    def list(
        self,
        bucket: str,
        *,
        prefix: str | None = None,
        delimiter: str | None = None,
        limit: int | None = None,
        provider: str | None = None,
        connection_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncList[types.ListedObject]:
        """List objects.

        By key, as the provider has them now, whoever put them there. `page().prefixes` are those of the page.

        Args:
            prefix: Only keys that begin so.
            delimiter: Keys are shown up to this, as `prefixes`: with `/`, as folders.
            limit: Most entries of one page.
        """
        return self._list(
            types.ListedObject,
            bucket_path(bucket),
            query=present(
                {
                    "prefix": prefix,
                    "delimiter": delimiter,
                    "limit": limit,
                    "provider": provider,
                    "connection_id": connection_id,
                }
            ),
            options=options,
        )

    async def download_url(
        self,
        bucket: str,
        key: str,
        *,
        expires_in: int | None = None,
        filename: str | None = None,
        content_type: str | None = None,
        disposition: Literal["attachment", "inline"] | None = None,
        provider: str | None = None,
        connection_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Download:
        """Ask for a download.

        The `url` can be read by whoever has it, without an API key, straight from the bucket. Nobody looks whether the object
        is there.

        Args:
            expires_in: Seconds for which the address works: a week at most; 900 where it is absent.
            filename: What browsers save it as.
            content_type: Answered in place of the object's own.
            disposition: `inline`: shown, not saved.
        """
        return await self._call(
            types.Download,
            "POST",
            f"{bucket_path(bucket)}/downloads",
            body=present(
                {
                    "key": key,
                    "expires_in": expires_in,
                    "filename": filename,
                    "content_type": content_type,
                    "disposition": disposition,
                    "provider": provider,
                    "connection_id": connection_id,
                }
            ),
            options=options,
        )

    async def upload(
        self,
        bucket: str,
        key: str,
        # sync: | source: From,
        source: From | AsyncIterator[bytes],
        *,
        content_type: str | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Mapping[str, object] | None = None,
        if_none_match: bool = False,
        provider: str | None = None,
        connection_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> StoredObject:
        """Upload a file, or a stream, of any size.

        Up to 5 MiB through the API; what is larger goes straight to the bucket, beyond 16 MiB in parts, of which one is held
        at a time. Each part is tried again by itself; when it does not work all the same, what has been uploaded is
        thrown away. Of an error `effect` says whether the object may be there all the same. A repeat under the same
        `idempotency_key` gives the object that the first has put there, or raises ConflictError where that has ended
        without it.

        Args:
            source: The bytes; the path of a file; a file, opened in binary mode; or pieces of bytes.
            if_none_match: Only where there is no object of this key yet; else PreconditionFailedError is raised.
        """
        about: dict[str, Any] = {
            "content_type": content_type,
            "cache_control": cache_control,
            "content_disposition": content_disposition,
            "metadata": metadata,
            "provider": provider,
            "connection_id": connection_id,
        }
        # sync: leave out
        if isinstance(source, AsyncIterator):
            return await AsyncUploading(self).run(bucket, key, Arriving(source), about, if_none_match, options)
        # sync: go on
        opened = await blocking(Source, source)
        try:
            return await AsyncUploading(self).run(bucket, key, Opened(opened), about, if_none_match, options)
        finally:
            opened.close()

    async def download(
        self,
        bucket: str,
        key: str,
        to: str | os.PathLike[str] | BinaryIO,
        *,
        provider: str | None = None,
        connection_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> DownloadedObject:
        """Download an object of any size to a file.

        Straight from the bucket, a piece at a time. What breaks off is gone on with where it was, as long as the object is
        the same. A path holds the whole object or what it held before: it is written beside it, in a file of its own.

        Args:
            to: A path, or a file that is open for writing bytes.
        """
        whose = {"provider": provider, "connection_id": connection_id}
        if not isinstance(to, (str, os.PathLike)):
            return await AsyncDownloading(self).run(bucket, key, to, whose, options)
        part = beside(Path(to))
        file: Any = await blocking(part.open, "xb")
        try:
            with file:
                found = await AsyncDownloading(self).run(bucket, key, file, whose, options)
            await blocking(part.replace, to)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return found
