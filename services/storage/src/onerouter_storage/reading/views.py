"""What a bucket says of its objects, as it is answered. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.contracts.storage import object_id
from onerouter_common.object_keys import encoded_metadata
from onerouter_providers.connections import ProviderConnection
from onerouter_providers.objects import NotModified, ObjectContent, ObjectSnapshot, StoresObjects

View = dict[str, JsonValue]

METADATA_HEADER: Final = "X-OneRouter-Metadata-"
SHA256_HEADER: Final = "X-OneRouter-Sha256"
_HEADER_CHARS: Final = 8_000
"""Of one header: longer ones are not read by everybody."""


@dataclass(frozen=True, slots=True)
class Read:
    status: int
    headers: Mapping[str, str]
    content: bytes = field(default=b"", repr=False)


def read_of(found: ObjectContent | NotModified) -> Read:
    if isinstance(found, NotModified):
        return _not_modified(found)
    headers = _headers(found.object)
    headers["Content-Length"] = str(len(found.content))
    if found.content_range is None:
        return Read(200, headers, found.content)
    return Read(206, {**headers, "Content-Range": found.content_range}, found.content)


def head_of(found: ObjectSnapshot | NotModified) -> Read:
    if isinstance(found, NotModified):
        return _not_modified(found)
    return Read(200, {**_headers(found), "Content-Length": str(found.size_bytes)})


def listed_view(found: ObjectSnapshot, bucket: str, connection: ProviderConnection) -> View:
    client: StoresObjects = connection.client
    return {
        "id": object_id(connection.id, found.key),
        "object": "object",
        "bucket": bucket,
        "key": found.key,
        "size": found.size_bytes,
        "etag": found.etag or None,
        "last_modified": None if found.last_modified is None else isoformat(found.last_modified),
        "url": client.public_url(found.key),
        "storage_class": found.storage_class,
        "provider": connection.provider,
        "connection_id": connection.id,
    }


def _headers(found: ObjectSnapshot) -> dict[str, str]:
    """Metadata in percent-encoded UTF-8 where it is more than printable ASCII."""
    given = {
        "Content-Type": found.content_type or "application/octet-stream",
        "ETag": f'"{found.etag}"' if found.etag else None,
        "Last-Modified": _http_date(found.last_modified),
        "Cache-Control": found.cache_control,
        "Content-Disposition": found.content_disposition,
        "Content-Encoding": found.content_encoding,
        "Accept-Ranges": "bytes",
        SHA256_HEADER: found.sha256,
    }
    metadata = {f"{METADATA_HEADER}{name}": encoded_metadata(value) for name, value in found.metadata.items()}
    headers = {name: value for name, value in {**given, **metadata}.items() if value is not None}
    # What others wrote may be anything: a header is text of one line.
    return {name: value for name, value in headers.items() if _can_be_sent(name) and _can_be_sent(value)}


def _can_be_sent(text: str) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= _HEADER_CHARS


def _not_modified(found: NotModified) -> Read:
    headers = {"ETag": f'"{found.etag}"' if found.etag else None, "Last-Modified": _http_date(found.last_modified)}
    return Read(304, {name: value for name, value in headers.items() if value is not None})


def _http_date(moment: datetime | None) -> str | None:
    return None if moment is None else format_datetime(moment, usegmt=True)
