"""Answers to the gateways that ask. A reply is a hint: the operation's row is the truth, and a gateway can read it."""

from collections.abc import Iterable
from typing import Any

from onerouter_common.broker import Producer
from onerouter_common.contracts import topics
from onerouter_common.contracts.replies import Problem, Reply
from onerouter_common.db.engine import Pool
from onerouter_common.worker.inbox import Received

_JOIN = """
UPDATE operations o SET reply_partitions = ARRAY(SELECT unnest(o.reply_partitions) UNION SELECT unnest(mine.partitions))
FROM (
    SELECT id, array_agg(partition) AS partitions FROM unnest($1::text[], $2::int[]) AS twin (id, partition) GROUP BY id
) AS mine
WHERE o.id = mine.id AND o.due_at IS NOT NULL AND o.fingerprint = ANY($3::text[])
  AND NOT (mine.partitions <@ o.reply_partitions)
"""

_STATES = """
SELECT o.id, o.made_by, o.state, o.resource_id, o.status, o.result, o.problem, o.fingerprint, o.provider_ms
FROM operation_ids i JOIN operations o ON o.id = i.operation_id AND o.created_at = i.created_at
WHERE i.operation_id = ANY($1::text[])
"""


class Replies:
    def __init__(self, pool: Pool, producer: Producer) -> None:
        self._pool = pool
        self._producer = producer

    async def send(self, replies: Iterable[tuple[int, Reply]]) -> None:
        """To the partitions given, without waiting for the broker."""
        for partition, reply in replies:
            await self._producer.send_hint(
                topics.REPLIES, reply.to_bytes(), key=reply.operation_id, partition=partition
            )

    async def answer_repeats(self, repeated: list[Received]) -> None:
        """A repeat gets the operation's present state, or joins those who wait for its end; never silence.

        Joining first and reading after means that an operation which ends in between is answered by one of the two.
        """
        asked = [received for received in repeated if received.reply_partition is not None]
        if not asked:
            return
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                _JOIN,
                [received.command.operation_id for received in asked],
                [received.reply_partition for received in asked],
                [received.command.fingerprint for received in asked],
            )
            rows = await connection.fetch(_STATES, [received.command.operation_id for received in asked])
        states = {row["id"]: row for row in rows}
        await self.send(
            (received.reply_partition, reply)
            for received in asked
            if received.reply_partition is not None
            and (reply := _reply_to(received, states.get(received.command.operation_id))) is not None
        )


def _reply_to(received: Received, row: Any) -> Reply | None:
    if row is None:
        return None
    if row["fingerprint"] != received.command.fingerprint:
        return Reply(
            operation_id=row["id"],
            made_by=row["made_by"],
            state=row["state"],
            resource_id=row["resource_id"],
            status=422,
            mismatch=True,
            fingerprint=row["fingerprint"],  # a twin that waits for the real answer sees that this is not for it
        )
    if row["state"] not in ("succeeded", "failed", "canceled", "unknown"):
        return None
    return Reply(
        operation_id=row["id"],
        made_by=row["made_by"],
        state=row["state"],
        fingerprint=row["fingerprint"],
        resource_id=row["resource_id"],
        status=row["status"] or 202,
        result=row["result"],
        problem=Problem.model_validate(row["problem"]) if row["problem"] else None,
        provider_ms=row["provider_ms"],
    )
