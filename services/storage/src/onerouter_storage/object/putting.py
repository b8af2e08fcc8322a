"""`object.put`."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from typing_extensions import override

from onerouter_common.clock import Clock
from onerouter_common.contracts.storage import PutObject
from onerouter_common.errors import Conflict, NotFound, PreconditionFailed, Superseded
from onerouter_common.worker.handler import (
    Begun,
    Connection,
    Failed,
    Handler,
    Idempotency,
    Operation,
    Outcome,
    RouteHint,
    Settled,
    Succeeded,
    operation,
)
from onerouter_providers.objects import ObjectSnapshot, PutRequest, StoresObjects
from onerouter_storage.object.doubt import seen, superseded, was_before
from onerouter_storage.object.place import place_of
from onerouter_storage.object.state import EffectGuarantee, StoredObject
from onerouter_storage.object.views import CREATED, draft, in_doubt, object_view


class LoadsContents(Protocol):
    """Where the bytes are that were handed over."""

    def holding(self, tenant_id: str, size_bytes: int) -> AbstractAsyncContextManager[None]:
        """Room in memory for so many. Raises Overloaded where there is none for a while."""
        ...

    async def load(self, tenant_id: str, environment: str, id_: str) -> bytes | None:
        """None: they are not kept (any more). Raises Overloaded while that cannot be told."""
        ...


@dataclass(frozen=True, slots=True)
class Put:
    """What is asked: the bytes are read right before they are sent."""

    op: Operation
    command: PutObject
    guarantee: EffectGuarantee
    before: StoredObject
    """What was last done there through us."""

    def wrote(self, found: ObjectSnapshot) -> bool:
        return (found.operation_id, found.sha256) == (self.op.id, self.command.sha256)


@dataclass(frozen=True, slots=True)
class Over:
    """What must be there, or not, when it is written."""

    if_none_match: bool
    if_match: str | None


@dataclass(frozen=True, slots=True)
class Written:
    snapshot: ObjectSnapshot
    url: str | None
    guarantee: EffectGuarantee


@operation("object.put")
class ObjectPut(Handler[PutObject, StoredObject]):
    command = PutObject

    def __init__(self, contents: LoadsContents, clock: Clock) -> None:
        self._contents = contents
        self._clock = clock

    @override
    def hint(self, op: Operation, command: PutObject, resource: StoredObject | None) -> RouteHint:
        return RouteHint(connection_id=command.connection_id)

    @override
    def begin(
        self, op: Operation, command: PutObject, resource: StoredObject | None, connection: Connection
    ) -> Begun[StoredObject]:
        """Nothing is stored of a place before something was done there."""
        stored = resource or place_of(op, command, connection.provider)
        return Begun(Put(op, command, guarantee_of(connection, self.capability), stored), stored)

    @override
    async def call(self, client: StoresObjects, request: Put, provider_key: str) -> Written:
        """After a call without an answer it is looked first, and what was seen is what it may replace."""
        over = Over(request.command.if_none_match, request.command.if_match)
        if request.op.doubted:
            there = await seen(client, request.command.key)
            if there is not None and request.wrote(there):
                return _written(client, there, request)
            over = _again_over(request, there)
        async with self._contents.holding(request.op.tenant_id, request.command.size_bytes):
            content = await self._load(request)
            if content is None and request.op.doubted:
                raise Superseded(
                    "There was no answer to the PUT, and its bytes are not kept any more: it may have been done in between, "
                    "and cannot be done again. Look at the object, and put it as a new one if it is still wanted."
                )
            if content is None:
                raise Conflict(
                    "The bytes of this object are not kept any more, and were not put: put it again.",
                    code="CONTENT_GONE",
                )
            try:
                made = await client.put_object(_request(request, content, over))
            except (NotFound, PreconditionFailed) as refused:
                made = await self._in_the_way(client, request, refused)
        return _written(client, made, request)

    @override
    async def lookup(self, client: StoresObjects, request: Put, provider_key: str) -> Written | None:
        """By our operation's mark on the object and its digest, whether the bytes are still kept or not."""
        there = await seen(client, request.command.key)
        if there is not None and request.wrote(there):
            return _written(client, there, request)
        if there is not None and not was_before(there, request.before, request.op.created_at):
            raise superseded("the PUT")
        return None

    async def _in_the_way(
        self, client: StoresObjects, request: Put, refused: NotFound | PreconditionFailed
    ) -> ObjectSnapshot:
        """What does not hold may be for an earlier call of this very operation, which came late."""
        if not request.op.attempts:
            raise refused
        found = await client.find_put(_request(request, b"", Over(if_none_match=False, if_match=None)))
        if found is not None:
            return found
        if request.op.doubted:
            raise superseded("the PUT") from refused
        raise refused

    @override
    def ids_of(self, result: Written) -> list[str]:
        return [result.snapshot.etag]

    @override
    def believed(self, op: Operation, command: PutObject, resource: StoredObject | None, provider_id: str) -> Written:
        """By its ETag: the provider has no other name of what was put."""
        made = ObjectSnapshot(command.key, command.size_bytes, provider_id.strip('"'), operation_id=op.id)
        return Written(made, None, "at_most_once")

    @override
    def settle(
        self, op: Operation, command: PutObject, resource: StoredObject | None, outcome: Outcome
    ) -> Settled[StoredObject]:
        stored = resource or place_of(op, command, op.provider or "")
        released = command.content_id
        if isinstance(outcome, Failed):
            return Settled(replace(stored, released=released))
        if not isinstance(outcome, Succeeded):
            return Settled(None, view=in_doubt(stored, op.id), status=202)
        if stored.operation_id == op.id:
            return Settled(None, view=object_view(stored), status=201)
        result: Written = outcome.result
        now = self._clock.now()
        after = stored.written(
            operation_id=op.id,
            at=now,
            content_type=command.content_type,
            cache_control=command.cache_control,
            content_disposition=command.content_disposition,
            metadata=command.metadata,
            url=result.url,
            size_bytes=command.size_bytes,
            etag=result.snapshot.etag,
            sha256=command.sha256,
            last_modified=result.snapshot.last_modified or now,
            effect_guarantee=result.guarantee,
            released=released,
        )
        return Settled(after, view=object_view(after), status=201, events=(draft(CREATED, after),))

    async def _load(self, request: Put) -> bytes | None:
        return await self._contents.load(request.op.tenant_id, request.op.environment, request.command.content_id)


def guarantee_of(connection: Connection, capability: str) -> EffectGuarantee:
    """Exactly once where a repeat is safe or the provider can be asked."""
    safe = connection.idempotency_of(capability) in (Idempotency.NATIVE, Idempotency.LOOKUP)
    return "exactly_once" if safe else "at_most_once"


def _again_over(put: Put, there: ObjectSnapshot | None) -> Over:
    """What a repeat may replace. Raises Superseded, and PreconditionFailed where what was there before is not what the caller
    named: then the first call did nothing either."""
    command = put.command
    if there is None:
        return Over(command.if_match is None, command.if_match)
    if not was_before(there, put.before, put.op.created_at):
        raise superseded("the PUT")
    if command.if_none_match or command.if_match not in (None, there.etag):
        raise PreconditionFailed("The object is another than the request expects, or it is there.")
    return Over(if_none_match=False, if_match=there.etag)


def _request(put: Put, content: bytes, over: Over) -> PutRequest:
    command = put.command
    return PutRequest(
        key=command.key,
        content=content,
        operation_id=put.op.id,
        content_type=command.content_type,
        sha256=command.sha256,
        cache_control=command.cache_control,
        content_disposition=command.content_disposition,
        metadata=command.metadata,
        if_none_match=over.if_none_match,
        if_match=over.if_match,
    )


def _written(client: StoresObjects, snapshot: ObjectSnapshot, put: Put) -> Written:
    return Written(snapshot, client.public_url(put.command.key), put.guarantee)
