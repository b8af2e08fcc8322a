"""`object.delete`."""

from contextlib import suppress
from dataclasses import dataclass

from typing_extensions import override

from onerouter_common.clock import Clock
from onerouter_common.contracts.storage import DeleteObject
from onerouter_common.errors import InvalidRequest, PreconditionFailed
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
from onerouter_providers.objects import ObjectSnapshot, StoresObjects
from onerouter_storage.object.doubt import came_after, seen, superseded, was_before
from onerouter_storage.object.place import place_of
from onerouter_storage.object.state import StoredObject
from onerouter_storage.object.views import DELETED, deleted_view, draft, in_doubt


@dataclass(frozen=True, slots=True)
class Deletion:
    op: Operation
    key: str
    before: StoredObject
    if_match: str | None = None

    def may_take(self, there: ObjectSnapshot) -> bool:
        """Whether it is surely not another's since: it was there before, or it is the very version that was asked for."""
        return there.etag == self.if_match or was_before(there, self.before, self.op.created_at)


@operation("object.delete")
class ObjectDelete(Handler[DeleteObject, StoredObject]):
    command = DeleteObject

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @override
    def hint(self, op: Operation, command: DeleteObject, resource: StoredObject | None) -> RouteHint:
        return RouteHint(connection_id=command.connection_id)

    @override
    def begin(
        self, op: Operation, command: DeleteObject, resource: StoredObject | None, connection: Connection
    ) -> Begun[StoredObject]:
        stored = resource or place_of(op, command, connection.provider)
        return Begun(Deletion(op, command.key, stored, command.if_match), stored)

    @override
    async def call(self, client: StoresObjects, request: Deletion, provider_key: str) -> str:
        """After a call without an answer only what was there before is deleted, or the version that was asked for. Raises
        Superseded for what may be that, or may have come since: nobody is told that it is gone."""
        if not request.op.doubted:
            await client.delete_object(request.key, if_match=request.if_match)
            return request.key
        there = await seen(client, request.key)
        if there is None or came_after(there, request.op.created_at):
            return request.key
        if not request.may_take(there):
            raise superseded("the DELETE")
        if request.if_match not in (None, there.etag):
            raise PreconditionFailed("The object is another than the request expects.")
        with suppress(PreconditionFailed):  # another has taken its place this moment
            await client.delete_object(request.key, if_match=there.etag if client.has_conditional_delete else None)
        return request.key

    @override
    async def lookup(self, client: StoresObjects, request: Deletion, provider_key: str) -> str | None:
        """Done, where what we know was there is gone. None: `call` looks again once no call can be under way."""
        there = await seen(client, request.key)
        if there is None:
            known = request.before.version > 0 and request.before.status == "stored"
            return request.key if known else None
        if request.may_take(there) or came_after(there, request.op.created_at):
            return None
        raise superseded("the DELETE")

    @override
    async def confirm(
        self, client: StoresObjects, request: Deletion, provider_id: str, provider_key: str
    ) -> str | None:
        """That nothing of before is there is all that the provider can say."""
        there = await seen(client, request.key)
        is_gone = there is None or came_after(there, request.op.created_at)
        return request.key if is_gone and provider_id == request.key else None

    @override
    def ids_of(self, result: str) -> list[str]:
        return [result]

    @override
    def believed(self, op: Operation, command: DeleteObject, resource: StoredObject | None, provider_id: str) -> str:
        """By its key: the provider has no name of what is gone."""
        if provider_id != command.key:
            raise InvalidRequest.of("provider_id", "must be the key of what was deleted")
        return command.key

    @override
    def settle(
        self, op: Operation, command: DeleteObject, resource: StoredObject | None, outcome: Outcome
    ) -> Settled[StoredObject]:
        stored = resource or place_of(op, command, op.provider or "")
        if isinstance(outcome, Failed):
            return Settled(None)
        if not isinstance(outcome, Succeeded):
            return Settled(None, view=in_doubt(stored, op.id), status=202)
        if stored.operation_id == op.id:
            return Settled(None, view=deleted_view(stored))
        after = stored.deleted(operation_id=op.id, at=self._clock.now())
        return Settled(after, view=deleted_view(after), events=(draft(DELETED, after),))
