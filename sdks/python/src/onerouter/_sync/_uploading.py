# Written by scripts/make_sync.py from _uploading.py: change that, then `make sdk`.
"""An upload of any size: through the API, past it in one piece, or in parts, of which one is held at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from onerouter import types
from onerouter._course import Course
from onerouter._errors import APIError, ConflictError, OneRouterError, PreconditionFailedError
from onerouter._object import Accepted
from onerouter._options import RequestOptions
from onerouter._source import Source
from onerouter._stored import INLINE_BYTES, StoredObject, stored
from onerouter._sync._transfers import SyncTransfers
from onerouter._sync._wait import blocking, to_its_end

if TYPE_CHECKING:
    from onerouter._sync.resources.storage import SyncStorage

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
_GIVE_UP_LEAST_S: Final = 1.0
"""After a deadline that is over."""
_OVER: Final = "UPLOAD_ENDED"
_COMPLETED: Final = "UPLOAD_COMPLETED"


class SyncUploading:
    """With the methods of a client's storage."""

    def __init__(self, storage: SyncStorage) -> None:
        self._storage = storage

    def run(
        self,
        bucket: str,
        key: str,
        source: Opened,
        about: Mapping[str, Any],
        if_none_match: bool,
        options: RequestOptions,
    ) -> StoredObject:
        course = Course(options, self._storage._client._defaults)
        size = source.size
        held = source.read(INLINE_BYTES + 1 if size is None or size <= INLINE_BYTES else 0)
        if size is None or size <= INLINE_BYTES:
            if len(held) <= INLINE_BYTES:
                made = self._storage.put(bucket, key, held, if_none_match=if_none_match, **about, **course.first())
                return stored(bucket, key, _outcome(made, course), made.response)
            size = None  # a file that grew while it was read is one whose size nobody knows
        asked = {**about, "if_none_match": "*" if if_none_match else None}
        if size is not None and size <= _SINGLE_BYTES:
            held += source.read(size - len(held))
            asked |= {"size": len(held), "multipart": False, "expires_in": _WHOLE_S}
            upload = self._begun(bucket, key, asked, course)
            if upload.status == "completed":
                return stored(bucket, key, upload, upload.response)
            return self._finish_whole(bucket, key, upload, held, course)
        part_size = _PART_BYTES if size is None else max(_PART_BYTES, -(-size // _MOST_PARTS // _MIB) * _MIB)
        asked |= {"multipart": True, "part_size": part_size, "expires_in": _PARTS_S}
        upload = self._begun(bucket, key, asked, course)
        if upload.status == "completed":
            return stored(bucket, key, upload, upload.response)
        putting = self._put_parts(bucket, upload, source, held, part_size, course)
        return self._finish_parts(bucket, key, upload, putting, course)

    def _begun(self, bucket: str, key: str, asked: Mapping[str, Any], course: Course) -> types.Upload:
        """One that takes bytes, or that a call under the same idempotency key has completed. Raises ConflictError for one
        that has ended without its object."""
        made = self._storage.uploads.create(bucket, key, **asked, **course.first())
        upload: types.Upload = _outcome(made, course)
        if isinstance(made, Accepted):  # what is kept of its answer has no address, and is of then, not of now
            upload = self._storage.uploads.get(bucket, upload.id, **course.next())
        if upload.status not in ("pending", "completed"):
            raise _ended(upload, made.response.idempotency_key)
        return upload

    def _finish_whole(
        self, bucket: str, key: str, upload: types.Upload, content: bytes, course: Course
    ) -> StoredObject:
        """Whatever became of the transfer, the API is asked: where only the answer got lost, the object is there."""
        failure: OneRouterError | None = None
        try:
            self._put_whole(bucket, upload, content, course)
        except GeneratorExit:  # nothing can be waited for any more
            raise
        except OneRouterError as error:
            failure = error
        except BaseException:
            self._give_up(bucket, upload, course)
            raise
        try:
            return self._completed(bucket, key, upload, None, course)
        except OneRouterError as error:
            is_said = isinstance(error, APIError) and error.effect == "none"  # that it is not there
            is_over = failure is None or isinstance(failure, PreconditionFailedError) or failure.effect == "none"
            is_never = failure is not None and failure.effect == "none" and course.is_ours
            if not is_never and not (is_said and is_over):
                # It may be there, or what is on its way yet arrives: who looks when the upload expires will find it.
                raise _in_doubt(failure, error) from error
            ended = self._give_up(bucket, upload, course)
            if ended is not None and ended.status == "completed":
                return stored(bucket, key, ended, ended.response)
            if failure is None:
                error.effect = "none" if ended is not None and ended.status == "aborted" else "unknown"
                raise
        failure.effect = "none"
        raise failure

    def _finish_parts(self, bucket: str, key: str, upload: types.Upload, putting: Any, course: Course) -> StoredObject:
        """`putting`: the transfer, which gives the parts. Where nothing has come of it they are thrown away."""
        try:
            parts = list(putting)
        except GeneratorExit:  # nothing can be waited for any more
            raise
        except BaseException as error:
            ended = self._give_up(bucket, upload, course)
            if not isinstance(error, OneRouterError):
                raise
            if ended is not None and ended.status == "completed":  # by another call under the same key
                return stored(bucket, key, ended, ended.response)
            # Of parts alone nothing is made.
            is_never = course.is_ours if ended is None else ended.status == "aborted"
            error.effect = "none" if is_never else "unknown"
            raise
        try:
            return self._completed(bucket, key, upload, parts, course)
        except OneRouterError as error:
            if error.effect == "none":
                ended = self._give_up(bucket, upload, course)
                if ended is not None and ended.status == "completed":
                    return stored(bucket, key, ended, ended.response)
            raise

    def _completed(self, bucket: str, key: str, upload: types.Upload, parts: Any, course: Course) -> StoredObject:
        done = self._storage.uploads.complete(bucket, upload.id, parts=parts or None, **course.next())
        return stored(bucket, key, _outcome(done, course), done.response)

    def _give_up(self, bucket: str, upload: types.Upload, course: Course) -> types.Upload | None:
        """Also where who called is leaving: what was uploaded would be paid for until it expires.

        The upload as it has ended, which may be otherwise; None: that cannot be told.
        """
        try:
            return to_its_end(_GIVE_UP_S, self._aborted(bucket, upload.id, course))
        except (OneRouterError, TimeoutError) as error:
            self._storage._client._log.info(
                "An upload could not be aborted, and is so when it expires: %s", type(error).__name__
            )
            return None

    def _aborted(self, bucket: str, upload_id: str, course: Course) -> types.Upload:
        options = course.at_the_end(_GIVE_UP_S, _GIVE_UP_LEAST_S)
        try:
            ended = self._storage.uploads.abort(bucket, upload_id, **options)
            return ended.wait(_GIVE_UP_S) if isinstance(ended, Accepted) else ended
        except ConflictError as error:
            if error.code != _COMPLETED:
                raise
            return self._storage.uploads.get(bucket, upload_id, **options)

    def _put_whole(self, bucket: str, upload: types.Upload, content: bytes, course: Course) -> None:
        def again() -> str:
            return (self._storage.uploads.get(bucket, upload.id, **course.next())).url or ""

        SyncTransfers(self._storage._client, course).put(
            upload.url or again(), _sent(upload.required_headers), content, again
        )

    def _put_parts(
        self,
        bucket: str,
        upload: types.Upload,
        source: Opened,
        held: bytes,
        part_size: int,
        course: Course,
    ) -> Iterator[dict[str, Any]]:
        urls = {part.part_number: part.url for part in upload.parts}
        transfers = SyncTransfers(self._storage._client, course)
        number = 0
        while True:
            if len(held) < part_size:
                held += source.read(part_size - len(held))
            content, held = held[:part_size], held[part_size:]
            if not content:
                return
            number += 1
            if number not in urls:
                page = self._storage.uploads.list_parts(
                    bucket, upload.id, first=number, count=_PARTS_ASKED, **course.next()
                )
                urls = {part.part_number: part.url for part in page.data}

            def again(number: int = number) -> str:
                page = self._storage.uploads.list_parts(bucket, upload.id, first=number, count=1, **course.next())
                return str(page.data[0].url)

            etag = transfers.put(urls[number], {}, content, again)
            yield {"part_number": number, "etag": etag}


class Opened:
    """A source that waits for the disk, read beside the loop."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.size = source.size

    def read(self, size: int) -> bytes:
        return blocking(self._source.read, size) if size else b""


def _outcome(made: Any, course: Course) -> Any:
    """What a 202 comes to."""
    return made.wait(course.left_s) if isinstance(made, Accepted) else made


def _in_doubt(failure: OneRouterError | None, error: OneRouterError) -> OneRouterError:
    """Of the transfer, or of asking what came of it."""
    told = error if failure is None else failure
    told.effect = "unknown"
    return told


def _ended(upload: types.Upload, idempotency_key: str | None) -> ConflictError:
    """`failed`: nobody can tell whether its object was made; what was `aborted` may have been put there all the same."""
    error = ConflictError(
        f"The upload {upload.id} of this idempotency key is {upload.status}: it takes no bytes any more. Look whether the "
        "object is there, and upload it under another key where it is not."
    )
    error.code = _OVER
    error.effect = "unknown"
    error.operation_id = upload.get("operation_id")
    error.idempotency_key = idempotency_key
    error.body = upload
    return error


def _sent(required: Mapping[str, str]) -> dict[str, str]:
    """The length is written by whoever sends the bytes."""
    return {name: value for name, value in required.items() if name.lower() not in ("content-length", "host")}
