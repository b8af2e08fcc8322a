"""Where objects of one kind stand: by id, by account in order of creation, saved as they change."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.razorpay.account import Account
from onerouter_sandbox.razorpay.errors import no_such_id

NAME: Final = "razorpay"


class Slotted:
    """Base of the dataclasses that are kept: their slots are what is written down."""

    __slots__: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


class Kept(Protocol):
    """`account` is the key id of the account that owns the object."""

    @property
    def id(self) -> str: ...

    @property
    def account(self) -> str: ...

    @property
    def created_at(self) -> int: ...

    def record(self) -> dict[str, Any]: ...


T = TypeVar("T", bound=Kept)


class Shelf(Generic[T]):
    """Objects belong to an account; another account's ids do not exist for it."""

    def __init__(self, journal: Journal, kind: str, restore: Callable[..., T]) -> None:
        self._journal = journal
        self._kind = kind
        self._things: dict[str, T] = {}
        self._of: defaultdict[str, list[str]] = defaultdict(list)
        for saved in journal.load(NAME, kind):
            self._stand(restore(**saved))

    def add(self, thing: T) -> None:
        self._stand(thing)
        self.changed(thing)

    def changed(self, thing: T) -> None:
        """Have it saved, if anything is."""
        self._journal.mark(NAME, self._kind, thing.id, thing)

    def remove(self, thing: T) -> None:
        del self._things[thing.id]
        self._of[thing.account].remove(thing.id)
        self._journal.drop(NAME, self._kind, thing.id)

    def get(self, thing_id: str) -> T | None:
        """Whoever owns it: for control routes and pages."""
        return self._things.get(thing_id)

    def __getitem__(self, thing_id: str) -> T:
        return self._things[thing_id]

    def __iter__(self) -> Iterator[T]:
        """All of them, oldest first."""
        return iter(self._things.values())

    def owned(self, account: Account, thing_id: str) -> T:
        """Raises `Refused` when it does not exist for this account."""
        thing = self._things.get(thing_id)
        if thing is None or thing.account != account.key_id:
            raise no_such_id()
        return thing

    def ids_of(self, key_id: str) -> Sequence[str]:
        """The account's, oldest first."""
        return self._of.get(key_id, ())

    def _stand(self, thing: T) -> None:
        self._things[thing.id] = thing
        self._of[thing.account].append(thing.id)
