"""This instance's partition of the reply topic: read from the end, without a group, so nothing ever rebalances."""

import asyncio
import contextlib
import random
from typing import Any, Final, Self

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from pydantic import ValidationError

from onerouter_common import kafka_clients
from onerouter_common import metric_names as metrics
from onerouter_common.contracts.replies import Reply
from onerouter_common.contracts.topics import REPLIES, TOPICS
from onerouter_gateway.commands.pending import Pending

log = structlog.get_logger()

_ANSWER_S: Final = 5.0
"""Longest the broker may take to answer before it counts as away."""
_CHECK_S: Final = 2.0
"""How often the broker is asked whether it still knows us: aiokafka retries a lost one silently and for ever."""
_REBUILD_WAIT_S: Final = 0.3
_PARTITIONS: Final = next(topic.partitions for topic in TOPICS if topic.name == REPLIES)


class _Lost(Exception):
    """The partition is shorter than what was read: the position means nothing any more."""


class _Stalled(Exception):
    """Records that were there a check ago have not been delivered, nor any other since."""


class ReplyListener:
    """Hands replies to who waits. Ready once its position is known: nothing may be published before that.

    A consumer that fails is replaced and goes on where the last one stood, so replies sent meanwhile are still read.
    """

    def __init__(self, bootstrap_servers: str, pending: Pending, *, partition: int | None = None) -> None:
        self.partition = partition % _PARTITIONS if partition is not None else random.randrange(_PARTITIONS)  # noqa: S311
        self._bootstrap_servers = bootstrap_servers
        self._pending = pending
        self._topic_partition = TopicPartition(REPLIES, self.partition)
        self._next_offset: int | None = None
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        return self._ready.is_set()

    async def wait_ready(self, timeout_s: float) -> bool:
        """Whether it became ready in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            return False
        return True

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._supervise(), name="reply-listener")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _supervise(self) -> None:
        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap_servers,
                client_id=f"onerouter-gateway-replies-{self.partition}",
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                fetch_max_wait_ms=500,
                request_timeout_ms=int(_ANSWER_S * 1000),
                retry_backoff_ms=50,
            )
            try:
                await self._read(consumer)
            except* (_Lost, OffsetOutOfRangeError, NoOffsetForPartitionError):
                self._next_offset = None
                log.warning("replies.position.lost", partition=self.partition)
            except* (_Stalled, KafkaError, TimeoutError, OSError) as errors:
                names = sorted({type(error).__name__ for error in errors.exceptions})
                log.warning("replies.consumer.lost", partition=self.partition, errors=names)
            except* Exception:
                log.exception("replies.consumer.failed", partition=self.partition)
            finally:
                self._ready.clear()
                await kafka_clients.stop(consumer)
            metrics.LOOP_RESTARTS.labels("gateway-replies").inc()
            await asyncio.sleep(_REBUILD_WAIT_S)

    async def _read(self, consumer: Any) -> None:
        """Returns only by raising."""
        await kafka_clients.start(consumer, timeout_s=_ANSWER_S)
        consumer.assign([self._topic_partition])
        end = await self._end(consumer)
        if self._next_offset is None or self._next_offset > end:
            self._next_offset = end
        consumer.seek(self._topic_partition, self._next_offset)
        self._ready.set()
        log.info("replies.ready", partition=self.partition, offset=self._next_offset)
        async with asyncio.TaskGroup() as group:
            # In the same group: when one of them raises the other is cancelled and both are started anew.
            group.create_task(self._deliver_all(consumer))
            group.create_task(self._watch(consumer))

    async def _deliver_all(self, consumer: Any) -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                for record in records:
                    self._deliver(record.key, record.value)
                self._next_offset = records[-1].offset + 1

    async def _watch(self, consumer: Any) -> None:
        """Raises _Lost, _Stalled, KafkaError or TimeoutError when the consumer is of no use any more."""
        seen_end, seen_next = -1, -1
        while True:
            await asyncio.sleep(_CHECK_S)
            end, at = await self._end(consumer), self._next_offset or 0
            if end < at:
                raise _Lost
            if at == seen_next < seen_end:
                raise _Stalled
            seen_end, seen_next = end, at

    async def _end(self, consumer: Any) -> int:
        ends = await kafka_clients.bounded(consumer.end_offsets([self._topic_partition]), _ANSWER_S)
        return int(ends[self._topic_partition])

    def _deliver(self, key: bytes | None, value: bytes | None) -> None:
        if key is not None and not self._pending.is_waiting(key.decode("utf-8", "replace")):
            metrics.GATEWAY_REPLIES.labels("nobody waits").inc()
            return
        try:
            reply = Reply.model_validate_json(value or b"")
        except ValidationError:
            metrics.GATEWAY_REPLIES.labels("undecodable").inc()
            log.warning("replies.undecodable", partition=self.partition)
            return
        delivered = self._pending.deliver(reply)
        metrics.GATEWAY_REPLIES.labels("delivered" if delivered else "nobody waits").inc()
