# Written by scripts/make_sync.py from resources/uploads.py: change that, then `make sdk`.
"""Addresses for uploads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from onerouter import types
from onerouter._options import RequestOptions
from onerouter._request import segment
from onerouter._stored import bucket_path
from onerouter._sync._resource import SyncResource
from onerouter.resources._body import present

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from onerouter.types.params import CompletedPart


class SyncUploads(SyncResource):
    """Addresses at which whoever has them can put an object, without an API key, straight to the bucket."""

    def create(
        self,
        bucket: str,
        key: str,
        *,
        content_type: str | None = None,
        size: int | None = None,
        expires_in: int | None = None,
        multipart: bool | None = None,
        part_size: int | None = None,
        cache_control: str | None = None,
        content_disposition: str | None = None,
        metadata: Mapping[str, object] | None = None,
        if_none_match: Literal["*"] | None = None,
        provider: str | None = None,
        connection_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Upload:
        """Ask for an upload.

        PUT the bytes at its `url`, with exactly its `required_headers`, or the parts at theirs; then `complete` it.

        Args:
            content_type: `application/octet-stream` where it is absent.
            size: Bytes. Where it is said, nothing longer can be uploaded in one piece.
            expires_in: Seconds for which the address works: a week at most; 900 where it is absent.
            multipart: In parts. Absent: when `size` is above 100 MiB.
            part_size: Bytes of each part but the last. Absent: chosen so that there are at most 10,000.
            metadata: Yours; kept with the object. Names are lower-cased.
            if_none_match: `*`: only where there is no object of this key yet.
            provider: Where several of your connections have a bucket of this name: which one.
            connection_id: The same, by the connection's id: where several are of one provider.
        """
        return self._call(
            types.Upload,
            "POST",
            f"{bucket_path(bucket)}/uploads",
            body=present(
                {
                    "key": key,
                    "content_type": content_type,
                    "size": size,
                    "expires_in": expires_in,
                    "multipart": multipart,
                    "part_size": part_size,
                    "cache_control": cache_control,
                    "content_disposition": content_disposition,
                    "metadata": metadata,
                    "if_none_match": if_none_match,
                    "provider": provider,
                    "connection_id": connection_id,
                }
            ),
            options=options,
        )

    def get(self, bucket: str, upload_id: str, **options: Unpack[RequestOptions]) -> types.Upload:
        """Get an upload.

        With addresses that work until `expires_at`, while it is `pending` and where the key may write.
        """
        return self._call(types.Upload, "GET", _path(bucket, upload_id), options=options)

    def list_parts(
        self,
        bucket: str,
        upload_id: str,
        *,
        first: int | None = None,
        count: int | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.UploadPartList:
        """List an upload's parts.

        Each with its address, while the upload is `pending`.

        Args:
            first: The first part's number; 1 where it is absent.
            count: How many, at most 100.
        """
        return self._call(
            types.UploadPartList,
            "GET",
            f"{_path(bucket, upload_id)}/parts",
            query=present({"from": first, "count": count}),
            options=options,
        )

    def complete(
        self,
        bucket: str,
        upload_id: str,
        *,
        parts: Sequence[CompletedPart] | None = None,
        **options: Unpack[RequestOptions],
    ) -> types.Upload:
        """Complete an upload.

        The parts become the object; of an upload in one piece it is looked whether the object is there.

        Args:
            parts: All of them, ascending, with the ETags that the bucket answered. None of an upload in one piece.
        """
        return self._call(
            types.Upload,
            "POST",
            f"{_path(bucket, upload_id)}/complete",
            body=present({"parts": parts}),
            options=options,
        )

    def abort(self, bucket: str, upload_id: str, **options: Unpack[RequestOptions]) -> types.Upload:
        """Abort an upload.

        What has been uploaded of its parts is thrown away.
        """
        return self._call(types.Upload, "POST", f"{_path(bucket, upload_id)}/abort", options=options)


def _path(bucket: str, upload_id: str) -> str:
    return f"{bucket_path(bucket)}/uploads/{segment(upload_id, 'upload_id')}"
