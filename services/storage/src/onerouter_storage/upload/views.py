"""An upload as the public API shows it. Pure.

Its addresses are not stored, nor in what crosses the log: they are signed when somebody reads the upload (`upload.reads`).
"""

from datetime import datetime
from typing import Final

from pydantic import JsonValue

from onerouter_common.clock import isoformat
from onerouter_common.worker.handler import EventDraft
from onerouter_storage.upload.state import Upload

View = dict[str, JsonValue]

COMPLETED: Final = "storage.upload.completed"
ABORTED: Final = "storage.upload.aborted"
_NOT_KNOWN: Final[View] = {
    "code": "OUTCOME_UNKNOWN",
    "message": "It has ended, and whether its object was made cannot be told: look at what is there.",
}


def upload_view(upload: Upload) -> View:
    return {
        "id": upload.id,
        "object": "upload",
        "bucket": upload.bucket,
        "key": upload.key,
        "status": upload.status,
        "method": "PUT",
        "url": None,
        "required_headers": {},
        "parts": [],
        "multipart": upload.is_multipart,
        "part_size": upload.part_size,
        "part_count": upload.part_count,
        "size": upload.size_bytes,
        "content_type": upload.content_type,
        "cache_control": upload.cache_control,
        "content_disposition": upload.content_disposition,
        "metadata": dict(upload.metadata),
        "if_none_match": upload.if_none_match,
        "etag": upload.etag,
        "object_id": upload.object_id,
        "object_url": upload.url,
        "provider": upload.provider,
        "connection_id": upload.connection_id,
        "operation_id": upload.operation_id,
        "expires_at": isoformat(upload.expires_at),
        "completed_at": _moment(upload.completed_at),
        "aborted_at": _moment(upload.aborted_at),
        "created_at": isoformat(upload.created_at),
        "created": int(upload.created_at.timestamp()),
        "updated_at": isoformat(upload.updated_at),
        "environment": upload.environment,
        "failure": dict(_NOT_KNOWN) if upload.status == "failed" else None,
        "version": upload.version,
    }


def draft(type_: str, upload: Upload) -> EventDraft:
    return EventDraft(type_, "upload", upload.id, upload.version, upload_view(upload))


def _moment(value: datetime | None) -> str | None:
    return None if value is None else isoformat(value)
