"""What a put makes of a place: once, in order, told without a gap; and never over what somebody else has put there since."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest
from tests.services.storage.examples import (
    CONNECTION,
    KEY,
    NOW,
    PLACE,
    PUT,
    AConnection,
    FixedClock,
    OneObject,
    an_object,
    an_operation,
)

from onerouter_common.errors import Conflict, PreconditionFailed, ProviderOutcomeUnknown, Superseded
from onerouter_common.worker.handler import Failed, Outcome, Settled, Succeeded, Unknown
from onerouter_providers.objects import ObjectSnapshot
from onerouter_storage.object.place import place_of
from onerouter_storage.object.putting import ObjectPut, Put, Written
from onerouter_storage.object.state import StoredObject
from onerouter_storage.room import Room

SNAPSHOT = ObjectSnapshot(KEY, 5, "e1", operation_id="op_1")
WRITTEN = Succeeded(Written(SNAPSHOT, None, "exactly_once"))


ROOM = Room(5, largest=5, name="puts", full="Too many.")


class Kept:
    """The bytes of one tenant."""

    def holding(self, tenant_id: str, size_bytes: int) -> AbstractAsyncContextManager[None]:
        return ROOM.holding(tenant_id, size_bytes)

    async def load(self, tenant_id: str, environment: str, id_: str) -> bytes | None:
        return b"hello" if (tenant_id, environment, id_) == ("ten_1", "test", "cnt_1") else None


def put(stored: StoredObject | None, outcome: Outcome, **changed: Any) -> Settled[StoredObject]:
    op = an_operation("object.put", PUT, PLACE, **changed)
    return ObjectPut(Kept(), FixedClock()).settle(op, PUT, stored, outcome)


def after(settled: Settled[StoredObject]) -> StoredObject:
    assert settled.resource is not None
    return settled.resource


class TestPut:
    def test_a_place_is_stored_when_something_was_put_there(self) -> None:
        settled = put(None, WRITTEN)
        stored = after(settled)
        assert (stored.id, stored.version, stored.status, stored.etag) == (PLACE, 1, "stored", "e1")
        assert (stored.size_bytes, stored.sha256, stored.last_modified) == (5, "a" * 64, NOW)
        assert stored.released == "cnt_1"
        assert [(event.type, event.sequence) for event in settled.events] == [("storage.object.created", 1)]
        assert settled.events[0].data == settled.view
        assert settled.status == 201

    def test_told_twice_it_is_done_once(self) -> None:
        stored = after(put(None, WRITTEN))
        again = put(stored, WRITTEN)
        assert (again.resource, again.events) == (None, ())
        assert again.view is not None
        assert again.view["etag"] == "e1"

    def test_nothing_of_what_was_there_before_is_left(self) -> None:
        before = replace(after(put(None, WRITTEN)), metadata={"old": "1"}, upload_id="upl_1", cache_control="no-store")
        now = after(put(before, WRITTEN, id="op_2"))
        assert (now.version, now.metadata, now.upload_id, now.cache_control) == (2, {"order": "7"}, None, None)

    def test_a_refusal_lets_the_bytes_go_and_changes_nothing(self) -> None:
        stored = replace(after(put(None, WRITTEN)), stored_version=1, released=None)
        settled = put(stored, Failed(PreconditionFailed("There is one.")), id="op_2")
        assert replace(after(settled), released=None) == stored
        assert after(settled).released == "cnt_1"
        assert (settled.events, settled.view) == ((), None)

    def test_in_doubt_it_shows_nothing_of_what_was_there(self) -> None:
        stored = after(put(None, WRITTEN))
        settled = put(stored, Unknown(ProviderOutcomeUnknown("?", provider="s3")), id="op_2")
        assert (settled.resource, settled.events, settled.status) == (None, (), 202)
        assert settled.view is not None
        assert settled.view["status"] == "unknown"
        assert "etag" not in settled.view

    def test_it_goes_to_its_bucket_alone(self) -> None:
        op = an_operation("object.put", PUT, PLACE)
        handler = ObjectPut(Kept(), FixedClock())
        assert handler.hint(op, PUT, None).connection_id == CONNECTION
        begun = handler.begin(op, PUT, None, AConnection())
        assert begun.resource.version == begun.resource.stored_version == 0  # so nothing is saved before the call

    async def test_bytes_that_are_gone_are_never_sent(self) -> None:
        op = an_operation("object.put", PUT, PLACE, tenant_id="ten_2")
        with pytest.raises(Conflict) as refused:
            await ObjectPut(Kept(), FixedClock()).call(
                _NeverAsked(), Put(op, PUT, "exactly_once", place_of(op, PUT, "s3")), "k"
            )
        assert refused.value.error_code == "CONTENT_GONE"


class TestAgain:
    """A call got no answer: looked at first, and bound to what was seen."""

    OURS = an_object(operation_id="op_1", sha256="a" * 64)
    BEFORE = an_object(etag="e0", operation_id="op_0")
    SINCE = an_object(etag="e9", operation_id="op_9")

    async def put(self, bucket: OneObject, *, stored: StoredObject | None = None, **asked: Any) -> Written:
        command = PUT.model_copy(update=asked)
        op = an_operation("object.put", command, PLACE, attempts=2, doubted=True)
        handler = ObjectPut(Kept(), FixedClock())
        begun = handler.begin(op, command, stored, AConnection())
        return await handler.call(bucket, begun.request, "k")  # type: ignore[arg-type]

    async def look(self, bucket: OneObject, stored: StoredObject | None) -> Written | None:
        op = an_operation("object.put", PUT, PLACE)
        handler = ObjectPut(Kept(), FixedClock())
        return await handler.lookup(bucket, handler.request(op, PUT, stored, AConnection()), "k")  # type: ignore[arg-type]

    def before(self) -> StoredObject:
        return after(put(None, Succeeded(Written(self.BEFORE, None, "exactly_once")), id="op_0"))

    async def test_it_is_found_where_it_was_done(self) -> None:
        bucket = OneObject(self.OURS)
        assert (await self.put(bucket)).snapshot == self.OURS
        assert bucket.puts == []
        assert await self.look(bucket, None) is not None

    @pytest.mark.parametrize("asked", [{}, {"if_none_match": True}])
    async def test_where_there_is_nothing_it_is_put_only_there(self, asked: dict[str, Any]) -> None:
        bucket = OneObject(None)
        assert await self.look(bucket, self.before()) is None
        await self.put(bucket, **asked)
        assert [(one.if_none_match, one.if_match) for one in bucket.puts] == [(True, None)]

    @pytest.mark.parametrize("asked", [{}, {"if_match": "e0"}])
    async def test_over_what_was_there_before_it_is_put_only_there(self, asked: dict[str, Any]) -> None:
        bucket = OneObject(self.BEFORE)
        assert await self.look(bucket, self.before()) is None
        await self.put(bucket, stored=self.before(), **asked)
        assert [(one.if_none_match, one.if_match) for one in bucket.puts] == [(False, "e0")]

    @pytest.mark.parametrize("asked", [{"if_none_match": True}, {"if_match": "e1"}])
    async def test_a_condition_that_did_not_hold_then_is_refused(self, asked: dict[str, Any]) -> None:
        bucket = OneObject(self.BEFORE)
        with pytest.raises(PreconditionFailed):
            await self.put(bucket, stored=self.before(), **asked)
        assert bucket.puts == []

    @pytest.mark.parametrize("asked", [{}, {"if_none_match": True}, {"if_match": "e0"}])
    async def test_over_what_is_there_since_it_is_not_put(self, asked: dict[str, Any]) -> None:
        bucket = OneObject(self.SINCE)
        with pytest.raises(Superseded):
            await self.put(bucket, stored=self.before(), **asked)
        with pytest.raises(Superseded):
            await self.look(bucket, self.before())
        assert bucket.puts == []

    async def test_without_its_bytes_it_is_not_told_as_not_done(self) -> None:
        op = an_operation("object.put", PUT, PLACE, attempts=2, doubted=True, tenant_id="ten_2")
        handler, bucket = ObjectPut(Kept(), FixedClock()), OneObject(None)
        with pytest.raises(Superseded):
            await handler.call(bucket, handler.begin(op, PUT, None, AConnection()).request, "k")  # type: ignore[arg-type]
        assert bucket.puts == []

    async def test_what_comes_between_the_look_and_the_put_is_not_replaced(self) -> None:
        bucket = OneObject(self.BEFORE, then=self.SINCE)
        with pytest.raises(Superseded):
            await self.put(bucket, stored=self.before())
        assert (len(bucket.puts), bucket.there) == (1, self.SINCE)

    async def test_an_earlier_call_that_comes_late_is_found(self) -> None:
        bucket = OneObject(self.BEFORE, then=self.OURS)
        assert (await self.put(bucket, stored=self.before())).snapshot == self.OURS

    async def test_a_call_that_surely_did_nothing_is_made_as_it_was(self) -> None:
        bucket = OneObject(self.SINCE)
        op = an_operation("object.put", PUT, PLACE, attempts=1)
        handler = ObjectPut(Kept(), FixedClock())
        await handler.call(bucket, handler.begin(op, PUT, None, AConnection()).request, "k")  # type: ignore[arg-type]
        assert [(one.if_none_match, one.if_match) for one in bucket.puts] == [(False, None)]

    def test_what_nobody_can_tell_lets_the_bytes_go_and_says_so(self) -> None:
        settled = put(self.before(), Failed(Superseded("Somebody else.")))
        assert (after(settled).released, settled.events) == ("cnt_1", ())
        assert Superseded.effect.value == "unknown"


class _NeverAsked:
    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked")
