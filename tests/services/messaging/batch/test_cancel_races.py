"""A cancel that began while the message waited with us, and is stored when it does not any more."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.services.messaging.batch.post import Post
from tests.services.messaging.examples import SMS_COMMAND

from onerouter_common.contracts.messages import CancelMessage
from onerouter_common.ids import SMS, new_id
from onerouter_common.worker.runtime import Worker

_LEAVES = """
UPDATE messages SET connection_id = 'con_1', provider = 'scripted', revision = revision + 1, provider_message_id = $2
WHERE id = $1
"""


async def canceled(post: Post, monkeypatch: pytest.MonkeyPatch, provider_id: str | None) -> Any:
    """The operation's row, where the message leaves between the cancel and its commit."""
    message_id = new_id(SMS)
    later = SMS_COMMAND.model_copy(update={"send_at": datetime.now(UTC) + timedelta(hours=1)})
    async with post.worker() as worker:
        await post.ended(await post.publish("sms.schedule", message_id, later))
        _before_the_commit(worker, monkeypatch, lambda: post.pool.execute(_LEAVES, message_id, provider_id))
        row = await post.ended(await post.publish("sms.cancel", message_id, CancelMessage(message_id=message_id)))
    status = await post.pool.fetchval("SELECT status FROM messages WHERE id = $1", message_id)
    return row["state"], row["problem"], status


def _before_the_commit(worker: Worker, monkeypatch: pytest.MonkeyPatch, happens: Any) -> None:
    commit, events = worker._settlement._commit, [happens]

    async def late(batch: Any) -> Any:
        if any(one.started.op.operation == "sms.cancel" for one in batch) and events:
            await events.pop()()
        return await commit(batch)

    monkeypatch.setattr(worker._settlement, "_commit", late)


async def test_one_that_is_being_sent_is_not_called_canceled(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    state, problem, status = await canceled(post, monkeypatch, None)
    assert (state, problem["status"], status) == ("failed", 409, "scheduled")
    assert "being sent" in problem["detail"]


async def test_of_one_that_is_at_its_provider_that_is_asked(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await canceled(post, monkeypatch, "SM1") == ("succeeded", None, "canceled")
    assert post.phone.canceled == ["SM1"]
