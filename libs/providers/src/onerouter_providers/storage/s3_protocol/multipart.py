"""Uploads in parts: begun and ended by us, the parts brought by the caller."""

from collections.abc import Sequence
from typing import Any

from onerouter_common.errors import CapabilityUnsupported, NotFound, ProviderError
from onerouter_providers.objects import (
    CompletedUpload,
    MultipartReference,
    ObjectSnapshot,
    OpenUpload,
    PartPage,
    UploadRequest,
)
from onerouter_providers.objects import Part as UploadedPart
from onerouter_providers.storage.s3_protocol.mapping import UPLOAD, headers_to_wire, moment, quoted, unquoted
from onerouter_providers.storage.s3_protocol.objects import Objects


class Multipart(Objects):
    async def create_multipart(self, request: UploadRequest) -> MultipartReference:
        """Raises CapabilityUnsupported for a condition that the provider could not be told when it is completed."""
        self._check_condition(is_asked=request.if_none_match)
        params = {
            **self._bucket.at(request.key),
            **headers_to_wire(request),
            "Metadata": self._metadata(request.metadata, {UPLOAD: request.upload_id}),
        }
        answer = await self._wire.call(
            "upload.create", "create_multipart_upload", params, effect=True, needs="UploadId"
        )
        return MultipartReference(request.key, request.upload_id, str(answer.fields["UploadId"]))

    async def find_upload(self, request: UploadRequest) -> ObjectSnapshot | None:
        try:
            found = await self._head(request.key, capability="upload.complete")
        except NotFound:
            return None
        return found if found.upload_id == request.upload_id else None

    async def list_parts(self, reference: MultipartReference, *, after: int = 0, limit: int = 1_000) -> PartPage:
        params = {**self._of(reference), "PartNumberMarker": after, "MaxParts": limit}
        answer = await self._wire.call("upload.create", "list_parts", params, effect=False, needs="IsTruncated")
        fields = answer.fields
        parts = [
            UploadedPart(
                part_number=int(one["PartNumber"]),
                etag=unquoted(one["ETag"]),
                size_bytes=int(one["Size"]),
                last_modified=moment(one.get("LastModified")),
            )
            for one in fields.get("Parts", [])
        ]
        return PartPage(parts, int(fields["NextPartNumberMarker"]) if fields.get("IsTruncated") else None)

    async def complete_multipart(
        self, reference: MultipartReference, parts: Sequence[UploadedPart], *, if_none_match: bool = False
    ) -> CompletedUpload:
        """Its own answer says what was made: by the time it is looked at, somebody may have put another in its place."""
        self._check_condition(is_asked=if_none_match)
        deadline = await self._wire.deadline()
        told = [{"PartNumber": one.part_number, "ETag": quoted(one.etag)} for one in parts]
        params: dict[str, Any] = {**self._of(reference), "MultipartUpload": {"Parts": told}}
        if if_none_match:
            params["IfNoneMatch"] = "*"
        try:
            answer = await self._wire.call(
                "upload.complete", "complete_multipart_upload", params, effect=True, deadline=deadline, needs="ETag"
            )
        except NotFound as gone:
            return await self._completed_before(reference, gone, deadline)
        try:
            found = await self._head(reference.key, capability="upload.complete", deadline=deadline)
        except (NotFound, ProviderError):
            found = None
        etag = unquoted(str(answer.fields["ETag"]))
        is_its = found is not None and (found.upload_id, found.etag) == (reference.upload_id, etag)
        return CompletedUpload(etag, found if is_its else None, answer.fields.get("VersionId"))

    async def abort_multipart(self, reference: MultipartReference) -> None:
        try:
            await self._wire.call("upload.abort", "abort_multipart_upload", self._of(reference), effect=True)
        except NotFound:
            return

    async def list_multiparts(self, key_prefix: str = "", *, limit: int = 100) -> Sequence[OpenUpload]:
        params = {**self._bucket.below(key_prefix), "MaxUploads": limit}
        answer = await self._wire.call(
            "upload.create", "list_multipart_uploads", params, effect=False, needs="IsTruncated"
        )
        return [
            OpenUpload(self._bucket.own(one["Key"]), one["UploadId"], moment(one.get("Initiated")))
            for one in answer.fields.get("Uploads", [])
        ]

    async def _completed_before(
        self, reference: MultipartReference, gone: NotFound, deadline: float
    ) -> CompletedUpload:
        """The upload is gone: completed by the call before this one, where the object says so."""
        try:
            found = await self._head(reference.key, capability="upload.complete", deadline=deadline)
        except NotFound:
            raise gone from None
        if found.upload_id != reference.upload_id:
            raise gone
        return CompletedUpload(found.etag, found, found.version_id)

    def _of(self, reference: MultipartReference) -> dict[str, Any]:
        return {**self._bucket.at(reference.key), "UploadId": reference.provider_upload_id}

    def _check_condition(self, *, is_asked: bool) -> None:
        if is_asked and not self._bucket.profile.has_conditional_complete:
            raise CapabilityUnsupported(
                f"{self._bucket.profile.display_name} cannot refuse an upload in parts where there is an object: upload it "
                "in one PUT, or leave if_none_match out."
            )
