"""Rows of `objects` as values, and back. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from onerouter_storage.object.state import StoredObject

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
    "size_bytes": "bigint",
    "etag": "text",
    "sha256": "text",
    "last_modified": "timestamptz",
    "upload_id": "text",
    "operation_id": "text",
    "effect_guarantee": "text",
    "version": "int",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
}
"""Column → its PostgreSQL type; each is a field of the same name."""


def object_of(row: Mapping[str, Any]) -> StoredObject:
    return StoredObject(**{name: row[name] for name in TYPES}, stored_version=row["version"])


def object_row(stored: StoredObject) -> tuple[Any, ...]:
    """Values in the order of `TYPES`."""
    return tuple(getattr(stored, name) for name in TYPES)
