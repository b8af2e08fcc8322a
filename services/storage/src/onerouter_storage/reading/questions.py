"""How many questions providers are asked at once for who waits, and which are not asked at all.

A provider that hangs keeps each question to its deadline. So that those of one provider do not take what all share, each has
so many places, and a connection a part of them; and a connection of which no answer comes is left alone for a moment, then
tried with a few. It is this process's own knowledge, and of reads alone: who cannot write may well be read.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from onerouter_common import metric_names as metrics
from onerouter_common.errors import (
    CallerError,
    CapabilityUnsupported,
    InvalidRequest,
    NotFound,
    OneRouterError,
    Overloaded,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)
from onerouter_common.worker.circuit.circuits import Circuits
from onerouter_common.worker.circuit.passing import CIRCUIT_OPEN
from onerouter_common.worker.circuit.rule import Gate, verdict_of
from onerouter_providers.connections import ProviderConnection
from onerouter_storage.reading.asking import asking
from onerouter_storage.room import Room

CATEGORY: Final = "storage_reads"
"""Of the circuits, in metrics and the log."""
_AT_ONCE: Final = 256
"""Of one provider: a quarter of the connections that the process has for all of them."""
_SHARE: Final = 8
"""A connection has so large a part of it."""
_WAIT_S: Final = 1.0
_FULL: Final = "Too much is being asked of this provider at once. Try again."
_OUR_OWN: Final = (Overloaded, CapabilityUnsupported, InvalidRequest)
"""Said by us, whatever the provider would say."""
_WORDS: Final = (
    (ProviderThrottled, "throttled"),
    (ProviderUnavailable, "unreachable"),
    (ProviderRefusedUs, "refused"),
    (NotFound, "absent"),
)


class Questions:
    """Those of one process."""

    def __init__(
        self, circuits: Circuits, *, timeout_s: float, at_once: int = _AT_ONCE, wait_s: float = _WAIT_S
    ) -> None:
        """`timeout_s`: of one, where the connection's own is longer. `wait_s`: for its place."""
        self.timeout_s = timeout_s
        self._circuits = circuits
        self._at_once = at_once
        self._wait_s = wait_s
        self._places: dict[str, Room] = {}

    @asynccontextmanager
    async def asking(
        self, connection: ProviderConnection, capability: str, *, within_s: float | None = None
    ) -> AsyncIterator[asyncio.Timeout]:
        """Gives its deadline. Raises ProviderUnavailable, Overloaded, CapabilityUnsupported."""
        timeout_s = self.timeout_s if within_s is None else within_s
        await self._let_through(connection)
        async with self._of(connection.provider).holding(connection.id, 1, within_s=self._wait_s):
            began_at, began = self._circuits.now(), time.perf_counter()
            try:
                async with asking(connection, capability, timeout_s=timeout_s) as limit:
                    yield limit
            except OneRouterError as error:
                self._tell(connection, capability, error, began_at, time.perf_counter() - began)
                raise
            self._tell(connection, capability, None, began_at, time.perf_counter() - began)

    def _of(self, provider: str) -> Room:
        if provider not in self._places:
            self._places[provider] = Room(self._at_once, largest=1, name="questions", full=_FULL, share=_SHARE)
        return self._places[provider]

    async def _let_through(self, connection: ProviderConnection) -> None:
        gate = self._circuits.gate(connection.id)
        if gate is Gate.CLOSED:
            return
        if gate is Gate.DUE and (await self._circuits.permits({connection.id: 1}))[connection.id]:
            return
        metrics.CIRCUIT_KEPT.labels(CATEGORY, connection.provider, "refused").inc()
        raise ProviderUnavailable(
            f"{connection.provider} has not been answering for this bucket, so it was not asked; try again in a moment.",
            provider=connection.provider,
            reason=CIRCUIT_OPEN,
            retry_after_s=max(1.0, self._circuits.wait_s(connection.id)),
        )

    def _tell(
        self,
        connection: ProviderConnection,
        capability: str,
        error: OneRouterError | None,
        began_at: float,
        duration_s: float,
    ) -> None:
        if isinstance(error, _OUR_OWN):
            return
        metrics.PROVIDER_CALLS.labels(connection.provider, capability, _word(error)).inc()
        metrics.PROVIDER_SECONDS.labels(connection.provider, capability).observe(duration_s)
        wait_s = (error.retry_after_s if error is not None else None) or 0.0
        # That there is none, or none like this, is an answer.
        said = None if isinstance(error, CallerError) else error
        verdict = verdict_of(said, is_lookup=False)
        if verdict is not None:
            self._circuits.observe(
                connection.id, connection.provider, verdict, began_at=began_at, asked_to_wait_s=wait_s
            )


def _word(error: OneRouterError | None) -> str:
    """As of the worker's calls."""
    if error is None:
        return "succeeded"
    return next((word for kind, word in _WORDS if isinstance(error, kind)), "declined")
