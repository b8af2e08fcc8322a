"""Things of one kind, by id and by owner, saved with the journal."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.paypal.account import Account
from onerouter_sandbox.paypal.state import NAME


class Thing(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def account(self) -> str: ...

    def record(self) -> dict[str, Any]: ...


_T = TypeVar("_T", bound=Thing)


class Store(Generic[_T]):
    """`make` builds a thing of what `record` gave."""

    def __init__(self, journal: Journal, kind: str, make: Callable[..., _T]) -> None:
        self._journal = journal
        self._kind = kind
        self._things: dict[str, _T] = {}
        self._owned: defaultdict[str, dict[str, _T]] = defaultdict(dict)
        for saved in journal.load(NAME, kind):
            self._keep(make(**saved))

    def put(self, thing: _T) -> None:
        self._keep(thing)
        self.changed(thing)

    def changed(self, thing: _T) -> None:
        """Have it saved, if anything is."""
        self._journal.mark(NAME, self._kind, thing.id, thing)

    def drop(self, thing: _T) -> None:
        del self._things[thing.id], self._owned[thing.account][thing.id]
        self._journal.drop(NAME, self._kind, thing.id)

    def get(self, thing_id: str) -> _T | None:
        return self._things.get(thing_id)

    def owned(self, account: Account, thing_id: str) -> _T | None:
        """The thing, if it exists and belongs to this app."""
        return self._owned[account.client_id].get(thing_id)

    def of(self, account: Account) -> Iterable[_T]:
        """An app's things, oldest first."""
        return self._owned[account.client_id].values()

    def __iter__(self) -> Iterator[_T]:
        return iter(self._things.values())

    def _keep(self, thing: _T) -> None:
        self._things[thing.id] = thing
        self._owned[thing.account][thing.id] = thing
