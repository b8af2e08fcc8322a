"""The connections a batch needs that are not at hand, opened side by side.

A cold one may have to ask the registry and a key service. One after the other, a hundred of them would cost their waits
a hundred times over, and a key service that hangs would cost the consumer its partitions.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from onerouter_common.errors import CredentialsUnreadable, Overloaded, ServiceNotConfigured
from onerouter_common.worker.choice import Choice, Routed, instead_of
from onerouter_common.worker.handler import Connection, Connections, ConnectionUnusable, Operation

log = structlog.get_logger()

AT_ONCE: Final = 32
BEGUN_WITHIN_S: Final = 10.0
"""After this no other is begun for the batch: what is left waits, and is opened for the next one."""


class Openings:
    """Of one batch. Each connection is asked for once, whoever needs it."""

    def __init__(self, connections: Connections, *, begun_within_s: float = BEGUN_WITHIN_S) -> None:
        self._connections = connections
        self._room = asyncio.Semaphore(AT_ONCE)
        self._until = asyncio.get_running_loop().time() + begun_within_s
        self._asked: dict[tuple[str, str, str, str], asyncio.Task[Connection | None]] = {}
        self._away: set[str] = set()
        """Environments whose connections cannot be opened now: each has its own keyring."""

    async def get(self, op: Operation, connection_id: str) -> Connection | None:
        """As `Connections.get`. Raises Overloaded also when another of this environment met who is away."""
        key = (op.tenant_id, op.environment, op.category, connection_id)
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._open(*key), name="open-connection")
        return await task

    async def _open(self, tenant_id: str, environment: str, category: str, connection_id: str) -> Connection | None:
        async with self._room:
            if environment in self._away or asyncio.get_running_loop().time() >= self._until:
                raise Overloaded("Connections cannot be opened right now.")
            try:
                return await self._connections.get(tenant_id, environment, category, connection_id)
            except ConnectionUnusable:
                raise  # says nothing about others
            except Overloaded:
                # Those under way are waited for, no other is begun: the batch pays for one time-out.
                self._give_up(environment)
                raise

    def _give_up(self, environment: str) -> None:
        if environment not in self._away:
            self._away.add(environment)
            log.warning("routing.connections.given_up", environment=environment)


async def open_all(choices: Sequence[Choice], connections: Connections) -> dict[str, Routed | None]:
    """By operation id, as `Router.routes`."""
    openings = Openings(connections)
    async with asyncio.TaskGroup() as group:
        opening = {choice.op.id: group.create_task(_open(choice, openings)) for choice in choices}
    return {id: task.result() for id, task in opening.items()}


async def _open(choice: Choice, openings: Openings) -> Routed | None:
    try:
        opens = _only if choice.decision is None else _first_that_opens
        return choice.taken(await opens(choice, openings))
    except Exception as error:
        return instead_of(choice.op, error)


async def _only(choice: Choice, openings: Openings) -> Connection:
    """Raises ServiceNotConfigured when it is gone, and as `Connections.get`."""
    connection = await openings.get(choice.op, choice.turns[0])
    if connection is None:
        raise ServiceNotConfigured("The provider connection that this operation needs was removed.")
    return connection


async def _first_that_opens(choice: Choice, openings: Openings) -> Connection:
    """Raises Overloaded when none does, or CredentialsUnreadable when that is why for each."""
    unreadable: list[CredentialsUnreadable] = []
    for connection_id in choice.turns:
        try:
            connection = await openings.get(choice.op, connection_id)
        except CredentialsUnreadable as error:
            unreadable.append(error)
            continue
        except ConnectionUnusable:
            continue
        if connection is not None:
            return connection
    if len(unreadable) == len(choice.turns):
        raise unreadable[0]
    # What may pass by itself outweighs what only the tenant can mend: the operation waits.
    raise Overloaded("No connection can be used right now.")
