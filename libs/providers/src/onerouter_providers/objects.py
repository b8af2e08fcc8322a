"""What the storage category asks of its providers: requests, snapshots, the Protocol.

A client is one bucket of one connection: keys are the tenant's own, the connection's prefix is put before them and taken
away again by the client. Bytes are whole and bounded (`content`): what is larger goes straight to the provider under a
presigned address.

Errors are the ProviderError tree (`onerouter_common.errors`), its `reason` one of `REASONS`; what the caller named and is
not there, is in the way or is too large comes as a CallerError: NotFound (`OBJECT_NOT_FOUND`, `UPLOAD_NOT_FOUND`),
PreconditionFailed, RangeNotSatisfiable, PayloadTooLarge, InvalidRequest naming its field; then nothing was changed. What may
have been done is ProviderOutcomeUnknown: `find_…` tells, since each write carries our id in its metadata.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

REASONS: Final = frozenset(
    {
        "invalid_request",
        "payload_too_large",
        "content_rejected",
        "authentication_failed",
        "insufficient_credit",
        "rate_limited",
        "provider_unavailable",
        "not_found",
        "conflict",
        "indeterminate",
        "unknown",
    }
)
"""Normalized reasons of a ProviderError."""

OWN: Final = "onerouter-"
"""Metadata names that are ours: refused from callers, and never shown to them."""
EXPIRES_IN_MOST_S: Final = 604_800
"""A signature's longest life (AWS's bound for SigV4 in a query, and R2's)."""
PART_NUMBER_MOST: Final = 10_000
PART_BYTES_LEAST: Final = 5 * 1024**2
"""Of every part but the last."""
SINGLE_BYTES_MOST: Final = 5_000_000_000
"""Of one PUT: S3 says 5 GB; a little below what R2 takes."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """As HTTP has them. ETags without quotes, or `*`."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: datetime | None = None
    if_unmodified_since: datetime | None = None


ALWAYS: Final = Conditions()


@dataclass(frozen=True, slots=True)
class PutRequest:
    key: str
    content: bytes = field(repr=False)
    operation_id: str
    """Ours: goes along as metadata, so that the object tells which operation wrote it."""
    content_type: str = "application/octet-stream"
    sha256: str | None = None
    """Hex; kept with the object. None: of `content`."""
    cache_control: str | None = None
    content_disposition: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Any text under lower-case names; written so that the wire takes it, and read back as it was."""
    if_none_match: bool = False
    """Only if there is no object of this key."""
    if_match: str | None = None
    """Only over the object of this ETag (without quotes)."""


@dataclass(frozen=True, slots=True)
class ObjectSnapshot:
    """What the provider says of one object now."""

    key: str
    size_bytes: int
    etag: str
    """Without quotes. No hash of the content: of several parts it is none."""
    content_type: str | None = None
    last_modified: datetime | None = None
    """None: it was not told (the answer to a write does not)."""
    cache_control: str | None = None
    content_disposition: str | None = None
    content_encoding: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Without ours."""
    sha256: str | None = None
    """Hex, where we wrote it with the object."""
    operation_id: str | None = None
    upload_id: str | None = None
    """Which of our operations or uploads wrote it; None: somebody else did, or the answer does not say (a list)."""
    version_id: str | None = None
    storage_class: str | None = None
    """In the provider's own word, of an entry of a list (STANDARD)."""


@dataclass(frozen=True, slots=True)
class ObjectContent:
    object: ObjectSnapshot
    """`size_bytes`: of the whole object."""
    content: bytes = field(repr=False)
    content_range: str | None = None
    """`bytes 0-9/100`, where a part was asked for and given."""


@dataclass(frozen=True, slots=True)
class NotModified:
    """The condition says that the caller has it already."""

    etag: str | None = None
    last_modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListRequest:
    prefix: str = ""
    delimiter: str | None = None
    """Keys that share a beginning up to it come as one prefix."""
    limit: int = 100
    """1 to 1000, prefixes included. A page may hold less and yet not be the last."""
    token: str | None = None
    """`ObjectPage.next_token` of the page before, with the same prefix and delimiter."""


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """In the order of the keys' UTF-8 bytes."""

    objects: Sequence[ObjectSnapshot]
    """Without content type and metadata: a list does not tell them."""
    prefixes: Sequence[str]
    next_token: str | None
    """None: this is the last page. Opaque, the provider's, and not durable."""


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """An upload that the caller makes itself, in one PUT or in parts."""

    key: str
    upload_id: str
    """Ours: goes along as metadata."""
    content_type: str = "application/octet-stream"
    size_bytes: int | None = None
    """Signed where it is known: no other size can then be uploaded (in one PUT)."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    if_none_match: bool = False
    """Of one PUT: signed, so it is refused where there is an object; of parts it is for `complete_multipart`."""
    cache_control: str | None = None
    content_disposition: str | None = None


@dataclass(frozen=True, slots=True)
class MultipartReference:
    """An upload in parts that was begun at the provider."""

    key: str
    upload_id: str
    """Ours."""
    provider_upload_id: str


@dataclass(frozen=True, slots=True)
class CompletedUpload:
    """What became of an upload in parts: an object of this ETag was made, whatever has been done there since."""

    etag: str
    """Without quotes."""
    object: ObjectSnapshot | None = None
    """As it is now. None: somebody has replaced or deleted it since, or it could not be looked at."""
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    part_number: int
    etag: str
    """Without quotes, as it came."""
    size_bytes: int | None = None
    last_modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class PartPage:
    """In the order of their numbers."""

    parts: Sequence[Part]
    next_after: int | None
    """The part number to go on `after`. None: this is the last page."""


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """One that was begun and neither completed nor aborted."""

    key: str
    provider_upload_id: str
    begun_at: datetime | None


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    key: str
    disposition: Literal["attachment", "inline"] = "attachment"
    filename: str | None = None
    """Any text; None: none is said."""
    content_type: str | None = None
    """In place of the object's own; None: as it is."""


@dataclass(frozen=True, slots=True)
class PresignedRequest:
    """What its holder may send until it expires, as often as it likes: a capability, never to be logged or stored."""

    method: Literal["PUT", "GET"]
    url: str = field(repr=False)
    expires_at: datetime
    required_headers: Mapping[str, str] = field(default_factory=dict)
    """Signed: exactly these must be sent along, or it is refused."""


class StoresObjects(Protocol):
    """Capabilities `object.put`, `object.get`, `object.list`, `object.delete`, `upload.create`, `upload.complete`,
    `upload.abort`, `download.create`.
    """

    def public_url(self, key: str) -> str | None:
        """Where the connection says that everybody finds the object; None: it says nothing."""
        ...

    async def put_object(self, request: PutRequest) -> ObjectSnapshot:
        """Raises PreconditionFailed where a condition of the request does not hold."""
        ...

    async def find_put(self, request: PutRequest) -> ObjectSnapshot | None:
        """The object, where it is this operation's; None when this operation's is surely not there (any more).

        Told by the operation's id and the digest: with `sha256` the content may be left out.
        """
        ...

    async def head_object(self, key: str, conditions: Conditions = ALWAYS) -> ObjectSnapshot | NotModified:
        """Raises NotFound, PreconditionFailed."""
        ...

    async def get_object(
        self,
        key: str,
        *,
        most_bytes: int,
        byte_range: str | None = None,
        conditions: Conditions = ALWAYS,
        admit: Callable[[int], Awaitable[None]] | None = None,
    ) -> ObjectContent | NotModified:
        """At most `most_bytes` of it; `byte_range` is a Range header (`bytes=0-99`). `admit` is told how many bytes come, and
        waited for before they are read: who has no room for them raises.

        Raises NotFound, PreconditionFailed, RangeNotSatisfiable, and PayloadTooLarge without having read what is larger.
        """
        ...

    @property
    def has_conditional_delete(self) -> bool:
        """Whether a delete can be refused where there is another object than the one that is named."""
        ...

    async def delete_object(self, key: str, *, if_match: str | None = None) -> None:
        """There is none afterwards, whether there was one or not. `if_match`: only the object of this ETag; raises
        PreconditionFailed where there is another or none, CapabilityUnsupported without `has_conditional_delete`."""
        ...

    async def list_objects(self, request: ListRequest) -> ObjectPage:
        """Raises InvalidRequest naming `cursor` for a token that the provider does not take."""
        ...

    async def presign_put(self, request: UploadRequest, *, expires_in_s: int) -> PresignedRequest:
        """Signed here: nothing is sent, so wrong credentials show only when it is used."""
        ...

    async def presign_get(self, request: DownloadRequest, *, expires_in_s: int) -> PresignedRequest:
        """Signed here, whether the object is there or not."""
        ...

    async def find_upload(self, request: UploadRequest) -> ObjectSnapshot | None:
        """The object, where this upload wrote it, in one PUT or in parts; None: it is not there (any more)."""
        ...

    async def create_multipart(self, request: UploadRequest) -> MultipartReference:
        """Begun again after a lost answer it is another. The first stays behind, empty, until a rule of the bucket removes
        it: what is open carries no mark of ours, so nobody can tell it from those of others."""
        ...

    async def presign_part(
        self, reference: MultipartReference, part_number: int, *, expires_in_s: int, size_bytes: int | None = None
    ) -> PresignedRequest:
        """`size_bytes`: signed, so that nothing longer or shorter is taken."""
        ...

    async def list_parts(self, reference: MultipartReference, *, after: int = 0, limit: int = 1_000) -> PartPage:
        """Raises NotFound (`UPLOAD_NOT_FOUND`) once it is completed or aborted."""
        ...

    async def complete_multipart(
        self, reference: MultipartReference, parts: Sequence[Part], *, if_none_match: bool = False
    ) -> CompletedUpload:
        """Completed already by this upload, and still there: that is the answer.

        Raises NotFound (`UPLOAD_NOT_FOUND`) for one that is gone and left no object of its own there: aborted, or completed
        and replaced; InvalidRequest naming `parts` for parts that are not as they were uploaded, PreconditionFailed.
        """
        ...

    async def abort_multipart(self, reference: MultipartReference) -> None:
        """Gone already: that is fine. What it completed stays."""
        ...

    async def list_multiparts(self, key_prefix: str = "", *, limit: int = 100) -> Sequence[OpenUpload]:
        """Those that are open, whoever began them: of keys that begin so, in their order, at most `limit` (≤ 1000)."""
        ...

    async def probe(self) -> None:
        """A read-only call that proves the credentials and the bucket. Raises ProviderRefusedUs when they are wrong."""
        ...
