"""An upload ends once: completed or aborted, whoever is first, whatever is heard of it afterwards."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from tests.services.storage.examples import KEY, NOW, PLACE, UPLOAD, AConnection, FixedClock, an_operation, an_upload

from onerouter_common.contracts.storage import MIB, AbortUpload, CompleteUpload, CreateUpload, UploadedPart
from onerouter_common.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    OneRouterError,
    PreconditionFailed,
    ProviderOutcomeUnknown,
    ServiceNotConfigured,
    Superseded,
)
from onerouter_common.worker.handler import Failed, Outcome, Settled, Succeeded, Unknown
from onerouter_providers.objects import CompletedUpload, ObjectSnapshot, PartPage
from onerouter_storage.object.place import place_of
from onerouter_storage.upload.aborting import UploadAbort
from onerouter_storage.upload.completing import UploadComplete
from onerouter_storage.upload.ending import AsItIs, Gone, Uploaded
from onerouter_storage.upload.making import Made, UploadCreate
from onerouter_storage.upload.state import Upload
from onerouter_storage.upload.views import upload_view

PARTS = {"is_multipart": True, "part_size": 8 * MIB}
SEEN = ObjectSnapshot(KEY, 5, "e1", "application/pdf", NOW, cache_control="no-store", metadata={"as": "it is"})
UPLOADED = Succeeded(Uploaded("e1", "https://files.example/1.pdf", SEEN))
ABANDONED = AbortUpload(upload_id=UPLOAD, reason="abandoned")
GIVEN_UP = AbortUpload(upload_id=UPLOAD, reason="given_up")
ASKED = AbortUpload(upload_id=UPLOAD)


def complete(upload: Upload | None, outcome: Outcome) -> Settled[Upload]:
    command = CompleteUpload(upload_id=UPLOAD)
    op = an_operation("upload.complete", command, UPLOAD, id="op_2")
    return UploadComplete(FixedClock()).settle(op, command, upload, outcome)


def abort(upload: Upload, outcome: Outcome, command: AbortUpload = ASKED) -> Settled[Upload]:
    op = an_operation("upload.abort", command, UPLOAD, id="op_3")
    return UploadAbort(FixedClock()).settle(op, command, upload, outcome)


def after(settled: Settled[Upload]) -> Upload:
    assert settled.resource is not None
    return settled.resource


class TestCreate:
    def create(self, **said: Any) -> tuple[Any, CreateUpload]:
        command = CreateUpload(
            bucket="files", key=KEY, connection_id="con_1", provider="s3", content_type="x/y", **said
        )
        return an_operation("upload.create", command, UPLOAD), command

    def test_nobody_is_asked_for_a_single_put(self) -> None:
        op, command = self.create(expires_in=60)
        made = UploadCreate().concluded(op, command, None)
        assert made == Made(None)
        upload = after(UploadCreate().settle(op, command, None, Succeeded(made)))
        assert (upload.expires_at, upload.sweep_at) == (
            NOW + timedelta(seconds=60),
            NOW + timedelta(days=1, seconds=60),
        )

    def test_parts_are_begun_at_the_provider(self) -> None:
        op, command = self.create(**PARTS)
        assert UploadCreate().concluded(op, command, None) is None
        begun = UploadCreate().begin(op, command, None, AConnection())
        assert begun.resource.revision == begun.resource.stored_revision == 0  # so nothing is saved before the call
        settled = UploadCreate().settle(op, command, None, Succeeded(Made("theirs")))
        assert (after(settled).provider_upload_id, settled.status, settled.events) == ("theirs", 201, ())
        assert settled.view is not None
        assert (settled.view["url"], settled.view["parts"]) == (None, [])

    @pytest.mark.parametrize("part_size", [None, 5 * MIB - 1])
    def test_parts_too_small_are_named(self, part_size: int | None) -> None:
        op, command = self.create(is_multipart=True, part_size=part_size)
        with pytest.raises(InvalidRequest, match="part_size"):
            UploadCreate().concluded(op, command, None)

    def test_parts_too_many_are_named(self) -> None:
        op, command = self.create(is_multipart=True, part_size=5 * MIB, size_bytes=5 * MIB * 10_000 + 1)
        with pytest.raises(InvalidRequest, match="part_size"):
            UploadCreate().concluded(op, command, None)


class TestComplete:
    def test_it_is_told_of_with_its_object(self) -> None:
        settled = complete(an_upload(), UPLOADED)
        done = after(settled)
        assert (done.status, done.size_bytes, done.etag, done.sweep_at) == ("completed", 5, "e1", None)
        told = [(event.type, event.resource_id, event.sequence) for event in settled.events]
        assert told == [("storage.upload.completed", UPLOAD, 1), ("storage.object.created", PLACE, 1)]
        place = done.place
        assert place is not None
        assert (place.id, place.operation_id, place.upload_id, place.sha256) == (PLACE, "op_2", UPLOAD, None)
        assert (place.cache_control, place.metadata) == ("no-store", {"as": "it is"})  # as the bucket has it

    def test_its_object_goes_on_with_what_was_told_of_its_place(self) -> None:
        upload = an_upload()
        op = an_operation("upload.complete", CompleteUpload(upload_id=UPLOAD), PLACE)
        before = place_of(op, upload, "s3").written(operation_id="op_0", at=NOW, etag="e0")
        settled = complete(replace(upload, place=replace(before, stored_version=1)), UPLOADED)
        place = after(settled).place
        assert place is not None
        assert (place.version, place.stored_version, settled.events[1].sequence) == (2, 1, 2)

    def test_what_was_replaced_since_is_told_as_it_was_made(self) -> None:
        settled = complete(an_upload(**PARTS, size_bytes=9), Succeeded(Uploaded("e1-2", None, None)))
        done = after(settled)
        assert done.place is not None
        assert (done.etag, done.size_bytes, done.place.etag, done.place.last_modified) == ("e1-2", 9, "e1-2", NOW)

    def test_twice_is_once(self) -> None:
        done = after(complete(an_upload(), UPLOADED))
        again = complete(done, UPLOADED)
        assert (again.resource, again.events) == (None, ())

    def test_what_nobody_can_tell_has_ended_and_is_not_told(self) -> None:
        settled = complete(an_upload(**PARTS), Failed(Superseded("Somebody else.")))
        ended = after(settled)
        assert (ended.status, ended.sweep_at, ended.version, settled.events) == ("failed", None, 0, ())
        assert ended.revision > ended.stored_revision
        failure = upload_view(ended)["failure"]
        assert isinstance(failure, dict)
        assert failure["code"] == "OUTCOME_UNKNOWN"
        command = CompleteUpload(upload_id=UPLOAD)
        op = an_operation("upload.complete", command, PLACE)
        with pytest.raises(Superseded):
            UploadComplete(FixedClock()).concluded(op, command, ended)
        assert UploadAbort(FixedClock()).concluded(op, ASKED, ended) == AsItIs()

    @pytest.mark.parametrize(
        ("numbers", "said"),
        [
            ([], PARTS),
            ([2, 1], PARTS),
            ([1, 1], PARTS),
            ([1], {}),
            ([1, 2], {**PARTS, "size_bytes": 16 * MIB + 1}),
            ([1, 2, 4], {**PARTS, "size_bytes": 16 * MIB + 1}),
            ([1, 2, 3, 4], {**PARTS, "size_bytes": 16 * MIB + 1}),
        ],
    )
    def test_parts_must_be_as_it_was_made(self, numbers: list[int], said: dict[str, Any]) -> None:
        command = CompleteUpload(
            upload_id=UPLOAD, parts=[UploadedPart(part_number=number, etag="e") for number in numbers]
        )
        op = an_operation("upload.complete", command, UPLOAD)
        with pytest.raises(InvalidRequest, match="parts"):
            UploadComplete(FixedClock()).begin(op, command, an_upload(**said), AConnection())

    def test_parts_that_are_wrong_can_be_named_again(self) -> None:
        settled = complete(an_upload(**PARTS), Failed(InvalidRequest.of("parts", "are not those")))
        assert (settled.resource, settled.events) == (None, ())

    def test_what_its_provider_has_forgotten_has_ended(self) -> None:
        settled = complete(an_upload(**PARTS), Failed(NotFound("Gone.", code="UPLOAD_NOT_FOUND")))
        assert (after(settled).status, settled.view) == ("aborted", None)
        assert [event.type for event in settled.events] == ["storage.upload.aborted"]

    def test_in_doubt_it_waits(self) -> None:
        settled = complete(an_upload(**PARTS), Unknown(ProviderOutcomeUnknown("?", provider="s3")))
        assert (settled.resource, settled.status) == (None, 202)

    def test_an_aborted_one_is_refused_and_a_completed_one_answered(self) -> None:
        command = CompleteUpload(upload_id=UPLOAD)
        op = an_operation("upload.complete", command, UPLOAD)
        handler = UploadComplete(FixedClock())
        with pytest.raises(Conflict):
            handler.concluded(op, command, an_upload().aborted(NOW))
        assert handler.concluded(op, command, after(complete(an_upload(), UPLOADED))) == AsItIs()
        with pytest.raises(NotFound):
            handler.concluded(op, command, None)


class TestPuttingTogether:
    """An upload in parts whose completion is asked for again, once the first call got no answer."""

    def completion(self, *, doubted: bool = True, **said: Any) -> tuple[UploadComplete, Any]:
        command = CompleteUpload(upload_id=UPLOAD, parts=[UploadedPart(part_number=1, etag="e")])
        op = an_operation("upload.complete", command, PLACE, attempts=2, doubted=doubted)
        handler = UploadComplete(FixedClock())
        return handler, handler.begin(op, command, an_upload(**PARTS, **said), AConnection()).request

    async def complete(self, bucket: "Parts", **how: Any) -> Uploaded:
        handler, request = self.completion(**how)
        return await handler.call(bucket, request, "k")  # type: ignore[arg-type]

    async def test_what_it_answers_is_what_was_made(self) -> None:
        made = await self.complete(Parts(CompletedUpload("e1-1", None)))
        assert made == Uploaded("e1-1", None, None)

    @pytest.mark.parametrize(
        "refused", [NotFound("Gone.", code="UPLOAD_NOT_FOUND"), PreconditionFailed("There is one.")]
    )
    async def test_its_own_earlier_call_is_found(self, refused: OneRouterError) -> None:
        assert (await self.complete(Parts(refused, found=SEEN))).object == SEEN

    async def test_gone_without_its_object_nobody_can_tell(self) -> None:
        with pytest.raises(Superseded):
            await self.complete(Parts(NotFound("Gone.", code="UPLOAD_NOT_FOUND")))
        with pytest.raises(Superseded):
            await self.complete(Parts(PreconditionFailed("There is one.")))

    async def test_another_that_was_there_before_is_in_the_way(self) -> None:
        with pytest.raises(PreconditionFailed):
            await self.complete(Parts(PreconditionFailed("There is one."), is_open=True))

    async def test_the_first_call_believes_its_answer(self) -> None:
        with pytest.raises(NotFound):
            await self.complete(Parts(NotFound("Gone.", code="UPLOAD_NOT_FOUND")), doubted=False)


@dataclass
class Parts:
    """A bucket with one upload in parts, as far as its completion asks of it."""

    says: CompletedUpload | OneRouterError
    found: ObjectSnapshot | None = None
    is_open: bool = False

    async def complete_multipart(self, reference: Any, parts: Any, *, if_none_match: bool) -> CompletedUpload:
        if isinstance(self.says, OneRouterError):
            raise self.says
        return self.says

    async def find_upload(self, request: Any) -> ObjectSnapshot | None:
        return self.found

    async def list_parts(self, reference: Any, *, limit: int) -> PartPage:
        if not self.is_open:
            raise NotFound("Gone.", code="UPLOAD_NOT_FOUND")
        return PartPage([], None)

    def public_url(self, key: str) -> None:
        return None


class TestAbort:
    def concluded(self, upload: Upload, command: AbortUpload) -> Any:
        return UploadAbort(FixedClock()).concluded(an_operation("upload.abort", command, UPLOAD), command, upload)

    @pytest.mark.parametrize("command", [ASKED, ABANDONED, GIVEN_UP])
    async def test_a_single_put_that_landed_is_completed_whoever_ends_it(self, command: AbortUpload) -> None:
        """The answer to it may have been lost."""
        assert self.concluded(an_upload(), command) is None
        op = an_operation("upload.abort", command, UPLOAD)
        handler = UploadAbort(FixedClock())
        request = handler.begin(op, command, an_upload(), AConnection()).request
        gone = NotFound("Gone.", code="UPLOAD_NOT_FOUND")
        landed: Any = await handler.call(Parts(gone, found=SEEN), request, "k")  # type: ignore[arg-type]
        assert (landed.object, landed.etag) == (SEEN, SEEN.etag)
        assert await handler.call(Parts(gone), request, "k") == Gone()  # type: ignore[arg-type]

    def test_it_is_told_of_once(self) -> None:
        settled = abort(an_upload(**PARTS), Succeeded(Gone()))
        assert [(event.type, event.sequence) for event in settled.events] == [("storage.upload.aborted", 1)]
        assert abort(after(settled), Succeeded(Gone())).events == ()

    def test_what_was_made_in_the_meantime_is_completed(self) -> None:
        settled = abort(an_upload(), UPLOADED, ABANDONED)
        assert (after(settled).status, len(settled.events)) == ("completed", 2)

    def test_what_was_completed_is_not_aborted(self) -> None:
        done = after(complete(an_upload(), UPLOADED))
        with pytest.raises(Conflict):
            self.concluded(done, ASKED)
        assert self.concluded(done, ABANDONED) == AsItIs()
        assert abort(done, Succeeded(AsItIs()), ABANDONED).events == ()

    def test_only_of_a_connection_that_is_gone_an_abandoned_one_is_given_up(self) -> None:
        gone, away = ServiceNotConfigured("Removed."), NotFound("?")
        assert after(abort(an_upload(**PARTS), Failed(gone), ABANDONED)).status == "aborted"
        assert abort(an_upload(**PARTS), Failed(away), ABANDONED).resource is None
        assert abort(an_upload(**PARTS), Failed(gone)).resource is None

    def test_after_the_last_look_it_is_given_up(self) -> None:
        away = NotFound("?")
        given_up = abort(an_upload(), Failed(away), GIVEN_UP)
        assert (after(given_up).status, after(given_up).sweep_at, given_up.events) == ("failed", None, ())
        assert after(abort(an_upload(), Failed(ServiceNotConfigured("Removed.")), GIVEN_UP)).status == "aborted"
        assert abort(an_upload().aborted(NOW), Failed(away), GIVEN_UP).resource is None


def test_the_bytes_of_all_parts_are_all() -> None:
    upload = replace(an_upload(**PARTS), size_bytes=16 * MIB + 1)
    assert [upload.bytes_of_part(number) for number in (1, 2, 3)] == [8 * MIB, 8 * MIB, 1]
    even = replace(upload, size_bytes=16 * MIB)
    assert [even.bytes_of_part(number) for number in range(1, (even.part_count or 0) + 1)] == [8 * MIB, 8 * MIB]
    assert replace(upload, size_bytes=0).bytes_of_part(1) == 0
    assert (an_upload(**PARTS).bytes_of_part(1), an_upload().bytes_of_part(1)) == (None, None)


def test_parts_are_counted() -> None:
    upload = replace(an_upload(**PARTS), size_bytes=16 * MIB + 1)
    assert (upload.part_count, replace(upload, size_bytes=0).part_count) == (3, 1)
    assert (an_upload(**PARTS).part_count, an_upload().part_count) == (None, None)
