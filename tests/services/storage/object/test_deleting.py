"""What a delete makes of a place; that it takes nothing that was put there since, and never says more than it knows."""

from datetime import timedelta

import pytest
from tests.services.storage.examples import (
    CONNECTION,
    KEY,
    NOW,
    PLACE,
    WHERE,
    AConnection,
    FixedClock,
    OneObject,
    an_object,
    an_operation,
)

from onerouter_common.contracts.storage import DeleteObject
from onerouter_common.errors import PreconditionFailed, Superseded
from onerouter_common.worker.handler import Failed, Succeeded
from onerouter_providers.objects import ObjectSnapshot
from onerouter_storage.object.deleting import ObjectDelete
from onerouter_storage.object.place import place_of
from onerouter_storage.object.state import StoredObject

DELETE = DeleteObject(**WHERE)
HANDLER = ObjectDelete(FixedClock())
BEFORE = an_object(etag="e0", operation_id="op_0")
SINCE = an_object(etag="e9", operation_id="op_9", last_modified=NOW + timedelta(minutes=16))
YOUNG = an_object(etag="e9", last_modified=NOW - timedelta(minutes=14))
IN_PARTS_PAST_US = an_object(etag="e9-2", last_modified=NOW - timedelta(days=400))
PUT_AT_AN_ADDRESS_AGAIN = an_object(etag="e9", upload_id="upl_1")
OF_NOBODY = (YOUNG, IN_PARTS_PAST_US, PUT_AT_AN_ADDRESS_AGAIN)
"""There before it was asked for, or since: that cannot be told."""


def stored() -> StoredObject:
    op = an_operation("object.delete", DELETE, PLACE)
    return place_of(op, DELETE, "s3").written(operation_id="op_0", at=NOW, etag="e0", size_bytes=5, sha256="a" * 64)


class TestSettle:
    def test_it_is_told_of_once(self) -> None:
        op = an_operation("object.delete", DELETE, PLACE, id="op_2")
        settled = HANDLER.settle(op, DELETE, stored(), Succeeded(KEY))
        gone = settled.resource
        assert gone is not None
        assert (gone.version, gone.status, gone.etag, gone.size_bytes, gone.sha256) == (2, "deleted", None, None, None)
        assert [(event.type, event.sequence) for event in settled.events] == [("storage.object.deleted", 2)]
        assert settled.view is not None
        assert settled.view["deleted"] is True
        again = HANDLER.settle(op, DELETE, gone, Succeeded(KEY))
        assert (again.resource, again.events, again.view) == (None, (), settled.view)

    def test_it_goes_to_its_bucket_alone(self) -> None:
        op = an_operation("object.delete", DELETE, PLACE)
        assert HANDLER.hint(op, DELETE, None).connection_id == CONNECTION


class Again:
    async def delete(self, bucket: OneObject, *, doubted: bool = True, only: str | None = None) -> str:
        command = DELETE.model_copy(update={"if_match": only})
        op = an_operation("object.delete", command, PLACE, attempts=2, doubted=doubted)
        return await HANDLER.call(bucket, HANDLER.begin(op, command, stored(), AConnection()).request, "k")  # type: ignore[arg-type]

    async def look(self, bucket: OneObject, before: StoredObject | None, only: str | None = None) -> str | None:
        command = DELETE.model_copy(update={"if_match": only})
        op = an_operation("object.delete", command, PLACE)
        return await HANDLER.lookup(bucket, HANDLER.request(op, command, before, AConnection()), "k")  # type: ignore[arg-type]


class TestAgain(Again):
    async def test_only_what_was_there_before_is_deleted(self) -> None:
        bucket = OneObject(BEFORE)
        assert await self.look(bucket, stored()) is None
        await self.delete(bucket)
        assert (bucket.deletes, bucket.there) == ([BEFORE.etag], None)

    async def test_what_is_there_since_stays(self) -> None:
        bucket = OneObject(SINCE)
        assert await self.look(bucket, stored()) is None
        assert await self.delete(bucket)
        assert (bucket.deletes, bucket.there) == ([], SINCE)

    @pytest.mark.parametrize("found", OF_NOBODY, ids=["young", "in parts past us", "put at an address again"])
    @pytest.mark.parametrize("before", [True, False])
    async def test_what_may_be_the_very_object_is_not_told_as_deleted(
        self, found: ObjectSnapshot, before: bool
    ) -> None:
        bucket = OneObject(found)
        with pytest.raises(Superseded):
            await self.look(bucket, stored() if before else None)
        with pytest.raises(Superseded):
            await self.delete(bucket)
        assert (bucket.deletes, bucket.there) == ([], found)

    def test_then_nothing_is_told(self) -> None:
        op = an_operation("object.delete", DELETE, PLACE, id="op_2")
        settled = HANDLER.settle(op, DELETE, stored(), Failed(Superseded("Somebody else.")))
        assert (settled.resource, settled.events) == (None, ())

    async def test_what_comes_between_the_look_and_the_delete_stays(self) -> None:
        bucket = OneObject(BEFORE, then=SINCE)
        assert await self.delete(bucket)
        assert bucket.there == SINCE

    async def test_what_was_there_and_is_gone_is_done(self) -> None:
        assert await self.look(OneObject(None), stored()) == KEY

    @pytest.mark.parametrize("before", [None, "deleted"])
    async def test_where_nothing_was_known_a_call_may_still_be_under_way(self, before: str | None) -> None:
        place = None if before is None else stored().deleted(operation_id="op_8", at=NOW)
        assert await self.look(OneObject(None), place) is None

    async def test_the_first_call_asks_nothing(self) -> None:
        bucket = OneObject(SINCE)
        await self.delete(bucket, doubted=False)
        assert (bucket.deletes, bucket.looks, bucket.there) == ([None], 0, None)

    async def test_who_cannot_be_told_which_is_told_none(self) -> None:
        bucket = OneObject(BEFORE, has_conditional_delete=False)
        await self.delete(bucket)
        assert bucket.deletes == [None]


class TestOnlyOneVersion(Again):
    """Asked for by its ETag: then it may be taken whenever it came, and no other."""

    @pytest.mark.parametrize("doubted", [False, True])
    async def test_it_is_deleted(self, doubted: bool) -> None:
        for found in (BEFORE, *OF_NOBODY):
            bucket = OneObject(found)
            assert await self.look(bucket, stored(), found.etag) is None
            await self.delete(bucket, doubted=doubted, only=found.etag)
            assert (bucket.deletes, bucket.there) == ([found.etag], None)

    @pytest.mark.parametrize("doubted", [False, True])
    async def test_another_that_was_there_is_refused(self, doubted: bool) -> None:
        bucket = OneObject(BEFORE)
        with pytest.raises(PreconditionFailed):
            await self.delete(bucket, doubted=doubted, only="e5")
        assert bucket.there == BEFORE

    async def test_whether_another_that_may_have_come_since_was_it_nobody_knows(self) -> None:
        bucket = OneObject(YOUNG)
        with pytest.raises(Superseded):
            await self.delete(bucket, only="e5")
        assert bucket.deletes == []
