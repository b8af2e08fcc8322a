"""Objects in buckets, as the SDK hands them over, and what is said about them in headers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote

from onerouter._object import Object
from onerouter._response import Response

INLINE_BYTES: Final = 5 * 1024 * 1024
"""Most bytes that pass through the API; larger objects go to and from the bucket by signed addresses."""
T = TypeVar("T", bound=Object)

_METADATA: Final = "x-onerouter-metadata-"


class ObjectHead(Object):
    """What a bucket says of an object."""

    bucket: str
    key: str
    size: int | None
    content_type: str | None
    etag: str | None
    """Of this version, without quotes."""
    last_modified: str | None
    """As of HTTP: `Sat, 31 Jan 2026 09:30:00 GMT`."""
    metadata: dict[str, str]
    sha256: str | None
    """Hex, of what was put through the API."""
    cache_control: str | None
    content_disposition: str | None
    content_encoding: str | None
    """What whoever put it says of its bytes: `gzip`, say. Nobody has taken it away."""


class ObjectContent(ObjectHead):
    """The same, with its bytes as they are kept: `content`."""

    __slots__ = ("_content",)

    _content: bytes

    @property
    def content(self) -> bytes:
        return self._content

    @property
    def text(self) -> str:
        return self._content.decode("utf-8", "replace")


class StoredObject(Object):
    """An object that was uploaded, whichever way it went."""

    bucket: str
    key: str
    size: int | None
    etag: str | None
    content_type: str | None
    metadata: dict[str, str]
    url: str | None
    """Where it is public."""
    provider: str | None
    connection_id: str | None
    operation_id: str | None
    upload_id: str | None
    """Of one that was too large to pass through the API."""


class DownloadedObject(Object):
    """An object that was written to a file."""

    bucket: str
    key: str
    size: int
    etag: str | None
    content_type: str | None


def object_path(bucket: str, key: str) -> str:
    """Raises ValueError for what would lead to another route."""
    if not key or key.startswith("/") or any(part in {".", ".."} for part in key.split("/")):
        raise ValueError(f"key is empty, begins with a slash, or has . or .. between its slashes: {key!r}.")
    # Two slashes side by side are made one by many a proxy.
    return f"{bucket_path(bucket)}/objects/{quote(key, safe='/').replace('//', '/%2F')}"


def bucket_path(bucket: str) -> str:
    if not isinstance(bucket, str) or not bucket or bucket in {".", ".."}:
        raise ValueError(f"bucket is empty or no name: {bucket!r}.")
    return f"/v1/storage/{quote(bucket, safe='')}"


def object_headers(
    *,
    content_type: str | None,
    cache_control: str | None,
    content_disposition: str | None,
    metadata: Mapping[str, object] | None,
    if_none_match: bool,
    if_match: str | None,
    checksum: str | None = None,
) -> dict[str, str]:
    """Of a PUT. Raises ValueError for two conditions that exclude each other."""
    if if_none_match and if_match is not None:
        raise ValueError("Either if_none_match or if_match: an object cannot be absent and a known version.")
    told = {
        "Content-Type": content_type or "application/octet-stream",
        "Cache-Control": cache_control,
        "Content-Disposition": content_disposition,
        "If-None-Match": "*" if if_none_match else None,
        "If-Match": None if if_match is None else quoted(if_match),
        "X-Checksum-Sha256": checksum,
        **{f"X-OneRouter-Metadata-{name}": _encoded(str(value)) for name, value in (metadata or {}).items()},
    }
    return {name: value for name, value in told.items() if value is not None}


def quoted(etag: str) -> str:
    return etag if etag.startswith('"') else f'"{etag}"'


def bare(etag: str | None) -> str | None:
    return None if etag is None else etag.removeprefix("W/").strip('"')


def range_of(byte_range: tuple[int, int | None] | None) -> dict[str, str]:
    """`(0, 99)` is the first hundred bytes, `(100, None)` all behind them, `(-100, None)` the last hundred."""
    if byte_range is None:
        return {}
    first, last = byte_range
    return {"Range": f"bytes={first}" if first < 0 else f"bytes={first}-{'' if last is None else last}"}


def head_of(bucket: str, key: str, content: bytes, response: Response) -> ObjectHead:
    """`content` has no bytes: it was HEAD."""
    del content
    return _with(ObjectHead(_facts(bucket, key, response)), response)


def content_of(bucket: str, key: str, content: bytes, response: Response) -> ObjectContent:
    found = ObjectContent(_facts(bucket, key, response))
    object.__setattr__(found, "_content", content)
    return _with(found, response)


def stored(bucket: str, key: str, of: Mapping[str, Any], response: Response | None) -> StoredObject:
    """Of what a PUT, or the completion of an upload, answered."""
    is_upload = of.get("object") == "upload"
    fields = {
        "bucket": bucket,
        "key": key,
        **{name: of.get(name) for name in ("size", "etag", "content_type", "provider", "connection_id")},
        "metadata": of.get("metadata") or {},
        "operation_id": of.get("operation_id"),
        "url": of.get("object_url" if is_upload else "url"),
        "upload_id": of.get("id") if is_upload else of.get("upload_id"),
    }
    return _with(StoredObject(fields), response)


def _with(found: T, response: Response | None) -> T:
    found._response = response
    return found


def _facts(bucket: str, key: str, response: Response) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in response.headers.items()}
    size = headers.get("content-range", "").rpartition("/")[2] or headers.get("content-length", "")
    return {
        "bucket": bucket,
        "key": key,
        "size": int(size) if size.isdigit() else None,
        "content_type": headers.get("content-type"),
        "etag": bare(headers.get("etag")),
        "last_modified": headers.get("last-modified"),
        "metadata": {
            name[len(_METADATA) :]: unquote(value) for name, value in headers.items() if name.startswith(_METADATA)
        },
        "sha256": headers.get("x-onerouter-sha256"),
        "cache_control": headers.get("x-onerouter-object-cache-control"),
        "content_disposition": headers.get("x-onerouter-object-content-disposition"),
        "content_encoding": headers.get("content-encoding"),
    }


def _encoded(value: str) -> str:
    return value if value.isascii() and "%" not in value else quote(value, safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~")
