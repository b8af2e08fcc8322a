"""Objects of one kind in memory: by id, and by account in the order in which they were made; saved as they change."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from onerouter_sandbox.journal import Journal


class Kept(Protocol):
    """`account`: the id of the account that owns it."""

    @property
    def id(self) -> str: ...

    @property
    def account(self) -> str: ...

    def record(self) -> dict[str, Any]: ...


class Slotted:
    """Base of the dataclasses that are kept: their slots are what is written down."""

    __slots__: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


T = TypeVar("T", bound=Kept)


class Shelf(Generic[T]):
    """Objects belong to an account; another account's ids do not exist for it."""

    def __init__(self, journal: Journal, provider: str, kind: str, restore: Callable[..., T]) -> None:
        self._journal = journal
        self._provider = provider
        self._kind = kind
        self._things: dict[str, T] = {}
        self._ids: defaultdict[str, list[str]] = defaultdict(list)
        for saved in journal.load(provider, kind):
            self._put(restore(**saved))

    def add(self, thing: T) -> None:
        self._put(thing)
        self.changed(thing)

    def changed(self, thing: T) -> None:
        """Have it saved, if anything is."""
        self._journal.mark(self._provider, self._kind, thing.id, thing)

    def find(self, thing_id: str) -> T | None:
        """Whoever owns it: for control routes."""
        return self._things.get(thing_id)

    def owned(self, account: str, thing_id: str) -> T | None:
        thing = self._things.get(thing_id)
        return thing if thing is not None and thing.account == account else None

    @property
    def accounts(self) -> Collection[str]:
        """Ids of the accounts that own anything here."""
        return self._ids.keys()

    def __iter__(self) -> Iterator[T]:
        """All of them, oldest first."""
        return iter(self._things.values())

    def newest(self, account: str, *, after: str | None = None) -> Iterator[T]:
        """An account's, newest first; `after`: those made before the one of this id (KeyError when there is none)."""
        ids: Sequence[str] = self._ids.get(account, ())
        end = len(ids)
        if after is not None:
            if self.owned(account, after) is None:
                raise KeyError(after)
            end = ids.index(after)
        return (self._things[ids[place]] for place in range(end - 1, -1, -1))

    def _put(self, thing: T) -> None:
        self._things[thing.id] = thing
        self._ids[thing.account].append(thing.id)
