"""`upload.abort`."""

from typing_extensions import override

from onerouter_common.clock import Clock
from onerouter_common.contracts.storage import AbortUpload
from onerouter_common.errors import Conflict, InvalidRequest, OneRouterError, ServiceNotConfigured
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
from onerouter_providers.objects import StoresObjects
from onerouter_storage.upload.ending import (
    AsItIs,
    Ending,
    Gone,
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


@operation("upload.abort")
class UploadAbort(Handler[AbortUpload, Upload]):
    """Addresses that were signed live on until they end: who still sends bytes to a single PUT's makes an object.

    So a single PUT is asked about: where it was made and only never confirmed, it is completed. Where nobody answers for
    days, what others do at its place goes on meanwhile: what it may have made is replaced then.
    """

    changes_its_own = True
    is_passed_in_retries = True
    command = AbortUpload

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @override
    def hint(self, op: Operation, command: AbortUpload, resource: Upload | None) -> RouteHint:
        return RouteHint(connection_id=owned(op, resource).connection_id)

    @override
    def concluded(self, op: Operation, command: AbortUpload, resource: Upload | None) -> AsItIs | None:
        upload = owned(op, resource)
        if upload.status == "completed" and command.reason == "asked":
            raise Conflict(f"The upload {upload.id} was completed: delete its object.", code="UPLOAD_COMPLETED")
        if not upload.is_pending:
            return AsItIs()
        return None

    @override
    def begin(
        self, op: Operation, command: AbortUpload, resource: Upload | None, connection: Connection
    ) -> Begun[Upload]:
        upload = owned(op, resource)
        return Begun(Ending(upload), upload)

    @override
    async def call(self, client: StoresObjects, request: Ending, provider_key: str) -> Uploaded | Gone:
        if request.upload.is_multipart:
            await client.abort_multipart(reference_of(request.upload))
        # An earlier call that nobody knows the outcome of may have completed it.
        return await found_object(client, request.upload) or Gone()

    @override
    async def lookup(self, client: StoresObjects, request: Ending, provider_key: str) -> None:
        """It is aborted again, which changes nothing."""

    @override
    async def confirm(
        self, client: StoresObjects, request: Ending, provider_id: str, provider_key: str
    ) -> Uploaded | Gone | None:
        upload = request.upload
        if provider_id != upload.id or (upload.is_multipart and await is_open(client, reference_of(upload))):
            return None
        return await found_object(client, upload) or Gone()

    @override
    def ids_of(self, result: Uploaded | Gone) -> list[str]:
        return []

    @override
    def believed(self, op: Operation, command: AbortUpload, resource: Upload | None, provider_id: str) -> Gone:
        """By our own id of the upload: nothing of it is left at the provider that had one."""
        if provider_id != owned(op, resource).id:
            raise InvalidRequest.of("provider_id", "must be the id of the upload")
        return Gone()

    @override
    def settle(self, op: Operation, command: AbortUpload, resource: Upload | None, outcome: Outcome) -> Settled[Upload]:
        if resource is None:
            return Settled(None)
        if isinstance(outcome, Failed):
            return self._not_asked(command, resource, outcome.error)
        if not isinstance(outcome, Succeeded):
            return Settled(None, view=upload_view(resource), status=202)
        if not resource.is_pending:
            return Settled(None, view=upload_view(resource))
        if isinstance(outcome.result, Uploaded):
            return completed(op, resource, outcome.result, self._clock.now())
        return aborted(resource, self._clock.now())

    def _not_asked(self, command: AbortUpload, upload: Upload, error: OneRouterError) -> Settled[Upload]:
        """Of a connection that is gone for good nobody can be asked any more, nor after the last look."""
        if command.reason == "asked" or not upload.is_pending:
            return Settled(None)
        if isinstance(error, ServiceNotConfigured):
            return aborted(upload, self._clock.now())
        return Settled(upload.failed(self._clock.now()) if command.reason == "given_up" else None)
