"""A write gets no answer, and something else is done at its place before it is repeated: none of that is undone."""

from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.services.storage.stack import FILES, MEDIA, Stack, running
from tests.services.storage.test_objects import a_key, view
from tests.services.storage.test_uploads import PART, complete, create, outside, send_part

from onerouter_common.contracts.commands import Command
from onerouter_common.contracts.storage import CompleteUpload, UploadedPart
from onerouter_common.ids import new_id
from onerouter_common.retry import Backoff
from onerouter_common.worker import settings as worker_settings
from onerouter_common.worker.runtime import WorkerOptions
from onerouter_providers.objects import PutRequest

if TYPE_CHECKING:
    from onerouter_local.testing import Database

__all__ = ["outside"]

DONE = {"kind": "timeout_after_effect", "hold_s": 0.1}
NOT_DONE = {"kind": "refuse_connection"}
REFUSED = {"kind": "error_5xx"}
BOTH = pytest.mark.parametrize("lost", [DONE, NOT_DONE], ids=["done", "not done"])


@pytest.fixture(scope="module")
async def stack(service_database: "Database", kafka_bootstrap: str) -> AsyncIterator[Stack]:
    """That nothing happened is believed when a call's time is over: here that is soon. What is read there asks no bucket.

    However often the machine stands still for longer than a call may take, no circuit opens for it, and who asks in vain
    asks again soon.
    """
    ask = Backoff(first_s=0.5, most_s=1.0, give_up_after=1_000_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker_settings, "WorkerOptions", partial(WorkerOptions, ask=ask))
        async with running(
            service_database, kafka_bootstrap, provider_timeout_s=2.0, circuit_failures=9_999, circuit_least_calls=9_999
        ) as opened:
            yield opened


async def lose(stack: Stack, operation: str, lost: dict[str, Any], *, bucket: str = FILES) -> None:
    """The next such call gets no answer, nor does a look at what came of it, until `answer_again`."""
    provider = stack.buckets[bucket].account.provider
    await stack.fault(operation=operation, provider=provider, **lost)
    await stack.fault("error_5xx", "HeadObject", times=None, provider=provider)


async def answer_again(stack: Stack) -> None:
    assert (await stack.sandbox.delete("/control/faults")).is_success


async def put_past_us(stack: Stack, key: str, content: bytes, bucket: str = FILES) -> None:
    """Somebody else's, and then the bucket answers again."""
    async with stack.past_us(bucket) as theirs:
        await theirs.put_object(PutRequest(key, content, new_id("op")))
    await answer_again(stack)


class TestByItself:
    @pytest.mark.parametrize("kind", ["timeout_after_effect", "timeout_before_effect"])
    async def test_a_lost_answer_leaves_one_effect(self, stack: Stack, kind: str) -> None:
        await stack.fault(kind, "PutObject")
        key = a_key()
        put = view(await stack.put(key, b"once"))
        assert await stack.effects("object.put", put["operation_id"]) == 1
        assert await stack.content_at(key) == b"once"
        await stack.event(put["id"], 1)
        assert [event.sequence for event in stack.told_of(put["id"])] == [1]

    async def test_a_lost_answer_to_a_delete_is_asked_for_again(self, stack: Stack) -> None:
        key = a_key()
        put = view(await stack.put(key, b"x"))
        await stack.fault("timeout_after_effect", "DeleteObject")
        assert view(await stack.delete(key))["deleted"] is True
        assert await stack.content_at(key) is None
        assert (await stack.event(put["id"], 2)).type == "storage.object.deleted"


class TestThroughUs:
    """The next one waits until it is known what came of the one before."""

    @BOTH
    async def test_a_put_after_a_delete_stays(self, stack: Stack, lost: dict[str, Any]) -> None:
        key = a_key()
        await stack.put(key, b"first")
        await lose(stack, "DeleteObject", lost)
        deleting = await stack.begin_delete(key)
        await stack.until_in_doubt(deleting)
        putting = await stack.begin_put(key, b"second")
        await stack.until_kept(putting)
        await answer_again(stack)
        assert view(await stack.reply_to(putting))["version"] == 3
        assert view(await stack.reply_to(deleting))["version"] == 2
        assert (await stack.content_at(key), await stack.deletions(key)) == (b"second", 1)
        await stack.event(stack.id_of(key), 3)
        told = [(event.sequence, event.type.rpartition(".")[2]) for event in stack.told_of(stack.id_of(key))]
        assert told == [(1, "created"), (2, "deleted"), (3, "created")]

    @BOTH
    async def test_the_later_put_is_what_is_there(self, stack: Stack, lost: dict[str, Any]) -> None:
        key = a_key()
        await lose(stack, "PutObject", lost)
        first = await stack.begin_put(key, b"first", if_none_match=True)
        await stack.until_in_doubt(first)
        second = await stack.begin_put(key, b"second")
        await stack.until_kept(second)
        await answer_again(stack)
        assert [view(await stack.reply_to(one))["version"] for one in (second, first)] == [2, 1]
        assert await stack.content_at(key) == b"second"
        assert [await stack.effects("object.put", one.operation_id) for one in (first, second)] == [1, 1]

    @BOTH
    async def test_what_is_deleted_does_not_come_back(self, stack: Stack, lost: dict[str, Any]) -> None:
        key = a_key()
        await lose(stack, "PutObject", lost)
        putting = await stack.begin_put(key, b"first")
        await stack.until_in_doubt(putting)
        deleting = await stack.begin_delete(key)
        await stack.until_kept(deleting)
        await answer_again(stack)
        assert view(await stack.reply_to(deleting))["deleted"] is True
        assert view(await stack.reply_to(putting))["version"] == 1
        assert (await stack.content_at(key), await stack.effects("object.put", putting.operation_id)) == (None, 1)

    @BOTH
    async def test_an_upload_is_told_of_before_what_replaces_it(
        self, stack: Stack, outside: httpx.AsyncClient, lost: dict[str, Any]
    ) -> None:
        key, upload_id, part = await uploaded(stack, outside)
        await lose(stack, "CompleteMultipartUpload", lost)
        completing = await stack.publish(
            "upload.complete", CompleteUpload(upload_id=upload_id, parts=[part]), upload_id
        )
        await stack.until_in_doubt(completing)
        putting = await stack.begin_put(key, b"since")
        await stack.until_kept(putting)
        await answer_again(stack)
        put = view(await stack.reply_to(putting))
        done = view(await stack.reply_to(completing))
        assert (done["status"], done["size"], put["version"]) == ("completed", 1, 2)
        assert done["etag"] != put["etag"]
        assert (await stack.content_at(key), await stack.effects("upload.completed", upload_id)) == (b"since", 1)
        born = await stack.event(stack.id_of(key), 1)
        assert (born.data["upload_id"], born.data["etag"]) == (upload_id, done["etag"])


class TestPastUs:
    """Somebody who writes in the bucket without us waits for nobody: what they put there stays."""

    async def test_a_delete_that_was_not_made_takes_nothing(self, stack: Stack) -> None:
        begun = []
        for bucket in (FILES, MEDIA):  # only one of them can be told what it may delete
            key = a_key()
            await stack.put(key, b"first", bucket=bucket)
            await lose(stack, "DeleteObject", NOT_DONE, bucket=bucket)
            begun.append((key, bucket, await stack.begin_delete(key, bucket=bucket)))
            await stack.until_in_doubt(begun[-1][2])
            await put_past_us(stack, key, b"theirs", bucket)
        for key, bucket, deleting in begun:
            await self.is_superseded(stack, deleting)
            assert (await stack.content_at(key, bucket), await stack.deletions(key, bucket)) == (b"theirs", 0)

    async def test_a_delete_that_was_not_made_is_not_told_as_done(self, stack: Stack) -> None:
        """The very object is still there, and nothing shows that it is the one: it did not go through us."""
        begun = []
        for bucket in (FILES, MEDIA):
            key = a_key()
            await put_past_us(stack, key, b"theirs", bucket)
            await lose(stack, "DeleteObject", REFUSED, bucket=bucket)
            begun.append((key, bucket, await stack.begin_delete(key, bucket=bucket)))
            await stack.until_in_doubt(begun[-1][2])
            await answer_again(stack)
        for key, bucket, deleting in begun:
            await self.is_superseded(stack, deleting)
            assert (await stack.content_at(key, bucket), await stack.deletions(key, bucket)) == (b"theirs", 0)
            assert stack.told_of(stack.id_of(key, bucket)) == []
            assert view(await stack.delete(key, bucket=bucket))["deleted"] is True
            assert await stack.content_at(key, bucket) is None

    @BOTH
    async def test_a_put_is_not_made_over_it(self, stack: Stack, lost: dict[str, Any]) -> None:
        key = a_key()
        await stack.put(key, b"before")
        await lose(stack, "PutObject", lost)
        putting = await stack.begin_put(key, b"ours")
        await stack.until_in_doubt(putting)
        await put_past_us(stack, key, b"theirs")
        await self.is_superseded(stack, putting)
        assert await stack.content_at(key) == b"theirs"
        assert await stack.effects("object.put", putting.operation_id) == (lost is DONE)
        await stack.event(stack.id_of(key), 1)
        assert [event.sequence for event in stack.told_of(stack.id_of(key))] == [1]

    async def test_an_upload_that_was_replaced_is_not_told_as_aborted(
        self, stack: Stack, outside: httpx.AsyncClient
    ) -> None:
        key, upload_id, part = await uploaded(stack, outside)
        await lose(stack, "CompleteMultipartUpload", DONE)
        completing = await stack.publish(
            "upload.complete", CompleteUpload(upload_id=upload_id, parts=[part]), upload_id
        )
        await stack.until_in_doubt(completing)
        await put_past_us(stack, key, b"theirs")
        await self.is_superseded(stack, completing)
        shown = await stack.read(f"/uploads/{upload_id}")
        assert (shown["status"], shown["failure"]["code"], shown["version"]) == ("failed", "OUTCOME_UNKNOWN", 0)
        again = await complete(stack, upload_id, part)
        assert (again.status, again.problem and again.problem.code) == (409, "SUPERSEDED")
        assert (stack.told_of(upload_id), await stack.content_at(key)) == ([], b"theirs")

    async def is_superseded(self, stack: Stack, command: Command) -> None:
        reply = await stack.reply_to(command)
        assert reply.problem is not None
        assert (reply.state, reply.status, reply.problem.code) == ("failed", 409, "SUPERSEDED")
        assert (reply.problem.effect, reply.problem.retryable) == ("unknown", False)


async def uploaded(stack: Stack, outside: httpx.AsyncClient) -> tuple[str, str, UploadedPart]:
    """An upload in parts whose one part is there: its key, its id, the part."""
    key = a_key()
    upload_id = await create(stack, key, is_multipart=True, part_size=PART)
    signed = await stack.read(f"/uploads/{upload_id}")
    return key, upload_id, await send_part(outside, signed["parts"][0]["url"], 1, b"x")
