"""`upload.complete`."""

from datetime import datetime

from typing_extensions import override

from onerouter_common.clock import Clock
from onerouter_common.contracts.storage import CompleteUpload
from onerouter_common.errors import Conflict, InvalidRequest, NotFound, OneRouterError, PreconditionFailed, Superseded
from onerouter_common.worker.handler import (
    Begun,
    Connection,
    Failed,
    Handler,
    Operation,
    Outcome,
    RouteHint,
    Settled,
    Succeeded,
    operation,
)
from onerouter_providers.objects import Part, StoresObjects
from onerouter_storage.object.doubt import superseded
from onerouter_storage.upload.ending import (
    NOT_FOUND,
    AsItIs,
    Ending,
    Uploaded,
    aborted,
    completed,
    found_object,
    is_open,
    owned,
)
from onerouter_storage.upload.making import reference_of
from onerouter_storage.upload.state import Upload
from onerouter_storage.upload.views import upload_view


@operation("upload.complete")
class UploadComplete(Handler[CompleteUpload, Upload]):
    """Parts are put together once: repeated, the provider says that there is no such upload. A repeat overwrites nothing."""

    changes_its_own = True
    command = CompleteUpload

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @override
    def hint(self, op: Operation, command: CompleteUpload, resource: Upload | None) -> RouteHint:
        return RouteHint(connection_id=owned(op, resource).connection_id)

    @override
    def concluded(self, op: Operation, command: CompleteUpload, resource: Upload | None) -> AsItIs | None:
        upload = owned(op, resource)
        if upload.status == "aborted":
            raise Conflict(f"The upload {upload.id} was aborted.", code="UPLOAD_ABORTED")
        if upload.status == "failed":
            raise superseded(f"the completion of {upload.id}")
        return None if upload.is_pending else AsItIs()

    @override
    def begin(
        self, op: Operation, command: CompleteUpload, resource: Upload | None, connection: Connection
    ) -> Begun[Upload]:
        upload = owned(op, resource)
        return Begun(Ending(upload, _parts(upload, command), op.doubted), upload)

    @override
    async def call(self, client: StoresObjects, request: Ending, provider_key: str) -> Uploaded:
        upload = request.upload
        if upload.is_multipart:
            return await self._put_together(client, request)
        found = await self.lookup(client, request, provider_key)
        if found is None:
            raise Conflict(
                f"There is no object of {upload.id}: nothing was uploaded yet, or it was replaced or deleted since. "
                "To upload, send the bytes to its address, with the headers it names.",
                code="UPLOAD_NOT_MADE",
            )
        return found

    async def _put_together(self, client: StoresObjects, request: Ending) -> Uploaded:
        """Raises Superseded where an earlier call may have done it, and nothing shows it any more."""
        upload, reference = request.upload, reference_of(request.upload)
        try:
            made = await client.complete_multipart(reference, request.parts, if_none_match=upload.if_none_match)
        except (NotFound, PreconditionFailed) as refused:
            if not request.is_repeat:
                raise
            found = await found_object(client, upload)
            if found is not None:
                return found
            if isinstance(refused, NotFound) or not await is_open(client, reference):
                raise superseded(f"the completion of {upload.id}") from refused
            raise
        return Uploaded(made.etag, client.public_url(upload.key), made.object)

    @override
    async def lookup(self, client: StoresObjects, request: Ending, provider_key: str) -> Uploaded | None:
        return await found_object(client, request.upload)

    @override
    def ids_of(self, result: Uploaded) -> list[str]:
        return [result.etag]

    @override
    def believed(self, op: Operation, command: CompleteUpload, resource: Upload | None, provider_id: str) -> Uploaded:
        """By the ETag of what was made."""
        return Uploaded(provider_id.strip('"'), owned(op, resource).url, None)

    @override
    def settle(
        self, op: Operation, command: CompleteUpload, resource: Upload | None, outcome: Outcome
    ) -> Settled[Upload]:
        if resource is None:
            return Settled(None)
        if isinstance(outcome, Failed):
            return _lost(resource, outcome.error, self._clock.now())
        if not isinstance(outcome, Succeeded):
            return Settled(None, view=upload_view(resource), status=202)
        if isinstance(outcome.result, Uploaded) and resource.is_pending:
            return completed(op, resource, outcome.result, self._clock.now())
        return Settled(None, view=upload_view(resource))


def _lost(upload: Upload, error: OneRouterError, at: datetime) -> Settled[Upload]:
    """Where the provider does not know it any more it has ended there; else it can be completed otherwise."""
    if upload.is_pending and isinstance(error, Superseded):
        return Settled(upload.failed(at))
    if error.error_code != NOT_FOUND or not upload.is_pending:
        return Settled(None)
    told = aborted(upload, at)
    return Settled(told.resource, events=told.events)


def _parts(upload: Upload, command: CompleteUpload) -> tuple[Part, ...]:
    """Raises InvalidRequest."""
    numbers = [one.part_number for one in command.parts]
    if not upload.is_multipart:
        if numbers:
            raise InvalidRequest.of("parts", "must be absent: the upload is a single PUT")
        return ()
    if not numbers:
        raise InvalidRequest.of("parts", "must name each part that was uploaded, with its etag")
    if numbers != sorted(set(numbers)):
        raise InvalidRequest.of("parts", "must be in the order of their numbers, each once")
    # Each address is signed for the bytes of its part, so that all of them are all of the object.
    if upload.part_count is not None and numbers != list(range(1, upload.part_count + 1)):
        message = f"must be all {upload.part_count}: the upload was announced with {upload.size_bytes} bytes"
        raise InvalidRequest.of("parts", message)
    return tuple(Part(one.part_number, one.etag) for one in command.parts)
