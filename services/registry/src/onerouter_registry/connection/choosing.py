"""Which of a tenant's connections to a provider a request means."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.errors import Conflict, NotFound
from onerouter_common.ids import CONNECTION, is_id
from onerouter_registry.connection import repository
from onerouter_registry.connection.model import Connection


@dataclass(frozen=True, slots=True)
class Choice:
    """By id (a disconnected one too), by label, or the only one there is."""

    category: str
    provider: str
    connection_id: str | None = None
    label: str | None = None


async def choose(tx: AsyncConnection, environment: str, choice: Choice) -> Connection:
    """Raises NotFound, and Conflict (SEVERAL_CONNECTIONS) that names the labels."""
    place, label = (choice.category, choice.provider), choice.label
    if choice.connection_id is not None:
        found = await repository.find(tx, choice.connection_id) if is_id(CONNECTION, choice.connection_id) else None
        candidates = [found] if found and (found.category, found.provider) == place else []
    else:
        candidates = await repository.list_all(tx, *place)
    matching = [one for one in candidates if label in (None, one.label)]
    if not matching:
        which = f" labelled '{label}'" if label is not None else ""
        raise NotFound(f"There is no such connection to {choice.provider}{which} in the {environment} environment.")
    if len(matching) > 1:
        labels = ", ".join(f"'{one.label}'" for one in matching)
        raise Conflict(
            f"There are several connections to {choice.provider}: say which one by label ({labels}) or connection_id.",
            code="SEVERAL_CONNECTIONS",
        )
    return matching[0]
