"""What is told for what was there before a write was asked for, what for somebody else's since, and what for neither."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.services.storage.examples import NOW, PLACE, PUT, an_object, an_operation

from onerouter_providers.objects import ObjectSnapshot
from onerouter_storage.object.doubt import came_after, was_before
from onerouter_storage.object.place import place_of
from onerouter_storage.object.state import StoredObject

EMPTY = place_of(an_operation("object.put", PUT, PLACE), PUT, "s3")
OLD = NOW - timedelta(minutes=16)


def after_put() -> StoredObject:
    return EMPTY.written(operation_id="op_0", at=NOW, etag="e0")


def after_upload() -> StoredObject:
    return EMPTY.written(operation_id="op_7", at=NOW, etag="e0-2", upload_id="upl_1")


class TestWasBefore:
    @pytest.mark.parametrize(
        ("stored", "found"),
        [
            (after_put(), an_object(etag="e0", operation_id="op_0")),
            (after_upload(), an_object(etag="e0-2", upload_id="upl_1")),
            (EMPTY, an_object(etag="x", last_modified=OLD)),
            (after_put(), an_object(etag="x", operation_id="op_z", last_modified=OLD)),
        ],
    )
    def test_what_we_knew_or_what_is_older(self, stored: StoredObject, found: ObjectSnapshot) -> None:
        assert was_before(found, stored, NOW)

    @pytest.mark.parametrize(
        ("stored", "found"),
        [
            (EMPTY, an_object(etag="x")),
            (EMPTY, an_object(etag="x", last_modified=NOW - timedelta(minutes=14))),
            (EMPTY, an_object(etag="x-2", last_modified=OLD)),
            (after_put(), an_object(etag="e0", operation_id="op_9")),
            (after_put(), an_object(etag="e0")),
            (after_put(), an_object(etag="e1", operation_id="op_0")),
            (after_upload(), an_object(etag="e0-2", upload_id="upl_2")),
            (replace(after_put(), status="deleted"), an_object(etag="e0", operation_id="op_0")),
        ],
    )
    def test_all_else_may_be_somebodys_since(self, stored: StoredObject, found: ObjectSnapshot) -> None:
        assert not was_before(found, stored, NOW)
        assert not came_after(found, NOW)


class TestCameAfter:
    @pytest.mark.parametrize("etag", ["x", "x-2"])
    def test_what_no_difference_of_clocks_explains(self, etag: str) -> None:
        late = an_object(etag=etag, last_modified=NOW + timedelta(minutes=16))
        assert came_after(late, NOW)
        assert not was_before(late, EMPTY, NOW)

    @pytest.mark.parametrize("at", [None, NOW, NOW + timedelta(minutes=14)])
    def test_what_may_be_the_clock(self, at: datetime | None) -> None:
        assert not came_after(an_object(last_modified=at), NOW)
