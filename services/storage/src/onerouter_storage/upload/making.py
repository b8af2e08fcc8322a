"""`upload.create`: a single PUT is ours alone until it is made; an upload in parts is begun at the provider."""

from dataclasses import dataclass
from datetime import timedelta

from typing_extensions import override

from onerouter_common.contracts.storage import LEAST_PART_BYTES, MOST_PARTS, CreateUpload
from onerouter_common.errors import InvalidRequest
from onerouter_common.worker.handler import (
    Begun,
    Connection,
    Handler,
    Operation,
    Outcome,
    RouteHint,
    Settled,
    Succeeded,
    operation,
)
from onerouter_providers.objects import MultipartReference, StoresObjects, UploadRequest
from onerouter_storage.upload.state import ABANDONED_AFTER, Upload
from onerouter_storage.upload.views import upload_view


@dataclass(frozen=True, slots=True)
class Made:
    provider_upload_id: str | None
    """None: a single PUT."""


@operation("upload.create")
class UploadCreate(Handler[CreateUpload, Upload]):
    """Repeated after a lost answer, the provider begins another: the first is an empty one that no part is sent to, and stays
    until a rule of the bucket removes it. Nothing tells it from what others have begun at the same key."""

    command = CreateUpload

    @override
    def hint(self, op: Operation, command: CreateUpload, resource: Upload | None) -> RouteHint:
        return RouteHint(connection_id=command.connection_id)

    @override
    def concluded(self, op: Operation, command: CreateUpload, resource: Upload | None) -> Made | None:
        _check(command)
        return None if command.is_multipart else Made(None)

    @override
    def begin(
        self, op: Operation, command: CreateUpload, resource: Upload | None, connection: Connection
    ) -> Begun[Upload]:
        """Nothing is stored before the provider has said how it calls it."""
        upload = resource or upload_of(op, command, None)
        return Begun(request_of(upload), upload)

    @override
    async def call(self, client: StoresObjects, request: UploadRequest, provider_key: str) -> Made:
        return _made(await client.create_multipart(request))

    @override
    async def lookup(self, client: StoresObjects, request: UploadRequest, provider_key: str) -> None:
        """What was begun says nothing of us before it is completed: another one does no harm."""

    @override
    def ids_of(self, result: Made) -> list[str]:
        return [] if result.provider_upload_id is None else [result.provider_upload_id]

    @override
    def settle(
        self, op: Operation, command: CreateUpload, resource: Upload | None, outcome: Outcome
    ) -> Settled[Upload]:
        if not isinstance(outcome, Succeeded):
            return Settled(None)
        if resource is not None:
            return Settled(None, view=upload_view(resource), status=201)
        made: Made = outcome.result
        upload = upload_of(op, command, made.provider_upload_id, revision=1)
        return Settled(upload, view=upload_view(upload), status=201)


def upload_of(op: Operation, command: CreateUpload, provider_upload_id: str | None, *, revision: int = 0) -> Upload:
    expires_at = op.created_at + timedelta(seconds=command.expires_in)
    return Upload(
        id=op.resource_id,
        tenant_id=op.tenant_id,
        environment=op.environment,
        connection_id=command.connection_id,
        provider=command.provider,
        bucket=command.bucket,
        key=command.key,
        content_type=command.content_type,
        operation_id=op.id,
        expires_at=expires_at,
        created_at=op.created_at,
        updated_at=op.created_at,
        is_multipart=command.is_multipart,
        part_size=command.part_size if command.is_multipart else None,
        size_bytes=command.size_bytes,
        cache_control=command.cache_control,
        content_disposition=command.content_disposition,
        metadata=command.metadata,
        if_none_match=command.if_none_match,
        provider_upload_id=provider_upload_id,
        revision=revision,
        sweep_at=expires_at + ABANDONED_AFTER,
    )


def request_of(upload: Upload) -> UploadRequest:
    """As the provider is asked for it, and later about it."""
    return UploadRequest(
        key=upload.key,
        upload_id=upload.id,
        content_type=upload.content_type,
        size_bytes=upload.size_bytes,
        metadata=upload.metadata,
        if_none_match=upload.if_none_match,
        cache_control=upload.cache_control,
        content_disposition=upload.content_disposition,
    )


def reference_of(upload: Upload) -> MultipartReference:
    return MultipartReference(upload.key, upload.id, upload.provider_upload_id or "")


def _made(reference: MultipartReference) -> Made:
    return Made(reference.provider_upload_id)


def _check(command: CreateUpload) -> None:
    """Raises InvalidRequest."""
    if not command.is_multipart:
        return
    if command.part_size is None or command.part_size < LEAST_PART_BYTES:
        raise InvalidRequest.of("part_size", f"must be at least {LEAST_PART_BYTES}")
    if command.size_bytes is not None and command.size_bytes > command.part_size * MOST_PARTS:
        raise InvalidRequest.of("part_size", f"makes more than {MOST_PARTS} parts of this size")
