"""Addresses that others use. Signed here: nothing is sent."""

from typing import Any, Final

from onerouter_common.errors import InvalidRequest
from onerouter_providers.objects import (
    EXPIRES_IN_MOST_S,
    PART_NUMBER_MOST,
    DownloadRequest,
    MultipartReference,
    PresignedRequest,
    UploadRequest,
)
from onerouter_providers.storage.s3_protocol.bucket import Part
from onerouter_providers.storage.s3_protocol.mapping import UPLOAD, disposition_of, headers_to_wire

_HEADERS: Final = {
    "ContentType": "Content-Type",
    "CacheControl": "Cache-Control",
    "ContentDisposition": "Content-Disposition",
}


class Presigning(Part):
    async def presign_put(self, request: UploadRequest, *, expires_in_s: int) -> PresignedRequest:
        headers = headers_to_wire(request)
        metadata = self._metadata(request.metadata, {UPLOAD: request.upload_id})
        params: dict[str, Any] = {**self._bucket.at(request.key), **headers, "Metadata": metadata}
        required = {_HEADERS[name]: value for name, value in headers.items()}
        required |= {f"x-amz-meta-{name}": value for name, value in metadata.items()}
        if request.size_bytes is not None:
            params["ContentLength"] = request.size_bytes
            required["Content-Length"] = str(request.size_bytes)
        if request.if_none_match:
            params["IfNoneMatch"] = required["If-None-Match"] = "*"
        return await self._wire.sign(
            "put_object", params, method="PUT", expires_in_s=_checked(expires_in_s), required_headers=required
        )

    async def presign_get(self, request: DownloadRequest, *, expires_in_s: int) -> PresignedRequest:
        params = {**self._bucket.at(request.key), "ResponseContentDisposition": disposition_of(request)}
        if request.content_type is not None:
            params["ResponseContentType"] = request.content_type
        return await self._wire.sign(
            "get_object", params, method="GET", expires_in_s=_checked(expires_in_s), required_headers={}
        )

    async def presign_part(
        self, reference: MultipartReference, part_number: int, *, expires_in_s: int, size_bytes: int | None = None
    ) -> PresignedRequest:
        if not 1 <= part_number <= PART_NUMBER_MOST:
            raise InvalidRequest.of("part_number", f"must be 1 to {PART_NUMBER_MOST}")
        params: dict[str, Any] = {
            **self._bucket.at(reference.key),
            "UploadId": reference.provider_upload_id,
            "PartNumber": part_number,
        }
        required = {}
        if size_bytes is not None:
            params["ContentLength"] = size_bytes
            required["Content-Length"] = str(size_bytes)
        return await self._wire.sign(
            "upload_part", params, method="PUT", expires_in_s=_checked(expires_in_s), required_headers=required
        )


def _checked(expires_in_s: int) -> int:
    if not 1 <= expires_in_s <= EXPIRES_IN_MOST_S:
        raise InvalidRequest.of("expires_in", f"must be 1 to {EXPIRES_IN_MOST_S} seconds")
    return expires_in_s
