"""Parameters: storage.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

__all__ = ["CompletedPart", "DownloadCreate", "ObjectDelete", "UploadAbort", "UploadComplete", "UploadCreate"]


class CompletedPart(TypedDict):
    """Completed part."""

    etag: str
    """As the bucket answered it."""
    part_number: int


class _DownloadCreateRequired(TypedDict):
    key: str
    """What the object is called in its bucket."""


class DownloadCreate(_DownloadCreateRequired, total=False):
    """Download create."""

    connection_id: str | None
    """Where several of your connections have a bucket of this name: just that one."""
    content_type: str | None
    """Answered in place of the object's own."""
    disposition: Literal["attachment", "inline"]
    """`inline`: shown, not saved."""
    expires_in: int
    """Seconds for which the address works: a week at most."""
    filename: str | None
    """What browsers save it as. Absent: the last part of the key."""
    provider: str | None
    """Where several of your connections have a bucket of this name: which one."""


class ObjectDelete(TypedDict, total=False):
    """Object delete."""


class UploadAbort(TypedDict, total=False):
    """Upload abort."""


class UploadComplete(TypedDict, total=False):
    """Upload complete."""

    parts: Sequence[CompletedPart]
    """All of them, ascending. None of an upload in one piece, which is looked for instead."""


class _UploadCreateRequired(TypedDict):
    key: str
    """What the object is called in its bucket."""


class UploadCreate(_UploadCreateRequired, total=False):
    """What is said here is the object's: whoever has the address can change none of it. Of one piece, they may say
    what is
    not said here (`Cache-Control`, `Content-Disposition`, `Content-Encoding`, `Content-Language`, `Expires`).
    """

    cache_control: str | None
    connection_id: str | None
    """Where several of your connections have a bucket of this name: just that one."""
    content_disposition: str | None
    content_type: str
    expires_in: int
    """Seconds for which the address works: a week at most."""
    if_none_match: Literal["*"] | None
    """`*`: only where there is no object of this key yet."""
    metadata: Mapping[str, str]
    """Yours; kept with the object. Names are lower-cased."""
    multipart: bool | None
    """In parts. Absent: when `size` is above 100 MiB."""
    part_size: int | None
    """Bytes of each part but the last. Absent: chosen so that there are at most 10,000."""
    provider: str | None
    """Where several of your connections have a bucket of this name: which one."""
    size: int | None
    """Bytes. Where it is said, nothing longer can be uploaded, and parts are of just their size."""
