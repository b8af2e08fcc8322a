"""What one instance holds of one quota for one category and month. No I/O."""

from dataclasses import dataclass, field
from typing import Final

from onerouter_common.contracts.base import Category
from onerouter_common.registry_client import QuotaLease

ASK_AGAIN_S: Final = 0.5
"""After a refusal: how long the registry is left alone about this quota."""


@dataclass(frozen=True, slots=True)
class Allotment:
    """What a pot is for."""

    family: str
    """Of keys that were rotated into one another: the quota is theirs together."""
    category: Category
    month: str


@dataclass(slots=True, eq=False)
class Pot:
    allotment: Allotment
    quota: int
    """Most operations of the month, as the key said when the pot was made."""
    keys: set[str] = field(default_factory=set)
    """Ids of those that came to take from it."""
    left: int = 0
    """Lent to us and not spent."""
    owed: int = 0
    """Begun while the registry could not be asked: to be charged."""
    charging: int = 0
    """The same, in a question that was sent: charged, or about to be."""
    waiting: int = 0
    """Requests that wait for the next loan."""
    available: int | None = None
    """What the registry had left when it answered last; None: it has not yet."""
    lent: int = 0
    """Size of the last loan."""
    unlimited_until: float = 0.0
    """The registry knew of no such quota any more: the key's change is on its way to us. Believed for a moment."""
    closed: bool = False
    """The key changed: nothing is taken any more, what comes back goes to the registry."""
    ask_again_at: float = 0.0
    used_at: float = 0.0

    @property
    def is_low(self) -> bool:
        """Time to ask for more, before anybody has to wait. A loan of what was needed at once has no reserve to fill."""
        return self.lent > 1 and self.left <= self.lent // 4

    def may_owe_more(self, bound: int, units: int = 1) -> bool:
        """Never more than was left when the registry answered last, or the whole quota."""
        most = min(bound, self.quota if self.available is None else self.available)
        return self.owed + self.charging + units <= most

    def has_room(self, units: int, now: float) -> bool:
        """Whether so many are left, as far as was told."""
        return now < self.unlimited_until or self.left + (self.available or 0) >= units

    def take(self, now: float) -> bool:
        """Spend one, if there is one."""
        self.used_at = now
        if now < self.unlimited_until:
            return True
        if self.left == 0:
            return False
        self.left -= 1
        return True

    def charge(self) -> int:
        """What to charge with the next question."""
        self.charging, self.owed = self.owed, 0
        return self.charging

    def settle(self, lease: QuotaLease, now: float) -> None:
        """Note what the registry lent, and that it has charged what it was to."""
        self.charging = 0
        if lease.limit is None:
            self.unlimited_until, self.available = now + ASK_AGAIN_S, None
            self.lent, self.ask_again_at = 0, 0.0
            return
        paid = min(lease.granted, self.owed)  # begun unpaid while this loan was on its way
        self.owed -= paid
        self.left += lease.granted - paid
        self.lent, self.quota, self.available = lease.granted, lease.limit, lease.remaining
        self.unlimited_until = 0.0
        self.ask_again_at = now + ASK_AGAIN_S if lease.granted == 0 and lease.remaining == 0 else 0.0

    def give_back(self, now: float) -> None:
        """What was taken began nothing."""
        if self.owed > 0:
            self.owed -= 1
        elif self.charging or now >= self.unlimited_until:  # else it was of no loan
            self.left += 1

    def empty(self) -> tuple[int, int]:
        """Give up what is held: (to return, to charge)."""
        held = self.left, self.owed
        self.left = self.owed = 0
        return held
