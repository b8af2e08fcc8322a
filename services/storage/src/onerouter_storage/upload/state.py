"""An upload, by a single PUT or in parts, until it is completed or aborted. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from onerouter_common.contracts.storage import object_id
from onerouter_storage.object.state import StoredObject

UploadStatus = Literal["pending", "completed", "aborted", "failed"]
"""`failed`: it has ended, and nobody can tell any more whether its object was made."""

ABANDONED_AFTER: Final = timedelta(days=1)
"""Past the end of its addresses, within which it can still be completed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The heart's resource of an upload, by its own id. Operations on it take turns at the place of its object."""

    id: str
    tenant_id: str
    environment: str
    connection_id: str
    provider: str
    bucket: str
    key: str
    content_type: str
    operation_id: str
    """Which made it."""
    expires_at: datetime
    """When the addresses end."""
    created_at: datetime
    updated_at: datetime
    status: UploadStatus = "pending"
    is_multipart: bool = False
    part_size: int | None = None
    """Bytes of each part but the last; None unless it is in parts."""
    size_bytes: int | None = None
    """As it was announced; once it is completed, as it is. None: not known."""
    cache_control: str | None = None
    content_disposition: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    if_none_match: bool = False
    provider_upload_id: str | None = None
    """None unless it is in parts."""
    url: str | None = None
    """Where the connection says that everybody finds the object."""
    etag: str | None = None
    completed_at: datetime | None = None
    aborted_at: datetime | None = None
    version: int = 0
    """Counts the events that were told of it."""
    revision: int = 0
    """Counts its changes. 0: it is not stored."""
    sweep_at: datetime | None = None
    """When it is looked at, because nobody has completed or aborted it; None: it has ended."""
    stored_revision: int = field(default=0, compare=False)
    place: StoredObject | None = field(default=None, compare=False)
    """What was last done where its object is to be; saved with it. None: nothing through us."""

    @property
    def is_pending(self) -> bool:
        return self.status == "pending"

    @property
    def object_id(self) -> str:
        return object_id(self.connection_id, self.key)

    @property
    def part_count(self) -> int | None:
        """None: it is not in parts, or its size is not known."""
        if self.part_size is None or self.size_bytes is None:
            return None
        return max(1, -(-self.size_bytes // self.part_size))

    def bytes_of_part(self, number: int) -> int | None:
        """None: the size of all is not known."""
        if self.part_size is None or self.size_bytes is None:
            return None
        return max(0, min(self.part_size, self.size_bytes - self.part_size * (number - 1)))

    def completed(self, at: datetime, *, etag: str, size_bytes: int | None, url: str | None) -> "Upload":
        after = replace(
            self,
            status="completed",
            completed_at=at,
            etag=etag,
            size_bytes=size_bytes,
            url=url,
        )
        return after._ended(at)

    def aborted(self, at: datetime) -> "Upload":
        return replace(self, status="aborted", aborted_at=at)._ended(at)

    def failed(self, at: datetime) -> "Upload":
        """There is no event of it: nobody knows which."""
        return replace(self._ended(at), status="failed", version=self.version)

    def _ended(self, at: datetime) -> "Upload":
        return replace(
            self,
            sweep_at=None,
            updated_at=max(self.updated_at, at),
            version=self.version + 1,
            revision=self.revision + 1,
        )
