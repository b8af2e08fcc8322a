"""Whether an address is on the list, asked by every message before it is sent. Many ask at the same time: together."""

from collections.abc import Collection, Sequence
from typing import Final

from onerouter_common.db.availability import is_away
from onerouter_common.db.engine import Pool
from onerouter_common.errors import Overloaded
from onerouter_messaging.gathering import Gathering
from onerouter_messaging.suppression import repository
from onerouter_messaging.suppression.repository import Asked

_MOST: Final = 2_000


class SuppressionCheck:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._gathering: Gathering[list[Asked], set[Asked]] = Gathering(
            self._answer, most=_MOST, size=len, name="suppression-check"
        )

    async def on_list(self, tenant_id: str, environment: str, channel: str, addresses: Collection[str]) -> set[str]:
        """Which of these normalized addresses must not be sent to. Raises Overloaded when it cannot be told now."""
        asked = [(tenant_id, environment, channel, address) for address in addresses]
        return {address for *_, address in await self._gathering.ask(asked)} if asked else set()

    async def _answer(self, asked: Sequence[list[Asked]]) -> Sequence[set[Asked]]:
        try:
            found = await repository.on_list(self._pool, list({one for each in asked for one in each}))
        except Exception as error:
            raise (_away() if is_away(error) else error) from error
        return [found.intersection(each) for each in asked]


def _away() -> Overloaded:
    return Overloaded("The suppression list cannot be asked right now; nothing was sent.", retry_after_s=1.0)
