"""What a person says of an operation that nobody can tell the outcome of: asked about once more, or taken for true."""

from datetime import timedelta
from typing import Any

import pytest
from tests.services.storage.examples import (
    KEY,
    NOW,
    PLACE,
    PUT,
    UPLOAD,
    WHERE,
    AConnection,
    FixedClock,
    OneObject,
    an_object,
    an_operation,
    an_upload,
)
from tests.services.storage.object.test_putting import Kept
from tests.services.storage.upload.test_ending import PARTS, SEEN, Parts

from onerouter_common.contracts.storage import AbortUpload, CompleteUpload, DeleteObject, UploadedPart
from onerouter_common.errors import InvalidRequest, NotFound
from onerouter_common.worker.handler import Handler, Operation, Settled, Succeeded
from onerouter_providers.objects import ObjectSnapshot
from onerouter_storage.object.deleting import ObjectDelete
from onerouter_storage.object.place import place_of
from onerouter_storage.object.putting import ObjectPut
from onerouter_storage.upload.aborting import UploadAbort
from onerouter_storage.upload.completing import UploadComplete
from onerouter_storage.upload.ending import Gone, Uploaded

DELETE = DeleteObject(**WHERE)
COMPLETE = CompleteUpload(upload_id=UPLOAD, parts=[UploadedPart(part_number=1, etag="e")])
ABORT = AbortUpload(upload_id=UPLOAD)
GONE = NotFound("Gone.", code="UPLOAD_NOT_FOUND")


def doubtful(command: Any, name: str, id_: str = PLACE) -> Operation:
    return an_operation(name, command, id_, id="op_2", attempts=2)


async def confirm(handler: Handler[Any, Any], command: Any, bucket: Any, provider_id: str, resource: Any = None) -> Any:
    """What the provider's own word makes of it."""
    op = doubtful(command, handler.name)
    return await handler.confirm(bucket, handler.request(op, command, resource, AConnection()), provider_id, "k")


def believe(handler: Handler[Any, Any], command: Any, provider_id: str, resource: Any = None) -> Settled[Any]:
    """What the person's word makes of it, where nobody can be asked."""
    op = doubtful(command, handler.name)
    result = handler.believed(op, command, resource, provider_id)
    return handler.settle(op, command, resource, Succeeded(result))


class TestPut:
    HANDLER = ObjectPut(Kept(), FixedClock())

    async def test_it_is_named_by_its_etag(self) -> None:
        bucket = OneObject(an_object(etag="e5", operation_id="op_2", sha256="a" * 64))
        assert (await confirm(self.HANDLER, PUT, bucket, "e5")).snapshot.etag == "e5"
        assert await confirm(self.HANDLER, PUT, bucket, "e6") is None

    @pytest.mark.parametrize("said", ["e5", '"e5"'])
    def test_it_is_told_of_as_put(self, said: str) -> None:
        settled = believe(self.HANDLER, PUT, said)
        assert settled.resource is not None
        assert (settled.resource.etag, settled.resource.size_bytes, settled.resource.released) == ("e5", 5, "cnt_1")
        assert settled.resource.effect_guarantee == "at_most_once"
        assert [event.type for event in settled.events] == ["storage.object.created"]


class TestDelete:
    HANDLER = ObjectDelete(FixedClock())

    @pytest.mark.parametrize(
        ("there", "is_gone"),
        [
            (None, True),
            (an_object(etag="e9", last_modified=NOW + timedelta(hours=1)), True),
            (an_object(etag="e9", last_modified=NOW - timedelta(hours=1)), False),
            (an_object(etag="e9"), False),
        ],
    )
    async def test_that_nothing_of_before_is_there_confirms_it(
        self, there: ObjectSnapshot | None, is_gone: bool
    ) -> None:
        assert await confirm(self.HANDLER, DELETE, OneObject(there), KEY) == (KEY if is_gone else None)
        assert await confirm(self.HANDLER, DELETE, OneObject(there), "another") is None

    def test_it_is_named_by_its_key(self) -> None:
        before = place_of(doubtful(DELETE, "object.delete"), DELETE, "s3")
        settled = believe(self.HANDLER, DELETE, KEY, before)
        assert settled.resource is not None
        assert settled.resource.status == "deleted"
        with pytest.raises(InvalidRequest) as refused:
            believe(self.HANDLER, DELETE, "another", before)
        assert refused.value.errors[0].field == "provider_id"


class TestComplete:
    HANDLER = UploadComplete(FixedClock())

    async def test_it_is_named_by_its_etag(self) -> None:
        upload = an_upload(**PARTS)
        made = await confirm(self.HANDLER, COMPLETE, Parts(GONE, found=SEEN), SEEN.etag, upload)
        assert (made.object, await confirm(self.HANDLER, COMPLETE, Parts(GONE), SEEN.etag, upload)) == (SEEN, None)

    def test_it_is_told_of_as_completed(self) -> None:
        settled = believe(self.HANDLER, COMPLETE, "e5-2", an_upload(**PARTS))
        assert settled.resource is not None
        assert (settled.resource.status, settled.resource.etag) == ("completed", "e5-2")
        assert len(settled.events) == 2
        with pytest.raises(NotFound):
            believe(self.HANDLER, COMPLETE, "e5-2")


class TestAbort:
    HANDLER = UploadAbort(FixedClock())

    async def test_it_is_named_by_our_id(self) -> None:
        upload = an_upload(**PARTS)
        assert await confirm(self.HANDLER, ABORT, Parts(GONE), UPLOAD, upload) == Gone()
        assert await confirm(self.HANDLER, ABORT, Parts(GONE), "upl_9", upload) is None
        assert await confirm(self.HANDLER, ABORT, Parts(GONE, is_open=True), UPLOAD, upload) is None
        made = await confirm(self.HANDLER, ABORT, Parts(GONE, found=SEEN), UPLOAD, upload)
        assert isinstance(made, Uploaded)

    def test_it_is_told_of_as_aborted(self) -> None:
        settled = believe(self.HANDLER, ABORT, UPLOAD, an_upload(**PARTS))
        assert settled.resource is not None
        assert (settled.resource.status, len(settled.events)) == ("aborted", 1)
        with pytest.raises(InvalidRequest):
            believe(self.HANDLER, ABORT, "upl_9", an_upload(**PARTS))
