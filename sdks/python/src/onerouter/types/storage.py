"""Results: storage.

Written by scripts/make_types.py from docs/openapi.json: change that, then `make sdk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from onerouter._object import Object, OpenObject

__all__ = [
    "DeletedObject",
    "Download",
    "ListedObject",
    "ObjectList",
    "StorageObject",
    "Upload",
    "UploadPart",
    "UploadPartList",
]


class DeletedObject(Object):
    """An object that is not there any more."""

    bucket: str
    cache_control: str | None
    connection_id: str | None
    content_disposition: str | None
    content_type: str | None
    created: int
    created_at: str
    deleted: Literal[True]
    """There is none of this key now, whether there was one before or not."""
    effect_guarantee: str | None
    environment: Literal["test", "live"] | str
    etag: str | None
    """Of this version, without quotes; no hash of the content."""
    id: str
    key: str
    """What the object is called in its bucket."""
    last_modified: str | None
    metadata: dict[str, str]
    object: Literal["object"]
    operation_id: str | None
    """What made it so."""
    provider: str | None
    sha256: str | None
    """Hex, of what was put through us; else null."""
    size: int | None
    """Bytes; null once it is deleted."""
    status: str
    updated_at: str
    upload_id: str | None
    """The upload it came by."""
    url: str | None
    """Where the connection says what is public (`public_base_url`)."""
    version: int


class Download(Object):
    """Permission to read an object, for whoever has the address, as long as it works."""

    bucket: str
    connection_id: str
    expires_at: str
    key: str
    """What the object is called in its bucket."""
    method: Literal["GET"]
    object: Literal["download"]
    provider: str
    url: str


class ListedObject(Object):
    """As the provider lists it."""

    bucket: str
    connection_id: str
    etag: str | None
    id: str
    key: str
    """What the object is called in its bucket."""
    last_modified: str | None
    object: Literal["object"]
    provider: str
    size: int
    storage_class: str | None
    url: str | None


class ObjectList(Object):
    """Object list."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    data: list[ListedObject]
    has_more: bool
    next_cursor: str | None
    object: Literal["list"]
    prefixes: list[str]
    """With a `delimiter`: what keys of further objects begin with, up to and with it."""


class StorageObject(Object):
    """An object that was put, or taken away, through us."""

    bucket: str
    cache_control: str | None
    connection_id: str | None
    content_disposition: str | None
    content_type: str | None
    created: int
    created_at: str
    effect_guarantee: str | None
    environment: Literal["test", "live"] | str
    etag: str | None
    """Of this version, without quotes; no hash of the content."""
    id: str
    key: str
    """What the object is called in its bucket."""
    last_modified: str | None
    metadata: dict[str, str]
    object: Literal["object"]
    operation_id: str | None
    """What made it so."""
    provider: str | None
    sha256: str | None
    """Hex, of what was put through us; else null."""
    size: int | None
    """Bytes; null once it is deleted."""
    status: str
    updated_at: str
    upload_id: str | None
    """The upload it came by."""
    url: str | None
    """Where the connection says what is public (`public_base_url`)."""
    version: int


class Upload(Object):
    """Permission to put an object, for whoever has the addresses, as long as they work."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    aborted_at: str | None
    bucket: str
    cache_control: str | None
    completed_at: str | None
    connection_id: str | None
    content_disposition: str | None
    content_type: str
    created: int
    created_at: str
    environment: Literal["test", "live"] | str
    etag: str | None
    """Of the object, once it is completed."""
    expires_at: str
    failure: OpenObject | str | None
    id: str
    if_none_match: bool
    key: str
    """What the object is called in its bucket."""
    metadata: dict[str, str]
    method: Literal["PUT"]
    multipart: bool
    object: Literal["upload"]
    object_id: str | None
    object_url: str | None
    """Where it is public (`public_base_url`)."""
    operation_id: str | None
    part_count: int | None
    """Null where the size is not known."""
    part_size: int | None
    """Bytes of each part but the last."""
    parts: list[UploadPart]
    """The first hundred; ask for the others."""
    provider: str | None
    required_headers: dict[str, str]
    size: int | None
    status: Literal["pending", "completed", "aborted", "failed"] | str
    updated_at: str
    url: str | None
    """PUT the bytes here, with exactly `required_headers`. Null in parts, and once it cannot be used."""
    version: int


class UploadPart(Object):
    """Upload part."""

    part_number: int
    required_headers: dict[str, str]
    """The length of this part, where the `size` of all was said."""
    url: str
    """PUT the part's bytes here, with exactly `required_headers`; keep the ETag of the answer."""


class UploadPartList(Object):
    """Upload part list."""

    _nested: ClassVar[Mapping[str, type[Object]]]
    data: list[UploadPart]
    has_more: bool
    object: Literal["list"]


ObjectList._nested = {"data": ListedObject}
Upload._nested = {"parts": UploadPart}
UploadPartList._nested = {"data": UploadPart}
