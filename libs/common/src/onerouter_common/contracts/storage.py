"""Payloads of the storage commands: what the public API accepted, in canonical form. Bytes are never in them."""

from typing import Final, Literal

from pydantic import Field

from onerouter_common.contracts.base import Contract
from onerouter_common.ids import OBJECT, derive_id

MIB: Final = 1024 * 1024
INLINE_BYTES: Final = 5 * MIB
"""Most bytes of an object that pass through us; larger ones go to and from the bucket by signed addresses."""
SINGLE_BYTES: Final = 5_000_000_000
"""Most that one PUT takes at every provider (S3: 5 GB; R2: a little more)."""
MULTIPART_FROM_BYTES: Final = 100 * MIB
"""Above this an upload is in parts, also when nobody asks for it."""
MOST_PARTS: Final = 10_000
LEAST_PART_BYTES: Final = 5 * MIB
"""Of all parts but the last."""
MOST_PART_BYTES: Final = SINGLE_BYTES
MOST_BYTES: Final = 5 * 1024 * 1024 * MIB - 5 * 1024 * MIB
"""Of one object (R2: 5 TiB less 5 GiB)."""
MOST_EXPIRES_IN_S: Final = 604_800
"""A signed address lives a week at most, at both providers."""
EXPIRES_IN_S: Final = 900

# Not a secret: whose an object is is checked wherever it is read.
_SAME_PLACE: Final = b"onerouter.object"


def object_id(connection_id: str, key: str) -> str:
    """Of the place that a key is in a bucket: all operations on it run one after the other, and none while it is not known
    what came of the one before; so do those that complete and abort its uploads."""
    return derive_id(OBJECT, _SAME_PLACE, connection_id, key)


def part_size_for(size_bytes: int | None) -> int:
    """Of an upload in parts, where nobody asked for one: at least 8 MiB, whole MiB, and never more than 10 000 parts."""
    needed = -(-(size_bytes or 0) // MOST_PARTS)
    return max(8 * MIB, -(-needed // MIB) * MIB)


class PutObject(Contract):
    """`object.put`. Resource and ordering key: `object_id(connection_id, key)`."""

    bucket: str
    key: str
    """As the tenant names it, without the prefix of the connection."""
    connection_id: str
    content_id: str
    """Of the bytes, which were handed to the storage service before the command."""
    content_type: str
    size_bytes: int = Field(ge=0)
    sha256: str
    """Hex, of the bytes."""
    cache_control: str | None = None
    content_disposition: str | None = None
    metadata: dict[str, str] = {}
    if_none_match: bool = False
    """Only where there is nothing yet (`If-None-Match: *`)."""
    if_match: str | None = None
    """Only over this version (its ETag, without quotes)."""


class DeleteObject(Contract):
    """`object.delete`. Resource and ordering key as of `PutObject`."""

    bucket: str
    key: str
    connection_id: str
    if_match: str | None = None
    """Only this version (its ETag, without quotes)."""


class CreateUpload(Contract):
    """`upload.create`. Resource and ordering key: the new upload's id. What is fixed here is the object's in the end."""

    bucket: str
    key: str
    connection_id: str
    provider: str
    """Of that connection: nobody is asked for an upload by a single PUT."""
    content_type: str
    size_bytes: int | None = Field(None, ge=0)
    """Absent: not known, and then not bounded by us."""
    is_multipart: bool = False
    part_size: int | None = None
    """Bytes of each part but the last; absent unless it is in parts."""
    cache_control: str | None = None
    content_disposition: str | None = None
    metadata: dict[str, str] = {}
    if_none_match: bool = False
    expires_in: int = EXPIRES_IN_S
    """Seconds from when it is asked for; the addresses that are signed meanwhile end then."""


class UploadedPart(Contract):
    part_number: int = Field(ge=1, le=MOST_PARTS)
    etag: str
    """As the bucket answered it, without quotes."""


class CompleteUpload(Contract):
    """`upload.complete`. `parts`: ascending, all of them; none of an upload by a single PUT, which is looked at instead.

    It changes the upload, and takes its turn with what is done at its object's place; so does `AbortUpload`.
    """

    upload_id: str
    parts: list[UploadedPart] = []


class AbortUpload(Contract):
    """`upload.abort`."""

    upload_id: str
    reason: Literal["asked", "abandoned", "given_up"] = "asked"
    """`abandoned`: by ourselves, a day after the last of its addresses has ended. `given_up`: so for the last time."""
