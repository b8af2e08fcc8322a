"""Operations, commands and connections for tests of rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from onerouter_common.contracts.base import Contract
from onerouter_common.contracts.storage import CreateUpload, PutObject, object_id
from onerouter_common.errors import NotFound, PreconditionFailed
from onerouter_common.worker.handler import Idempotency, Operation
from onerouter_providers.objects import ObjectSnapshot, PutRequest
from onerouter_storage.upload.making import upload_of
from onerouter_storage.upload.state import Upload

NOW: Final = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
CONNECTION: Final = "con_1"
KEY: Final = "invoices/1.pdf"
PLACE: Final = object_id(CONNECTION, KEY)
UPLOAD: Final = "upl_1"
WHERE: Final[Mapping[str, str]] = {"bucket": "files", "key": KEY, "connection_id": CONNECTION}
PUT: Final = PutObject(
    **WHERE, content_id="cnt_1", content_type="application/pdf", size_bytes=5, sha256="a" * 64, metadata={"order": "7"}
)


class FixedClock:
    def __init__(self, now: datetime = NOW) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment


@dataclass
class AConnection:
    """As far as rules look at one."""

    id: str = CONNECTION
    tenant_id: str = "ten_1"
    environment: str = "test"
    provider: str = "s3"
    currency: str | None = None
    max_in_flight: int = 8
    timeout_s: float = 1.0
    pace: Any = None
    client: Any = None

    def idempotency_of(self, capability: str) -> Idempotency | None:
        return Idempotency.LOOKUP

    def retention_s(self, capability: str) -> float | None:
        return None

    def instead_of(self, capability: str) -> str | None:
        return None

    def absence_settles_s(self, capability: str) -> float:
        return 0.0


def an_operation(operation: str, command: Contract, resource_id: str, **changed: Any) -> Operation:
    given: dict[str, Any] = {
        "id": "op_1",
        "operation": operation,
        "tenant_id": "ten_1",
        "environment": "test",
        "category": "storage",
        "resource_id": resource_id,
        "ordering_key": resource_id,
        "payload": command.model_dump(mode="json"),
        "fingerprint": "f" * 64,
        "made_by": "cmd_1",
        "api_key_id": "key_1",
        "accepted_at": NOW,
        "created_at": NOW,
        "provider": "s3",
        "connection_id": CONNECTION,
    }
    return Operation(**{**given, **changed})


def an_upload(**said: Any) -> Upload:
    given: dict[str, Any] = {**WHERE, "provider": "s3", "content_type": "application/pdf", **said}
    command = CreateUpload(**given)
    op = an_operation("upload.create", command, UPLOAD)
    return upload_of(op, command, "theirs" if command.is_multipart else None, revision=1)


def an_object(**said: Any) -> ObjectSnapshot:
    """As a bucket shows it, written a moment ago."""
    given: dict[str, Any] = {"key": KEY, "size_bytes": 5, "etag": "e1", "last_modified": NOW, **said}
    return ObjectSnapshot(**given)


@dataclass
class OneObject:
    """A bucket with one place, as far as a write that is repeated asks of it."""

    there: ObjectSnapshot | None
    then: ObjectSnapshot | None = None
    """What somebody else puts there right after it was looked at."""
    puts: list[PutRequest] = field(default_factory=list)
    deletes: list[str | None] = field(default_factory=list)
    looks: int = 0
    has_conditional_delete: bool = True

    async def head_object(self, key: str) -> ObjectSnapshot:
        self.looks += 1
        there, self.there = self.there, self.then or self.there
        if there is None:
            raise NotFound("Nothing.", code="OBJECT_NOT_FOUND")
        return there

    async def put_object(self, request: PutRequest) -> ObjectSnapshot:
        self.puts.append(request)
        if request.if_none_match and self.there is not None:
            raise PreconditionFailed("There is one.")
        self._require(request.if_match)
        self.there = an_object(etag="new", operation_id=request.operation_id, sha256=request.sha256)
        return self.there

    async def find_put(self, request: PutRequest) -> ObjectSnapshot | None:
        is_its = self.there is not None and self.there.operation_id == request.operation_id
        return self.there if is_its else None

    async def delete_object(self, key: str, *, if_match: str | None = None) -> None:
        self.deletes.append(if_match)
        self._require(if_match)
        self.there = None

    def public_url(self, key: str) -> None:
        return None

    def _require(self, etag: str | None) -> None:
        if etag is not None and (self.there is None or self.there.etag != etag):
            raise PreconditionFailed("It is another.")
