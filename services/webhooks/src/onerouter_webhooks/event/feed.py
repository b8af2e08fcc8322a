"""Whose new events were just stored, as the database tells all processes at once."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import asyncpg
import structlog

log = structlog.get_logger()

CHANNEL: Final = "events"
_CONNECT_S: Final = 5.0
_ASK_EVERY_S: Final = 5.0


def address_of(tenant_id: str, environment: str) -> str:
    """What a notification says."""
    return f"{tenant_id}/{environment}"


class EventFeed:
    """Rings the bells of those who wait for a tenant's events. One connection a process, however many wait."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._bells: dict[str, set[asyncio.Event]] = {}
        self.is_live = False

    @contextmanager
    def listening(self, tenant_id: str, environment: str) -> Iterator[asyncio.Event]:
        """A bell of one's own, for the length of the block."""
        address, bell = address_of(tenant_id, environment), asyncio.Event()
        self._bells.setdefault(address, set()).add(bell)
        try:
            yield bell
        finally:
            bells = self._bells[address]
            bells.discard(bell)
            if not bells:
                del self._bells[address]

    async def run(self) -> None:
        """Loop: listen until the connection fails; then it raises, to be called again."""
        connection = await asyncpg.connect(
            self._dsn,
            timeout=_CONNECT_S,
            command_timeout=_CONNECT_S,
            server_settings={"application_name": "onerouter-webhooks-feed"},
        )
        try:
            await connection.add_listener(CHANNEL, self._heard)
            self.is_live = True
            self._ring_all()  # of what was stored before, nobody heard
            while True:
                await asyncio.sleep(_ASK_EVERY_S)
                await connection.fetchval("SELECT 1")
        finally:
            self.is_live = False
            connection.terminate()

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        for bell in self._bells.get(str(payload), ()):
            bell.set()

    def _ring_all(self) -> None:
        for bells in self._bells.values():
            for bell in bells:
                bell.set()
