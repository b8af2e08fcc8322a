"""A bulk send on the real heart: stored as one, then each message goes its own way, exactly once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.libs.common.worker.rig import kill, until
from tests.services.messaging.batch.post import ANN, Post, bulk, number

from onerouter_common.clock import SystemClock
from onerouter_common.contracts import topics
from onerouter_common.contracts.messages import (
    CancelMessage,
    Rejected,
    TemplateUse,
)
from onerouter_common.errors import NotFound
from onerouter_common.ids import BATCH, COMMAND, new_id
from onerouter_common.reads.paging import Page
from onerouter_common.web.internal import TenantContext
from onerouter_messaging.batch.reads import BatchReads
from onerouter_messaging.suppression.schemas import AddSuppression
from onerouter_messaging.suppression.service import Suppressions
from onerouter_messaging.template.rendering import Rendering
from onerouter_messaging.template.schemas import CreateTemplate
from onerouter_messaging.template.service import Templates


async def test_a_thousand_go_out_each_with_its_own_text_and_bad_ones_stop_nobody(post: Post) -> None:
    templates = Templates(post.engine, Rendering(post.renderers), SystemClock())
    source = "Hi {{ name }}, {% if code %}your code is {{ code }}{% else %}no code{% endif %}"
    template_id = str((await templates.create(ANN, "sms", CreateTemplate(name="sale", body=source)))["id"])
    await templates.publish(ANN, "sms", template_id, None)
    await Suppressions(post.engine).add(ANN, "sms", AddSuppression(address=number(7), reason="stop"))
    post.phone.declines.add(number(8))

    def variables(index: int) -> dict[str, Any]:
        return {} if index == 9 else {"name": f"n{index}", "code": index}

    batch = bulk(
        999,
        variables=variables,
        body=None,
        template=TemplateUse(template_id=template_id, version=1, variables={"code": None}),
        rejected=[Rejected(index=999, to="nonsense", message="must be a phone number")],
    )
    async with post.worker():
        command = await post.publish("sms_batch.create", new_id(BATCH), batch)
        row = await post.ended(command)
        shown = await post.completed(command.resource_id, sent=996, failed=3, rejected=1)
    assert row["result"]["total"] == 1_000
    assert row["result"]["counts"] == {"queued": 999, "rejected": 1}
    assert [one["index"] for one in row["result"]["messages"]] == list(range(999))
    assert shown["rejected"] == [{"index": 999, "to": "nonsense", "message": "must be a phone number"}]
    expected = {number(index): f"Hi n{index}, your code is {index}" for index in range(999) if index not in (7, 8, 9)}
    assert post.phone.taken == expected
    assert len(post.phone.calls) == len(set(post.phone.calls)) == 997
    reads = BatchReads(post.engine)
    failed: Any = await reads.messages(ANN, "sms", command.resource_id, Page(10), "failed")
    reasons = {one["to"]: one["error"]["code"] for one in failed["data"]}
    assert reasons == {number(7): "suppressed", number(8): "invalid_recipient", number(9): "invalid_request"}
    page: Any = await reads.messages(ANN, "sms", command.resource_id, Page(100), None)
    assert (len(page["data"]), page["has_more"]) == (100, True)


@pytest.mark.parametrize("committed", [False, True])
async def test_a_crash_at_the_commit_loses_none_and_doubles_none(
    post: Post, committed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = bulk(60)
    first = post.make_worker()
    commit, reached = first._settlement._commit, asyncio.Event()

    async def dies(results: Any) -> Any:
        if committed:
            await commit(results)
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(first._settlement, "_commit", dies)
    await first.start()
    await until(lambda: first.is_ready, 30)
    command = await post.publish("sms_batch.create", new_id(BATCH), batch)
    await reached.wait()
    await kill(first)
    stored = [await post.pool.fetchval(f"SELECT count(*) FROM {table}") for table in ("batches", "messages")]
    assert stored == ([1, 60] if committed else [0, 0])
    async with post.worker():
        await post.ended(command)
        await post.producer.publish(
            topics.commands("sms"),
            command.model_copy(update={"command_id": new_id(COMMAND)}).to_bytes(),
            key=command.ordering_key,
        )
        await post.completed(command.resource_id, sent=60)
    assert sorted(post.phone.calls) == sorted(one.message_id for one in batch.recipients)


async def test_what_waits_is_canceled_and_never_sent(post: Post) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    async with post.worker():
        created = await post.publish("sms_batch.create", new_id(BATCH), bulk(20, send_at=later.isoformat()))
        row = await post.ended(created)
        assert (row["result"]["status"], row["result"]["counts"]) == ("processing", {"scheduled": 20})
        [due] = await post.pool.fetch("SELECT DISTINCT not_before FROM operations WHERE operation = 'sms.send'")
        assert abs((due["not_before"] - later).total_seconds()) < 0.01
        canceling = await post.publish(
            "sms_batch.cancel", created.resource_id, CancelMessage(message_id=created.resource_id)
        )
        assert (await post.ended(canceling))["result"]["canceling"] == 20
        cancels = "SELECT DISTINCT priority FROM operations WHERE operation = 'sms.cancel'"
        assert [row["priority"] for row in await post.pool.fetch(cancels)] == [1], "they pass nobody's single messages"
        shown = await post.completed(created.resource_id, canceled=20)
        await post.pool.execute("UPDATE operations SET due_at = now() WHERE due_at IS NOT NULL")
        async with asyncio.timeout(30):
            while await post.pool.fetchval("SELECT count(*) FROM operations WHERE due_at IS NOT NULL"):
                await asyncio.sleep(0.05)
    assert (shown["status"], post.phone.calls) == ("canceled", [])
    codes = await post.pool.fetch(
        "SELECT DISTINCT problem ->> 'code' AS code FROM operations WHERE operation = 'sms.send'"
    )
    assert [row["code"] for row in codes] == ["MESSAGE_CANCELED"]


async def test_nobody_elses_batch_is_there(post: Post) -> None:
    async with post.worker():
        created = await post.publish("sms_batch.create", new_id(BATCH), bulk(1))
        await post.ended(created)
        unknown = await post.publish("email_batch.cancel", created.resource_id, CancelMessage(message_id="x"))
        assert (await post.ended(unknown))["problem"]["code"] == "NOT_FOUND"
    reads = BatchReads(post.engine)
    for tenant, channel in (
        (TenantContext("ten_2", "test"), "sms"),
        (TenantContext("ten_1", "live"), "sms"),
        (ANN, "email"),
    ):
        with pytest.raises(NotFound):
            await reads.one(tenant, channel, created.resource_id)  # type: ignore[arg-type]
        with pytest.raises(NotFound):
            await reads.messages(tenant, channel, created.resource_id, Page(), None)  # type: ignore[arg-type]


async def test_it_is_completed_when_nobody_is_asked_about_any_more(post: Post) -> None:
    async with post.worker():
        created = await post.publish("sms_batch.create", new_id(BATCH), bulk(3))
        await post.ended(created)
        assert (await post.completed(created.resource_id, sent=3))["status"] == "processing"
    ids = [row["id"] for row in await post.pool.fetch("SELECT id FROM messages ORDER BY id")]
    await post.pool.execute("UPDATE messages SET poll_at = NULL WHERE id = ANY($1::text[])", ids[:2])
    assert (await post.shown(created.resource_id))["status"] == "processing"
    await post.pool.execute("UPDATE messages SET poll_at = NULL WHERE id = $1", ids[2])
    assert (await post.shown(created.resource_id))["status"] == "completed"
    waits = "UPDATE messages SET status = 'queued', provider_message_id = NULL WHERE id = $1"
    await post.pool.execute(waits, ids[0])
    assert (await post.shown(created.resource_id))["status"] == "processing", "one that is being sent still is"


async def test_none_or_too_many_are_refused(post: Post) -> None:
    async with post.worker():
        for size in (0, 1_001):
            created = await post.publish("sms_batch.create", new_id(BATCH), bulk(size))
            row = await post.ended(created)
            assert (row["state"], row["problem"]["errors"][0]["field"]) == ("failed", "recipients")
