"""An upload of any size: through the API, past it in one piece, or in parts, of which one is held at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from onerouter import types
from onerouter._errors import OneRouterError, PreconditionFailedError
from onerouter._object import Accepted
from onerouter._options import RequestOptions
from onerouter._source import Source, checked
from onerouter._stored import INLINE_BYTES, StoredObject, stored
from onerouter._transfers import AsyncTransfers
from onerouter._wait import blocking, to_its_end

if TYPE_CHECKING:
    from onerouter.resources.storage import AsyncStorage

_SINGLE_BYTES: Final = 16 * 1024 * 1024
"""What is larger is uploaded in parts, of which one at a time is held."""
_PART_BYTES: Final = 8 * 1024 * 1024
_MIB: Final = 1024 * 1024
_MOST_PARTS: Final = 10_000
_PARTS_ASKED: Final = 100
_WHOLE_S: Final = 3_600
_PARTS_S: Final = 86_400
"""As long as all of them may take: no more addresses are signed after it."""
_GIVE_UP_S: Final = 10.0


class AsyncUploading:
    """With the methods of a client's storage."""

    def __init__(self, storage: AsyncStorage) -> None:
        self._storage = storage

    async def run(
        self,
        bucket: str,
        key: str,
        # sync: | source: Opened,
        source: Opened | Arriving,
        about: Mapping[str, Any],
        if_none_match: bool,
        options: RequestOptions,
    ) -> StoredObject:
        size = source.size
        held = await source.read(INLINE_BYTES + 1 if size is None or size <= INLINE_BYTES else 0)
        if size is None or size <= INLINE_BYTES:
            if len(held) <= INLINE_BYTES:
                made = await self._storage.put(bucket, key, held, if_none_match=if_none_match, **about, **options)
                return stored(bucket, key, await _outcome(made), made.response)
            size = None  # a file that grew while it was read is one whose size nobody knows
        own: Any = {name: value for name, value in options.items() if name != "idempotency_key"}
        asked = {**about, "if_none_match": "*" if if_none_match else None}
        if size is not None and size <= _SINGLE_BYTES:
            held += await source.read(size - len(held))
            asked |= {"size": len(held), "multipart": False, "expires_in": _WHOLE_S}
            upload: types.Upload = await _outcome(await self._storage.uploads.create(bucket, key, **asked, **options))
            return await self._finish_whole(bucket, key, upload, held, own)
        part_size = _PART_BYTES if size is None else max(_PART_BYTES, -(-size // _MOST_PARTS // _MIB) * _MIB)
        asked |= {"multipart": True, "part_size": part_size, "expires_in": _PARTS_S}
        upload = await _outcome(await self._storage.uploads.create(bucket, key, **asked, **options))
        putting = self._put_parts(bucket, upload, source, held, part_size, own)
        return await self._finish_parts(bucket, key, upload, putting, own)

    async def _finish_whole(
        self, bucket: str, key: str, upload: types.Upload, content: bytes, own: Any
    ) -> StoredObject:
        """Whatever became of the transfer, the API is asked: where only the answer got lost, the object is there."""
        failure: OneRouterError | None = None
        try:
            await self._put_whole(bucket, upload, content, own)
        except GeneratorExit:  # nothing can be waited for any more
            raise
        except OneRouterError as error:
            failure = error
        except BaseException:
            await self._give_up(bucket, upload, own)
            raise
        try:
            return await self._completed(bucket, key, upload, None, own)
        except OneRouterError as error:
            if failure is None:
                if error.effect == "none":
                    await self._give_up(bucket, upload, own)
                raise
            # It is not there. What is on its way yet meets the condition that was not met, or arrives.
            is_over = isinstance(failure, PreconditionFailedError) or failure.effect == "none"
            if error.effect != "none" or not is_over:
                failure.effect = "unknown"  # who looks when the upload expires will find it
                raise failure from error
        await self._give_up(bucket, upload, own)
        failure.effect = "none"
        raise failure

    async def _finish_parts(self, bucket: str, key: str, upload: types.Upload, putting: Any, own: Any) -> StoredObject:
        """`putting`: the transfer, which gives the parts. Where nothing has come of it they are thrown away."""
        try:
            # sync: | parts = list(putting)
            parts = [part async for part in putting]
        except GeneratorExit:  # nothing can be waited for any more
            raise
        except BaseException as error:
            await self._give_up(bucket, upload, own)
            if isinstance(error, OneRouterError):
                error.effect = "none"  # of parts alone nothing is made
            raise
        try:
            return await self._completed(bucket, key, upload, parts, own)
        except OneRouterError as error:
            if error.effect == "none":
                await self._give_up(bucket, upload, own)
            raise

    async def _completed(self, bucket: str, key: str, upload: types.Upload, parts: Any, own: Any) -> StoredObject:
        done = await self._storage.uploads.complete(bucket, upload.id, parts=parts or None, **own)
        return stored(bucket, key, await _outcome(done), done.response)

    async def _give_up(self, bucket: str, upload: types.Upload, own: Any) -> None:
        """Also where who called is leaving: what was uploaded would be paid for until it expires."""
        try:
            await to_its_end(_GIVE_UP_S, self._storage.uploads.abort(bucket, upload.id, **own))
        except (OneRouterError, TimeoutError) as error:
            self._storage._client._log.info(
                "An upload could not be aborted, and is so when it expires: %s", type(error).__name__
            )

    async def _put_whole(self, bucket: str, upload: types.Upload, content: bytes, own: Any) -> None:
        async def again() -> str:
            return (await self._storage.uploads.get(bucket, upload.id, **own)).url or ""

        await AsyncTransfers(self._storage._client).put(
            upload.url or "", _sent(upload.required_headers), content, again
        )

    async def _put_parts(
        self,
        bucket: str,
        upload: types.Upload,
        # sync: | source: Opened,
        source: Opened | Arriving,
        held: bytes,
        part_size: int,
        own: Any,
    ) -> AsyncIterator[dict[str, Any]]:
        urls = {part.part_number: part.url for part in upload.parts}
        transfers = AsyncTransfers(self._storage._client)
        number = 0
        while True:
            if len(held) < part_size:
                held += await source.read(part_size - len(held))
            content, held = held[:part_size], held[part_size:]
            if not content:
                return
            number += 1
            if number not in urls:
                page = await self._storage.uploads.list_parts(
                    bucket, upload.id, first=number, count=_PARTS_ASKED, **own
                )
                urls = {part.part_number: part.url for part in page.data}

            async def again(number: int = number) -> str:
                page = await self._storage.uploads.list_parts(bucket, upload.id, first=number, count=1, **own)
                return str(page.data[0].url)

            etag = await transfers.put(urls[number], {}, content, again)
            yield {"part_number": number, "etag": etag}


class Opened:
    """A source that waits for the disk, read beside the loop."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.size = source.size

    async def read(self, size: int) -> bytes:
        return await blocking(self._source.read, size) if size else b""


# sync: leave out
class Arriving:
    """Pieces that are waited for."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""
        self.size: int | None = None

    async def read(self, size: int) -> bytes:
        found = bytearray(self._rest)
        self._rest = b""
        while len(found) < size:
            piece = await anext(self._pieces, None)
            if piece is None:
                break
            found += checked(piece)
        found, self._rest = found[:size], bytes(found[size:])
        return bytes(found)


# sync: go on


async def _outcome(made: Any) -> Any:
    """What a 202 comes to."""
    return await made.wait() if isinstance(made, Accepted) else made


def _sent(required: Mapping[str, str]) -> dict[str, str]:
    """The length is written by whoever sends the bytes."""
    return {name: value for name, value in required.items() if name.lower() not in ("content-length", "host")}
