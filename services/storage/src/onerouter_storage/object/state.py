"""What was last done through us at one place of a bucket. The bucket is the truth of what is there. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

ObjectStatus = Literal["stored", "deleted"]
EffectGuarantee = Literal["exactly_once", "at_most_once"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """The heart's resource of a place: its id is derived from the connection and the key (`contracts.storage.object_id`)."""

    id: str
    tenant_id: str
    environment: str
    connection_id: str
    provider: str
    bucket: str
    key: str
    """As the tenant names it, without the connection's prefix."""
    created_at: datetime
    updated_at: datetime
    status: ObjectStatus = "stored"
    content_type: str = ""
    cache_control: str | None = None
    content_disposition: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    """Where the connection says that everybody finds it."""
    size_bytes: int | None = None
    etag: str | None = None
    """Without quotes. No hash of the content."""
    sha256: str | None = None
    """Hex; None: it did not go through us."""
    last_modified: datetime | None = None
    upload_id: str | None = None
    operation_id: str = ""
    """Which wrote or deleted it last."""
    effect_guarantee: EffectGuarantee | None = None
    version: int = 0
    """Counts the events that were told of the place. 0: nothing is stored of it."""
    stored_version: int = field(default=0, compare=False)
    """As it was loaded."""
    released: str | None = field(default=None, compare=False)
    """The content that its last operation named, which has ended."""

    def written(self, *, operation_id: str, at: datetime, **facts: object) -> "StoredObject":
        """As it is after a write; what is not given is not so any more."""
        fresh = StoredObject(
            id=self.id,
            tenant_id=self.tenant_id,
            environment=self.environment,
            connection_id=self.connection_id,
            provider=self.provider,
            bucket=self.bucket,
            key=self.key,
            created_at=self.created_at,
            updated_at=max(self.updated_at, at),
            operation_id=operation_id,
            version=self.version + 1,
            stored_version=self.stored_version,
        )
        return replace(fresh, **facts)  # type: ignore[arg-type]  # names are fields, checked by replace

    def deleted(self, *, operation_id: str, at: datetime) -> "StoredObject":
        return self.written(operation_id=operation_id, at=at, status="deleted", effect_guarantee="exactly_once")
