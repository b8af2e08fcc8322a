"""What was said goes after its time; that it was said stays."""

from dataclasses import replace
from datetime import timedelta

from tests.services.messaging.examples import EMAIL_COMMAND, NOW, SMS_COMMAND, FixedClock, a_message

from onerouter_common.db.engine import Pool
from onerouter_messaging.message.repository import MessageStore
from onerouter_messaging.message.state import NO_CONTENT, Message
from onerouter_messaging.message.views import message_view
from onerouter_messaging.retention.loop import Retention
from onerouter_messaging.suppression.repository import SuppressionList

STORE = MessageStore(SuppressionList())

_OPERATION = """
INSERT INTO operations (id, tenant_id, environment, category, operation, resource_id, ordering_key, payload, fingerprint,
    made_by, api_key_id, accepted_at, created_at, state, due_at, result)
VALUES ($1, 'ten_1', 'test', $2, $2 || '.send', $3, $3, '{"to": "x", "text": "secret", "metadata": {"order": "1042"}}',
    'f', 'cmd_1', 'key_1', $4, $4, $5,
    CASE WHEN $5 = 'unknown' THEN now() END, $6)
"""


async def stored(pool: Pool, message: Message, *, state: str = "succeeded") -> Message:
    async with pool.acquire() as connection:
        await STORE.save(connection, [message])
        await connection.execute(
            _OPERATION, f"op_{message.id}", message.channel, message.id, NOW, state, message_view(message)
        )
    return message


async def test_old_content_and_names_go_from_messages_and_operations(pool: Pool) -> None:
    young = NOW + timedelta(days=2)
    sms = await stored(pool, a_message(SMS_COMMAND))
    email = await stored(pool, a_message(EMAIL_COMMAND))
    kept = await stored(pool, replace(a_message(SMS_COMMAND), created_at=young))
    doubtful = await stored(pool, a_message(SMS_COMMAND), state="unknown")
    clock = FixedClock(NOW + timedelta(days=90, hours=1))
    retention = Retention(pool, clock, days=90, interval_s=60, batch=2)
    assert [await retention.erase_once() for _ in range(3)] == [2, 1, 0]
    async with pool.acquire() as connection:
        found = await STORE.load(connection, [one.id for one in (sms, email, kept, doubtful)], lock=False)
    assert found[sms.id].content == found[email.id].content == NO_CONTENT
    assert found[kept.id] == kept
    assert [one.name for one in found[email.id].recipients] == [None, None]
    assert [one.address for one in found[email.id].recipients] == ["ann@example.com", "bob@example.com"]
    rows = {row["resource_id"]: row for row in await pool.fetch("SELECT resource_id, payload, result FROM operations")}
    assert rows[email.id]["payload"] == rows[sms.id]["payload"] == {"metadata": {"order": "1042"}}
    assert "subject" not in rows[email.id]["result"]
    assert "Ann" not in str(rows[email.id]["result"])
    assert rows[sms.id]["result"]["to"] == SMS_COMMAND.to
    assert "body" not in rows[sms.id]["result"]
    # What is still to be found out is asked with what was asked.
    assert rows[doubtful.id]["payload"] != {}
    assert rows[kept.id]["result"]["body"] == SMS_COMMAND.body
