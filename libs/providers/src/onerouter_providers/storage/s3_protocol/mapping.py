"""Headers and fields of S3's protocol ↔ our words. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, unquote

from onerouter_common.errors import InvalidRequest
from onerouter_common.object_keys import encoded_metadata
from onerouter_providers.objects import OWN, Conditions, DownloadRequest, ObjectSnapshot, PutRequest, UploadRequest

OPERATION: Final = f"{OWN}operation"
UPLOAD: Final = f"{OWN}upload"
SHA256: Final = f"{OWN}sha256"
ESCAPED: Final = f"{OWN}escaped"
"""Says that values are percent-encoded: one that somebody else wrote is shown as it is."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]*")


def metadata_to_wire(metadata: Mapping[str, str], own: Mapping[str, str], *, most_bytes: int) -> dict[str, str]:
    """Of an object about to be written. Raises InvalidRequest."""
    values = {name: encoded_metadata(value) for name, value in metadata.items()}
    if any(name.startswith(OWN) for name in values):
        raise InvalidRequest.of("metadata", f"must not have names that begin with {OWN}")
    if not all(_NAME.fullmatch(name) and value.isprintable() for name, value in values.items()):
        raise InvalidRequest.of("metadata", "has a name or a value that no header can be")
    if any(value != metadata[name] or "%" in value for name, value in values.items()):
        own = {**own, ESCAPED: "1"}
    wire = {**values, **own}
    if sum(len(name) + len(value) for name, value in wire.items()) > most_bytes:
        raise InvalidRequest.of("metadata", f"is larger than the provider takes ({most_bytes} bytes with ours)")
    return wire


def metadata_of(wire: Mapping[str, str]) -> dict[str, str]:
    """The tenant's, as it was given."""
    shown = {name.lower(): value for name, value in wire.items() if not name.lower().startswith(OWN)}
    return {name: unquote(value) for name, value in shown.items()} if ESCAPED in _own(wire) else shown


def snapshot(key: str, fields: Mapping[str, Any], *, size_bytes: int | None = None) -> ObjectSnapshot:
    """Of the answer to HeadObject or GetObject; `size_bytes` where the answer is a part of the object."""
    wire: Mapping[str, str] = fields.get("Metadata", {})
    own = _own(wire)
    return ObjectSnapshot(
        key=key,
        size_bytes=int(fields.get("ContentLength", 0)) if size_bytes is None else size_bytes,
        etag=unquoted(fields.get("ETag", "")),
        content_type=fields.get("ContentType"),
        last_modified=moment(fields.get("LastModified")),
        cache_control=fields.get("CacheControl"),
        content_disposition=fields.get("ContentDisposition"),
        content_encoding=fields.get("ContentEncoding"),
        metadata=metadata_of(wire),
        sha256=own.get(SHA256),
        operation_id=own.get(OPERATION),
        upload_id=own.get(UPLOAD),
        version_id=fields.get("VersionId"),
    )


def listed(key: str, fields: Mapping[str, Any]) -> ObjectSnapshot:
    """Of one entry of a list."""
    return ObjectSnapshot(
        key=key,
        size_bytes=int(fields.get("Size", 0)),
        etag=unquoted(fields.get("ETag", "")),
        last_modified=moment(fields.get("LastModified")),
        storage_class=fields.get("StorageClass"),
    )


def headers_to_wire(request: PutRequest | UploadRequest) -> dict[str, str]:
    """What the object says of itself beside its metadata. Raises InvalidRequest for what no header can be."""
    fields = {
        "ContentType": ("content_type", request.content_type),
        "CacheControl": ("cache_control", request.cache_control),
        "ContentDisposition": ("content_disposition", request.content_disposition),
    }
    for field, value in fields.values():
        if value is not None and not (value.isascii() and value.isprintable() and value == value.strip() and value):
            raise InvalidRequest.of(field, "must be printable ASCII without blanks at its ends")
    return {name: value for name, (_, value) in fields.items() if value is not None}


def conditions_to_wire(conditions: Conditions) -> dict[str, Any]:
    wire = {
        "IfMatch": None if conditions.if_match is None else quoted(conditions.if_match),
        "IfNoneMatch": None if conditions.if_none_match is None else quoted(conditions.if_none_match),
        "IfModifiedSince": conditions.if_modified_since,
        "IfUnmodifiedSince": conditions.if_unmodified_since,
    }
    return {name: value for name, value in wire.items() if value is not None}


def disposition_of(request: DownloadRequest) -> str:
    """RFC 6266: a plain name for who knows no other, and the name itself."""
    if request.filename is None:
        return request.disposition
    plain = "".join(one if 32 <= ord(one) < 127 and one not in '"\\%' else "_" for one in request.filename)
    whole = quote(request.filename, safe="")
    exact = "" if plain == request.filename else f"; filename*=UTF-8''{whole}"
    return f'{request.disposition}; filename="{plain}"{exact}'


def quoted(etag: str) -> str:
    return etag if etag == "*" else f'"{etag}"'


def unquoted(etag: str) -> str:
    return etag[1:-1] if len(etag) >= 2 and etag[0] == etag[-1] == '"' else etag


def moment(value: object) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None


def _own(wire: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in wire.items() if name.lower().startswith(OWN)}
