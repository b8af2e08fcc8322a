# Written by scripts/make_sync.py from _downloading.py: change that, then `make sdk`.
"""A download of any size, straight from the bucket: a piece at a time, and gone on with where it broke off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO

from onerouter._errors import APIConnectionError, OneRouterError
from onerouter._options import RequestOptions
from onerouter._stored import DownloadedObject, bare, quoted
from onerouter._sync._transfers import Tries, refused
from onerouter._sync._wait import blocking

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
        tries = Tries(client)
        written, etag, kind = 0, None, None
        silence_s = client._defaults.timeout.total
        while True:
            signed = self._storage.download_url(
                bucket, key, provider=whose["provider"], connection_id=whose["connection_id"], **options
            )
            # What is behind the bytes that are there, of the same version, or nothing.
            goes_on: dict[str, str] = (
                {"Range": f"bytes={written}-", "If-Match": quoted(etag)} if written and etag else {}
            )
            failure: OneRouterError
            try:
                with client._transport.fetch(signed.url, goes_on, silence_s) as (
                    status,
                    headers,
                    pieces,
                ):
                    if status not in (200, 206) or (written and not _goes_on(status, headers, written)):
                        failure = refused(status, headers, b"")
                        for piece in pieces:
                            failure = refused(status, headers, piece)
                            break
                    else:
                        etag, kind = etag or bare(headers.get("etag")), headers.get("content-type")
                        for piece in pieces:
                            blocking(file.write, piece)
                            written += len(piece)
                            tries.went_on()
                        found = {"bucket": bucket, "key": key, "size": written, "etag": etag, "content_type": kind}
                        return DownloadedObject(found)
            except APIConnectionError as error:
                failure = error
                if written and etag is None:
                    raise  # whether it is still the same object cannot be told
            client._sleep(tries.pause_before_next(failure))


def _goes_on(status: int, headers: Mapping[str, str], written: int) -> bool:
    """Whether it is what comes behind the bytes that are there."""
    return status == 206 and headers.get("content-range", f"bytes {written}-").startswith(f"bytes {written}-")
