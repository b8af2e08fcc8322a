"""The handlers' `Notes` (`message.composing`): durable before the wire call, and those of many calls in one statement."""

from collections.abc import Sequence
from typing import Final

from onerouter_common.db.availability import is_away
from onerouter_common.db.engine import Pool
from onerouter_common.errors import Overloaded
from onerouter_common.worker.handler import Operation
from onerouter_messaging.composition import repository
from onerouter_messaging.composition.repository import Entry
from onerouter_messaging.gathering import Gathering
from onerouter_messaging.message.noted import Noted

_MOST: Final = 256


class CompositionNotes:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._writing: Gathering[Entry, bool] = Gathering(self._write, most=_MOST, name="compositions")

    async def write(self, op: Operation, noted: Noted | None) -> None:
        if not await self._writing.ask(_entry(op, noted)):
            raise Overloaded("Another process has taken the operation over; nothing was sent.")

    async def read(self, op: Operation) -> Noted | None:
        try:
            is_newest, noted = await repository.read(self._pool, _entry(op, None))
        except Exception as error:
            raise (_away() if is_away(error) else error) from error
        if not is_newest:
            raise Overloaded("Another process has taken the operation over.")
        return noted

    async def _write(self, entries: Sequence[Entry]) -> Sequence[bool]:
        try:
            return await repository.write(self._pool, entries)
        except Exception as error:
            raise (_away() if is_away(error) else error) from error


def _entry(op: Operation, noted: Noted | None) -> Entry:
    return Entry(op.resource_id, op.tenant_id, op.environment, op.generation, noted)


def _away() -> Overloaded:
    return Overloaded("What is to be sent cannot be written down right now; nothing was sent.", retry_after_s=1.0)
