"""The effect ledger: what really happened, for which reference.

A client under test may believe anything; this is what a real provider's books would show. Two entries under one
reference are an effect that happened twice.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from onerouter_sandbox.journal import Journal


class Effect(NamedTuple):
    """One thing that happened in the outside world; `amount` is in minor units, `at` in seconds since 1970."""

    seq: int
    provider: str
    account: str
    kind: str
    reference: str | None
    object_id: str
    amount: int
    currency: str
    at: float

    def record(self) -> dict[str, Any]:
        return self._asdict()


class Page(NamedTuple):
    effects: list[Effect]
    next_cursor: int | None


class Repeated(NamedTuple):
    """What should have happened once."""

    provider: str
    account: str
    kind: str
    reference: str


class Ledger:
    """Append-only, in memory, counted as it grows so that a summary never walks the entries."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._effects: list[Effect] = []
        self._by_reference: defaultdict[str, list[int]] = defaultdict(list)
        self._by_kind: Counter[tuple[str, str, str]] = Counter()
        self._by_key: Counter[Repeated] = Counter()
        self._repeated: dict[Repeated, None] = {}
        self._base = 0
        for saved in journal.load("sandbox", "effect"):
            self._add(Effect(**saved))

    def record(
        self,
        *,
        provider: str,
        account: str,
        kind: str,
        reference: str | None,
        object_id: str,
        amount: int,
        currency: str,
        at: float,
    ) -> Effect:
        """Write one effect down. Without a reference it is counted, but cannot be called repeated."""
        seq = self._effects[-1].seq + 1 if self._effects else self._base + 1
        effect = Effect(seq, provider, account, kind, reference, object_id, amount, currency, at)
        self._add(effect)
        self._journal.mark("sandbox", "effect", str(seq), effect)
        return effect

    def _add(self, effect: Effect) -> None:
        self._effects.append(effect)
        self._by_kind[effect.provider, effect.account, effect.kind] += 1
        if effect.reference is None:
            return
        self._by_reference[effect.reference].append(len(self._effects) - 1)
        key = Repeated(effect.provider, effect.account, effect.kind, effect.reference)
        self._by_key[key] += 1
        if self._by_key[key] == 2:
            self._repeated[key] = None

    def find(
        self,
        *,
        provider: str | None = None,
        account: str | None = None,
        kind: str | None = None,
        reference: str | None = None,
        cursor: int = 0,
        limit: int = 100,
    ) -> Page:
        """Effects after `cursor` (a `seq`), oldest first, at most `limit`; `next_cursor` is None at the end."""
        found: list[Effect] = []
        for effect in self._after(cursor, reference):
            if (
                (provider is None or effect.provider == provider)
                and (account is None or effect.account == account)
                and (kind is None or effect.kind == kind)
            ):
                if len(found) == limit:
                    return Page(found, found[-1].seq)
                found.append(effect)
        return Page(found, None)

    def _after(self, cursor: int, reference: str | None) -> Iterator[Effect]:
        if reference is not None:
            positions = self._by_reference.get(reference, [])
            return (self._effects[i] for i in positions if self._effects[i].seq > cursor)
        first = max(0, cursor - (self._effects[0].seq - 1)) if self._effects else 0
        return (self._effects[i] for i in range(first, len(self._effects)))

    def counts(self, account: str | None = None) -> dict[str, int]:
        """How many effects of each kind, of one account or of all."""
        counts: Counter[str] = Counter()
        for (_, owner, kind), count in self._by_kind.items():
            if account is None or owner == account:
                counts[kind] += count
        return dict(counts)

    def repeated(self, account: str | None = None) -> list[Repeated]:
        """References with more than one effect of the same kind at the same account: empty is what we want to see."""
        return [key for key in self._repeated if account is None or key.account == account]

    def describe(self, repeated: Repeated) -> dict[str, Any]:
        """With how often it happened, and the objects that came of it."""
        return {
            **repeated._asdict(),
            "count": self._by_key[repeated],
            "object_ids": self._object_ids(repeated),
        }

    def _object_ids(self, key: Repeated) -> list[str]:
        effects = (self._effects[i] for i in self._by_reference[key.reference])
        return [
            e.object_id for e in effects if (e.provider, e.account, e.kind) == (key.provider, key.account, key.kind)
        ]

    def clear(self) -> None:
        """Forget every effect; numbers go on, so that an old cursor shows nothing old as new."""
        self._base = self._effects[-1].seq if self._effects else self._base
        for effect in self._effects:
            self._journal.drop("sandbox", "effect", str(effect.seq))
        for counted in (self._effects, self._by_reference, self._by_kind, self._by_key, self._repeated):
            counted.clear()
