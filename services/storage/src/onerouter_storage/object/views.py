"""An object as the public API shows it. Pure."""

from datetime import datetime
from typing import Final

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.worker.handler import EventDraft
from onerouter_storage.object.state import StoredObject

View = dict[str, JsonValue]

CREATED: Final = "storage.object.created"
DELETED: Final = "storage.object.deleted"


def object_view(stored: StoredObject) -> View:
    return {
        "id": stored.id,
        "object": "object",
        "bucket": stored.bucket,
        "key": stored.key,
        "status": stored.status,
        "size": stored.size_bytes,
        "content_type": stored.content_type or None,
        "etag": stored.etag,
        "sha256": stored.sha256,
        "cache_control": stored.cache_control,
        "content_disposition": stored.content_disposition,
        "metadata": dict(stored.metadata),
        "last_modified": _moment(stored.last_modified),
        "url": stored.url,
        "provider": stored.provider,
        "connection_id": stored.connection_id,
        "operation_id": stored.operation_id or None,
        "upload_id": stored.upload_id,
        "created_at": isoformat(stored.created_at),
        "created": int(stored.created_at.timestamp()),
        "updated_at": isoformat(stored.updated_at),
        "environment": stored.environment,
        "effect_guarantee": stored.effect_guarantee,
        "version": stored.version,
    }


def deleted_view(stored: StoredObject) -> View:
    """Whether there was an object nobody says."""
    return {**object_view(stored), "deleted": True}


def in_doubt(stored: StoredObject, operation_id: str) -> View:
    """What is there now nobody knows: nothing of what was there before is shown."""
    return {
        "id": stored.id,
        "object": "object",
        "bucket": stored.bucket,
        "key": stored.key,
        "status": "unknown",
        "provider": stored.provider,
        "connection_id": stored.connection_id,
        "operation_id": operation_id,
        "environment": stored.environment,
    }


def draft(type_: str, stored: StoredObject) -> EventDraft:
    return EventDraft(type_, "object", stored.id, stored.version, object_view(stored))


def _moment(value: datetime | None) -> str | None:
    return None if value is None else isoformat(value)
