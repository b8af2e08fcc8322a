# Written by scripts/make_sync.py from _downloading.py: change that, then `make sdk`.
"""A download of any size, straight from the bucket: a piece at a time, and gone on with where it broke off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO

from onerouter._course import Course
from onerouter._errors import APIConnectionError, OneRouterError
from onerouter._options import RequestOptions
from onerouter._stored import DownloadedObject, bare, quoted
from onerouter._sync._transfers import Tries, refused
from onerouter._sync._wait import blocking, until_then, within

if TYPE_CHECKING:
    from onerouter._sync.resources.storage import SyncStorage


class SyncDownloading:
    """With the methods of a client's storage."""

    def __init__(self, storage: SyncStorage) -> None:
        self._storage = storage

    def run(
        self, bucket: str, key: str, file: BinaryIO, whose: Mapping[str, str | None], options: RequestOptions
    ) -> DownloadedObject:
        """`whose`: the provider and the connection, as far as they were said."""
        client = self._storage._client
        course = Course(options, client._defaults)
        tries = Tries(course)
        got = _Got(file, tries)
        while True:
            signed = self._storage.download_url(
                bucket, key, provider=whose["provider"], connection_id=whose["connection_id"], **course.next()
            )
            failure: OneRouterError | None
            left_s = course.left_s
            try:
                with until_then(course.until):
                    fetching = self._fetch(signed.url, got, course)
                    failure = fetching if left_s is None else within(left_s, fetching)
            except TimeoutError:
                failure = course.is_over()
                failure.effect = "none"
            except APIConnectionError as error:
                failure = error
                if got.size and got.etag is None:
                    raise  # whether it is still the same object cannot be told
            if failure is None:
                found = {"bucket": bucket, "key": key, "size": got.size, "etag": got.etag, "content_type": got.kind}
                return DownloadedObject(found)
            client._sleep(tries.pause_before_next(failure))

    def _fetch(self, url: str, got: _Got, course: Course) -> OneRouterError | None:
        """One attempt: None when all of it is there. Raises APIConnectionError."""
        with self._storage._client._transport.fetch(url, got.goes_on(), course.attempt_s()) as (
            status,
            headers,
            pieces,
        ):
            if status not in (200, 206) or (got.size and not _goes_on(status, headers, got.size)):
                failure = refused(status, headers, b"")
                for piece in pieces:
                    failure = refused(status, headers, piece)
                    break
                return failure
            got.etag, got.kind = got.etag or bare(headers.get("etag")), headers.get("content-type")
            for piece in pieces:
                blocking(got.file.write, piece)
                got.size += len(piece)
                got.tries.went_on()
                course.attempt_s()  # is there time for more?
            return None


class _Got:
    """What is in the file, and of which version."""

    def __init__(self, file: BinaryIO, tries: Tries) -> None:
        self.file = file
        self.tries = tries
        self.size = 0
        self.etag: str | None = None
        self.kind: str | None = None

    def goes_on(self) -> dict[str, str]:
        """Headers for what is behind the bytes that are there, of the same version; or for all."""
        return {"Range": f"bytes={self.size}-", "If-Match": quoted(self.etag)} if self.size and self.etag else {}


def _goes_on(status: int, headers: Mapping[str, str], written: int) -> bool:
    """Whether it is what comes behind the bytes that are there."""
    return status == 206 and headers.get("content-range", f"bytes {written}-").startswith(f"bytes {written}-")
