"""What tenants configured has changed: `registry.changes.v1`, read by every process that caches what the registry said."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Final, Self

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from onerouter_common import kafka_clients, metric_names
from onerouter_common.contracts.registry import HEARTBEAT_KEY, HEARTBEAT_S, RegistryChange
from onerouter_common.contracts.topics import REGISTRY_CHANGES, TOPICS

log = structlog.get_logger()

_REBUILD_WAIT_S: Final = 0.5
_SILENT_S: Final = 3 * HEARTBEAT_S
"""Without a heartbeat for so long nobody publishes changes, or they do not reach us."""
_PARTITIONS: Final = next(topic.partitions for topic in TOPICS if topic.name == REGISTRY_CHANGES)


class _Stalled(Exception):
    """Changes that were there a check ago have not been delivered, nor any other since."""


class _Lost(Exception):
    """The position means nothing any more: the log is shorter than what we have read."""


class ChangeFeed:
    """Reads every change from the moment it is entered; no consumer group, so each process sees all of them.

    `on_change` is told of one change. `on_gap` means that changes may have been missed: drop everything. It is called when
    the broker is lost (noticed within about 8 s on a quiet feed) and again when reading goes on. Both must not block.
    An answer that was asked for before a change or gap may be older than it: do not cache it when either came meanwhile.
    While `is_live` is false nothing tells of a revoked key: keep what is cached meanwhile for a moment only. A feed that
    was silent for a while and goes on has missed nothing, so that is no gap.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        on_change: Callable[[RegistryChange], None],
        on_gap: Callable[[], None],
        *,
        check_s: float = 3.0,
        answer_s: float = 5.0,
    ) -> None:
        """Every `check_s` the broker is asked whether it still knows us; it is away when it takes over `answer_s`."""
        self._bootstrap_servers = bootstrap_servers
        self._on_change = on_change
        self._on_gap = on_gap
        self._check_s = check_s
        self._answer_s = answer_s
        self._reading = asyncio.Event()
        self._heartbeat_at = -_SILENT_S
        self._task: asyncio.Task[None] | None = None

    @property
    def is_live(self) -> bool:
        """A registry publishes changes and we read them: whatever is changed now is seen within a second."""
        return self.is_reading and time.monotonic() - self._heartbeat_at < _SILENT_S

    @property
    def is_reading(self) -> bool:
        """Positioned at the end of the topic: every change that is published from now on is seen, if late."""
        return self._reading.is_set()

    async def wait_reading(self, timeout_s: float) -> bool:
        """Whether it began to read in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._reading.wait()
        except TimeoutError:
            return False
        return True

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._supervise(), name="registry-change-feed")
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
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                fetch_max_wait_ms=1_000,
                request_timeout_ms=int(self._answer_s * 1000),
                retry_backoff_ms=50,
            )
            try:
                await self._read(consumer)
            except (KafkaError, TimeoutError, OSError, _Lost, _Stalled) as error:
                log.warning("registry.changes.lost", error=type(error).__name__)
            except Exception:
                # A feed that ends unseen would leave revoked keys working: say it loudly and go on.
                log.exception("registry.changes.failed")
                metric_names.LOOP_RESTARTS.labels("registry-changes").inc()
            finally:
                if self._reading.is_set():
                    self._reading.clear()
                    self._heartbeat_at = -_SILENT_S
                    self._on_gap()
                await kafka_clients.stop(consumer)
            await asyncio.sleep(_REBUILD_WAIT_S)

    async def _read(self, consumer: Any) -> None:
        """Returns only by raising."""
        await kafka_clients.start(consumer, timeout_s=self._answer_s)
        partitions = [TopicPartition(REGISTRY_CHANGES, number) for number in range(_PARTITIONS)]
        consumer.assign(partitions)
        ends = await self._end_offsets(consumer, partitions)
        for partition in partitions:
            consumer.seek(partition, ends[partition])
        # What was cached before this moment may miss a change that was published before it.
        self._on_gap()
        self._reading.set()
        log.info("registry.changes.reading")
        loop = asyncio.get_running_loop()
        check_at = loop.time() + self._check_s
        seen: dict[TopicPartition, tuple[int, int]] = {}
        while True:
            for records in (await consumer.getmany(timeout_ms=int(min(1.0, self._check_s) * 1000))).values():
                for record in records:
                    self._deliver(record.key, record.value)
            if loop.time() >= check_at:
                seen = await self._check(consumer, partitions, seen)
                check_at = loop.time() + self._check_s

    def _deliver(self, key: bytes | None, value: bytes | None) -> None:
        if value is None:
            if key == HEARTBEAT_KEY.encode():
                self._heartbeat_at = time.monotonic()
            return
        try:
            change = RegistryChange.model_validate_json(value)
        except ValidationError:
            # A newer registry speaks of something we do not know: assume that it concerns all we hold.
            log.warning("registry.changes.undecodable")
            self._on_gap()
            return
        self._on_change(change)

    async def _check(
        self, consumer: Any, partitions: list[TopicPartition], seen: dict[TopicPartition, tuple[int, int]]
    ) -> dict[TopicPartition, tuple[int, int]]:
        """aiokafka retries a lost broker silently and for ever; this finds out.

        `seen` is what the last check returned: end and position by partition. Raises KafkaError, TimeoutError, _Lost and
        _Stalled.
        """
        ends = await self._end_offsets(consumer, partitions)
        now: dict[TopicPartition, tuple[int, int]] = {}
        for partition in partitions:
            end, at = ends[partition], await kafka_clients.bounded(consumer.position(partition), self._answer_s)
            end_before, at_before = seen.get(partition, (at, at))
            if end < at:
                raise _Lost
            if at == at_before < end_before:
                raise _Stalled
            now[partition] = (end, at)
        return now

    async def _end_offsets(self, consumer: Any, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        ends: dict[TopicPartition, int] = await kafka_clients.bounded(consumer.end_offsets(partitions), self._answer_s)
        return ends
