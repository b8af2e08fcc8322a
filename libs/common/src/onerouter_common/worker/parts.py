"""A category with several kinds of resources: each in a store of its own, told apart by its id. The heart sees one store."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Part(Protocol):
    """The store of one kind of resource (`onerouter_common.worker.handler.Store`)."""

    async def load(self, connection: Any, keys: Sequence[str], *, lock: bool) -> dict[str, Any]: ...

    async def save(self, connection: Any, resources: Sequence[Any]) -> None: ...


class Parts:
    """`parts`: id prefix → store; several prefixes may share one. A resource's `id` is its ordering key."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._parts = parts

    async def load(self, connection: Any, keys: Sequence[str], *, lock: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for part, own in self._by_part([(key, key) for key in keys]):
            found |= await part.load(connection, own, lock=lock)
        return found

    async def save(self, connection: Any, resources: Sequence[Any]) -> None:
        for part, own in self._by_part([(resource.id, resource) for resource in resources]):
            await part.save(connection, own)

    def _by_part(self, items: Sequence[tuple[str, Any]]) -> list[tuple[Part, list[Any]]]:
        """In the order of the parts, always the same: two batches cannot wait for each other."""
        own: dict[int, list[Any]] = {}
        for id_, item in items:
            part = self._parts.get(id_.partition("_")[0])
            if part is not None:
                own.setdefault(id(part), []).append(item)
        parts = {id(part): part for part in self._parts.values()}
        return [(part, own[key]) for key, part in parts.items() if key in own]
