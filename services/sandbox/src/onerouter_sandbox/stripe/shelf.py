"""One kind of object in memory: by id, and by account in the order in which they were made."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from onerouter_sandbox.journal import Journal
from onerouter_sandbox.stripe.account import Account
from onerouter_sandbox.stripe.errors import invalid, no_such
from onerouter_sandbox.stripe.validation import Window


class Kept(Protocol):
    """`id` and the account it belongs to; `created` in seconds since 1970."""

    @property
    def id(self) -> str: ...

    @property
    def account(self) -> str: ...

    @property
    def created(self) -> int: ...

    def record(self) -> dict[str, Any]: ...


T = TypeVar("T", bound=Kept)


class Shelf(Generic[T]):
    """`kind` is the object's name in Stripe's words, for errors and the journal."""

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

    def find(self, thing_id: str | None) -> T | None:
        return self._things.get(thing_id or "")

    def __getitem__(self, thing_id: str) -> T:
        return self._things[thing_id]

    def __iter__(self) -> Iterator[T]:
        return iter(self._things.values())

    def owned(self, account: Account, thing_id: str, *, param: str) -> T:
        """Raises Refused when this account has none of this id; another account's do not exist for it."""
        thing = self._things.get(thing_id)
        if thing is None or thing.account != account.account_id:
            raise no_such(self._kind, thing_id, param=param)
        return thing

    def of(self, account_id: str) -> list[T]:
        """Oldest first."""
        return [self._things[thing_id] for thing_id in self._ids.get(account_id, ())]

    def page(
        self, account: Account, window: Window, fits: Callable[[T], bool] = lambda _: True
    ) -> tuple[list[T], bool]:
        return page(self._ids.get(account.account_id, ()), self._things.__getitem__, window, fits)

    def _put(self, thing: T) -> None:
        self._things[thing.id] = thing
        self._ids[thing.account].append(thing.id)


def page(
    ids: Sequence[str], get: Callable[[str], T], window: Window, fits: Callable[[T], bool]
) -> tuple[list[T], bool]:
    """Newest first, and whether there are more. Walks only as far as the page needs, as an account may have many."""
    found: list[T] = []
    started = window.after is None
    for thing_id in reversed(ids):
        thing = get(thing_id)
        if not started:
            started = thing_id == window.after
            continue
        if window.last_at is not None and thing.created > window.last_at:
            continue
        if window.first_at is not None and thing.created < window.first_at:
            break  # ids are in the order of creation
        if fits(thing):
            if len(found) == window.limit:
                return found, True
            found.append(thing)
    if not started:
        raise invalid(f"No such object: '{window.after}'", param="starting_after", code="resource_missing", status=404)
    return found, False
