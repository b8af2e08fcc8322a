"""Objects written, read and deleted whole."""

import base64
import hashlib
from email.utils import parsedate_to_datetime
from typing import Any

from onerouter_common.errors import (
    CapabilityUnsupported,
    NotFound,
    PayloadTooLarge,
    PreconditionFailed,
    ProviderRefusedUs,
)
from onerouter_providers.http import Admit, AnswerTooLarge
from onerouter_providers.objects import (
    ALWAYS,
    Conditions,
    NotModified,
    ObjectContent,
    ObjectSnapshot,
    PutRequest,
)
from onerouter_providers.storage.s3_protocol.bucket import Part
from onerouter_providers.storage.s3_protocol.mapping import (
    OPERATION,
    SHA256,
    conditions_to_wire,
    headers_to_wire,
    moment,
    quoted,
    snapshot,
    unquoted,
)
from onerouter_providers.storage.s3_protocol.wire import S3Answer, Unmodified


class Objects(Part):
    async def put_object(self, request: PutRequest) -> ObjectSnapshot:
        sha256 = _digest(request)
        params: dict[str, Any] = {
            **self._bucket.at(request.key),
            **headers_to_wire(request),
            "Body": request.content,
            "Metadata": self._metadata(request.metadata, {OPERATION: request.operation_id, SHA256: sha256}),
        }
        if self._bucket.profile.takes_checksums:
            params["ChecksumSHA256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
        if request.if_none_match:
            params["IfNoneMatch"] = "*"
        if request.if_match is not None:
            params["IfMatch"] = quoted(request.if_match)
        try:
            answer = await self._write("object.put", "put_object", params, needs="ETag")
        except NotFound as absent:
            if request.if_match is None:
                raise
            raise _not_there() from absent
        return ObjectSnapshot(
            key=request.key,
            size_bytes=len(request.content),
            etag=unquoted(answer.fields.get("ETag", "")),
            content_type=request.content_type,
            cache_control=request.cache_control,
            content_disposition=request.content_disposition,
            metadata=dict(request.metadata),
            sha256=sha256,
            operation_id=request.operation_id,
            version_id=answer.fields.get("VersionId"),
        )

    async def find_put(self, request: PutRequest) -> ObjectSnapshot | None:
        try:
            found = await self._head(request.key)
        except NotFound:
            return None
        is_its = (found.operation_id, found.sha256) == (request.operation_id, _digest(request))
        return found if is_its else None

    async def head_object(self, key: str, conditions: Conditions = ALWAYS) -> ObjectSnapshot | NotModified:
        params = {**self._bucket.at(key), **conditions_to_wire(conditions)}
        answer = await self._wire.ask("object.get", "head_object", params, effect=False, needs="ETag")
        return _not_modified(answer) if isinstance(answer, Unmodified) else snapshot(key, answer.fields)

    async def get_object(
        self,
        key: str,
        *,
        most_bytes: int,
        byte_range: str | None = None,
        conditions: Conditions = ALWAYS,
        admit: Admit | None = None,
    ) -> ObjectContent | NotModified:
        params = {**self._bucket.at(key), **conditions_to_wire(conditions)}
        if byte_range is not None:
            params["Range"] = byte_range
        try:
            answer = await self._wire.ask(
                "object.get", "get_object", params, effect=False, most_bytes=most_bytes, admit=admit, needs="ETag"
            )
        except AnswerTooLarge:
            raise PayloadTooLarge(
                f"The object has more than {most_bytes} bytes to answer with: ask for a download address, or for a range."
            ) from None
        if isinstance(answer, Unmodified):
            return _not_modified(answer)
        content_range = answer.fields.get("ContentRange")
        return ObjectContent(
            snapshot(key, answer.fields, size_bytes=_whole_size(content_range)), answer.content, content_range
        )

    @property
    def has_conditional_delete(self) -> bool:
        return self._bucket.profile.has_conditional_delete

    async def delete_object(self, key: str, *, if_match: str | None = None) -> None:
        params = self._bucket.at(key)
        if if_match is not None:
            if not self.has_conditional_delete:
                raise CapabilityUnsupported(
                    f"{self._bucket.profile.display_name} cannot be told which version to delete: leave If-Match out."
                )
            params["IfMatch"] = quoted(if_match)
        try:
            await self._write("object.delete", "delete_object", params)
        except NotFound as absent:
            if if_match is not None:
                raise _not_there() from absent
            # Without a condition S3 and R2 do not say so; others of the protocol do.

    async def _head(self, key: str, *, capability: str = "object.get", deadline: float | None = None) -> ObjectSnapshot:
        answer = await self._wire.call(
            capability, "head_object", self._bucket.at(key), effect=False, deadline=deadline, needs="ETag"
        )
        return snapshot(key, answer.fields)

    async def _write(
        self, capability: str, operation: str, params: dict[str, Any], *, needs: str | None = None
    ) -> S3Answer:
        """A race that the provider tells of as 409 is run once more: nothing was done."""
        deadline = await self._wire.deadline()
        try:
            return await self._wire.call(capability, operation, params, effect=True, deadline=deadline, needs=needs)
        except ProviderRefusedUs as error:
            if error.reason != "conflict":
                raise
        return await self._wire.call(capability, operation, params, effect=True, deadline=deadline, needs=needs)


def _not_there() -> PreconditionFailed:
    return PreconditionFailed("There is no object: it cannot be the one that the request expects.")


def _digest(request: PutRequest) -> str:
    return request.sha256 or hashlib.sha256(request.content).hexdigest()


def _not_modified(answer: Unmodified) -> NotModified:
    told = answer.headers.get("last-modified")
    return NotModified(
        unquoted(answer.headers.get("etag", "")) or None, None if told is None else moment(parsedate_to_datetime(told))
    )


def _whole_size(content_range: str | None) -> int | None:
    """`bytes 0-9/100` → 100. None: the answer is the whole object."""
    whole = "" if content_range is None else content_range.rpartition("/")[2]
    return int(whole) if whole.isdigit() else None
