"""What all messages of a bulk send say is stored once, sent to each, shown with each, and removed after its time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.services.messaging.batch.post import ANN, Post, mailing
from tests.services.messaging.examples import FixedClock

from onerouter_common.contracts.messages import EmailAddress
from onerouter_common.ids import BATCH, new_id
from onerouter_common.reads.rows import TenantRows
from onerouter_messaging.message.reads import MessageReads
from onerouter_messaging.retention.loop import Retention

HTML = f"<p>We are open on Sunday.</p><!--{'x' * 100_000}-->"
_BYTES = """
SELECT max(length(payload::text)), max(length(result::text)),
    (SELECT max(length(to_jsonb(m)::text)) FROM messages m) AS row
FROM operations WHERE operation = 'email.send'
"""


async def shown(post: Post, message_id: str) -> Any:
    return await MessageReads(TenantRows(post.engine)).one(ANN, "email", message_id, content=True)


async def stored(post: Post) -> tuple[int, ...]:
    """The largest payload, result and message row of one recipient."""
    [row] = await post.pool.fetch(_BYTES)
    return tuple(size or 0 for size in row)


async def test_it_is_stored_once_and_goes_to_everybody(post: Post) -> None:
    batch = mailing(60, html=HTML)
    async with post.worker():
        command = await post.publish("email_batch.create", new_id(BATCH), batch)
        row = await post.ended(command)
        assert max(await stored(post)) < 3_000
        await post.completed(command.resource_id, "email", sent=60)
    assert len(str(row["result"])) < 60 * 200
    assert max(await stored(post)) < 3_000
    [content] = await post.pool.fetch("SELECT batch_id, content FROM batch_contents")
    assert (content["batch_id"], content["content"]["html"]) == (command.resource_id, HTML)
    letters = post.phone.letters
    assert letters.keys() == {one.to.email for one in batch.recipients}
    rows = await post.pool.fetch("SELECT id, metadata FROM messages WHERE batch_id = $1", command.resource_id)
    noted = {row["id"]: row["metadata"] for row in rows}
    assert [noted[one.message_id] for one in batch.recipients] == [
        {"campaign": "spring", "place": str(index)} for index in range(60)
    ]
    assert {(one.subject, one.html, one.text) for one in letters.values()} == {
        ("News", HTML, content["content"]["text"])
    }
    assert "Sunday" in content["content"]["text"]
    assert len({id(one.html) for one in letters.values()}) == 1, "it is in memory once, too"
    view = await shown(post, batch.recipients[0].message_id)
    assert (view["subject"], view["html"], view["text"]) == ("News", HTML, content["content"]["text"])
    assert view["metadata"] == {"campaign": "spring", "place": "0"}


async def test_it_goes_after_its_time_but_not_before_the_last_was_sent(post: Post) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    batch = mailing(2, html=HTML, text="Open.", send_at=later.isoformat(), reply_to=[EmailAddress(email="b@c.example")])
    first = batch.recipients[0].message_id
    async with post.worker():
        command = await post.publish("email_batch.create", new_id(BATCH), batch)
        await post.ended(command)
        view = await shown(post, first)
        assert (view["status"], view["html"], view["text"]) == ("scheduled", HTML, "Open.")
        assert view["reply_to"] == [{"email": "b@c.example", "name": None}]
        retention = Retention(post.pool, FixedClock(later + timedelta(days=91)), days=90, interval_s=60)
        await retention.erase_once()
        assert await post.pool.fetchval("SELECT count(*) FROM batch_contents") == 1, "they still have to be sent"
        await post.pool.execute("UPDATE operations SET due_at = now() WHERE due_at IS NOT NULL")
        await post.completed(command.resource_id, "email", sent=2)
    assert {one.text for one in post.phone.letters.values()} == {"Open."}
    await retention.erase_once()
    assert await post.pool.fetchval("SELECT count(*) FROM batch_contents") == 0
    assert "Sunday" not in str(await post.pool.fetch("SELECT payload, result FROM operations"))
    view = await shown(post, first)
    assert (view["status"], view["html"], view["text"]) == ("sent", None, None)
