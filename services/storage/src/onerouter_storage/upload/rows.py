"""Rows of `uploads` as values, and back. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_storage.upload.state import Upload

TYPES: Final[Mapping[str, str]] = {
    "id": "text",
    "tenant_id": "text",
    "environment": "text",
    "connection_id": "text",
    "provider": "text",
    "bucket": "text",
    "key": "text",
    "status": "text",
    "content_type": "text",
    "cache_control": "text",
    "content_disposition": "text",
    "metadata": "jsonb",
    "url": "text",
    "is_multipart": "boolean",
    "part_size": "bigint",
    "size_bytes": "bigint",
    "if_none_match": "boolean",
    "provider_upload_id": "text",
    "etag": "text",
    "operation_id": "text",
    "expires_at": "timestamptz",
    "completed_at": "timestamptz",
    "aborted_at": "timestamptz",
    "version": "int",
    "revision": "int",
    "sweep_at": "timestamptz",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
}
"""Column → its PostgreSQL type; each is a field of the same name."""


def upload_of(row: Mapping[str, Any]) -> Upload:
    return Upload(**{name: row[name] for name in TYPES}, stored_revision=row["revision"])


def upload_row(upload: Upload) -> tuple[Any, ...]:
    """Values in the order of `TYPES`."""
    return tuple(getattr(upload, name) for name in TYPES)
