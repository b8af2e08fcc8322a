"""Reading a chain from its beginning and computing every hash again.

What the database alone cannot show is a chain cut off at its end together with its stored head: keep heads elsewhere (each
verification gives them) and hand them to the next one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_registry.audit import repository
from onerouter_registry.audit.chain import GENESIS, Entry, hash_of
from onerouter_registry.secret_key import derive_key
from onerouter_registry.transactions import operator_transaction

_PAGE: Final = 1_000
_BEFORE_ALL: Final = -(2**63)
"""Where nothing should be."""

Kind = Literal["missing", "altered", "truncated", "extended", "replaced"]


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: who knows it can tell later whether the chain still contains all that it did."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a chain is not what was recorded."""

    sequence: int
    kind: Kind
    detail: str


@dataclass(frozen=True, slots=True)
class Result:
    """`head` is the last entry that is as it was recorded."""

    chain: str
    head: Head
    problem: Break | None = None


class AuditVerification:
    def __init__(self, engine: AsyncEngine, secret: SecretStr) -> None:
        self._engine = engine
        self._key = derive_key(secret, "audit")

    async def chains(self, known: Mapping[str, Head] | None = None) -> list[str]:
        """Every chain there is, and those that were once known: one that is gone altogether is found so."""
        async with operator_transaction(self._engine) as tx:
            return sorted({*await repository.list_chains(tx), *(known or {})})

    async def verify(
        self, chain: str, *, known: Head | None = None, progress: Callable[[int, int], None] = lambda *_: None
    ) -> Result:
        """Read a chain, in pages, while it may grow. `progress` is told how many entries are read, and of how many."""
        reached = Head(0, GENESIS)
        while True:
            page, stored = await self._page(chain, reached.sequence or _BEFORE_ALL)
            for entry, entry_hash in page:
                problem = self._check(entry, entry_hash, reached)
                if problem is not None:
                    return Result(chain, reached, problem)
                reached = Head(entry.sequence, entry_hash)
                if known is not None and known.sequence == reached.sequence and known.hash != reached.hash:
                    return Result(chain, reached, _replaced(known))
            progress(reached.sequence, max(stored.sequence, reached.sequence))
            if len(page) < _PAGE:
                return Result(chain, reached, _check_end(reached, stored, known))

    async def _page(self, chain: str, above: int) -> tuple[list[tuple[Entry, str]], Head]:
        """The next entries, and the stored head at the same moment."""
        async with operator_transaction(self._engine) as tx:
            await repository.see_one_moment(tx)
            head = Head(*await repository.find_head(tx, chain))
            return await repository.list_above(tx, chain, above, _PAGE), head

    def _check(self, entry: Entry, stored: str, reached: Head) -> Break | None:
        expected = reached.sequence + 1
        if entry.sequence > expected:
            missing = str(expected) if entry.sequence == expected + 1 else f"{expected} to {entry.sequence - 1}"
            return Break(
                expected, "missing", f"Missing: {missing}; the next one there is {entry.sequence}, {entry.id}."
            )
        if entry.sequence < expected or hash_of(entry, reached.hash, self._key) != stored:
            how = "it was changed, put in, or moved from elsewhere"
            return Break(
                entry.sequence, "altered", f"Entry {entry.sequence}, {entry.id}, is not what was recorded there: {how}."
            )
        return None


def _check_end(reached: Head, stored: Head, known: Head | None) -> Break | None:
    if known is not None and known.sequence > reached.sequence:
        return _cut_off(reached, known.sequence, "the head that was given")
    if known is not None and known.sequence == 0 and known.hash != GENESIS:
        return _replaced(known)
    if stored.sequence > reached.sequence:
        return _cut_off(reached, stored.sequence, "the stored head")
    if stored.sequence < reached.sequence:
        return Break(
            stored.sequence + 1, "extended", f"The stored head is {stored.sequence}, but entries go on after it."
        )
    if stored.hash != reached.hash:
        return Break(reached.sequence, "replaced", "The stored head has another hash than the last entry.")
    return None


def _cut_off(reached: Head, sequence: int, says: str) -> Break:
    return Break(reached.sequence + 1, "truncated", f"Cut off after {reached.sequence}: {says} is {sequence}.")


def _replaced(known: Head) -> Break:
    return Break(known.sequence, "replaced", f"Entry {known.sequence} is valid, but not the one whose hash was given.")
