"""How many streams may be open at once: of a key, of a tenant, in all. Pure."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from onerouter_common.errors import Overloaded, RateLimited
from onerouter_common.registry_client import Principal

_RETRY_AFTER_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Each of this process."""

    of_key: int = 10
    of_tenant: int = 50
    in_all: int = 1_000


class Places:
    def __init__(self, limits: StreamLimits, noun: str = "event streams") -> None:
        self._limits = limits
        self._noun = noun
        self._taken: Counter[Hashable] = Counter()
        self.open = 0

    def take(self, principal: Principal) -> Callable[[], None]:
        """Gives the place back, once. Raises RateLimited (too many of one's own) or Overloaded (of everybody's)."""
        bounds: tuple[tuple[Hashable, int, str], ...] = (
            (("key", principal.family), self._limits.of_key, "API key"),
            (("tenant", principal.tenant_id), self._limits.of_tenant, "account"),
        )
        for whose, most, name in bounds:
            if self._taken[whose] >= most:
                raise RateLimited(
                    f"This {name} has {most} {self._noun} open; close one first.", retry_after_s=_RETRY_AFTER_S
                )
        if self.open >= self._limits.in_all:
            raise Overloaded(f"There are too many {self._noun} here. Try again.", retry_after_s=_RETRY_AFTER_S)
        held = [whose for whose, _, _ in bounds]
        self._taken.update(held)
        self.open += 1

        def give_back() -> None:
            nonlocal held
            for whose in held:
                self._taken[whose] -= 1
                if not self._taken[whose]:
                    del self._taken[whose]
            self.open -= bool(held)
            held = []

        return give_back
