"""Of storage: as `examples`."""

from typing import Any, Final

from onerouter_common.contracts.base import Contract
from onerouter_common.contracts.storage import (
    MIB,
    AbortUpload,
    CompleteUpload,
    CreateUpload,
    DeleteObject,
    PutObject,
    UploadedPart,
)

_UPLOAD: Final = "upl_01khg0000000000000000000q1"
_WHERE: Final = {
    "bucket": "shop-files",
    "key": "invoices/2026/1042.pdf",
    "connection_id": "con_01khg0000000000000000000c1",
}
_SAID: Final[dict[str, Any]] = {
    "content_type": "application/pdf",
    "cache_control": "max-age=3600",
    "content_disposition": 'attachment; filename="1042.pdf"',
    "metadata": {"order": "1042"},
}

STORAGE: Final[tuple[Contract, ...]] = (
    PutObject(
        **_WHERE,
        **_SAID,
        content_id="cnt_01khg0000000000000000000y1",
        size_bytes=48_213,
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        if_none_match=True,
        if_match="9a0364b9e99bb480dd25e1f0284c8555",
    ),
    DeleteObject(**_WHERE, if_match="5d41402abc4b2a76b9719d911017c592"),
    CreateUpload(
        **_WHERE,
        **_SAID,
        provider="s3",
        size_bytes=200 * MIB,
        is_multipart=True,
        part_size=8 * MIB,
        if_none_match=True,
        expires_in=3_600,
    ),
    CompleteUpload(upload_id=_UPLOAD, parts=[UploadedPart(part_number=1, etag="9a0364b9e99bb480dd25e1f0284c8555")]),
    AbortUpload(upload_id=_UPLOAD, reason="abandoned"),
)
