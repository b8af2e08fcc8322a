"""When to try again: exponential backoff with jitter, never before what the other side asked for."""

import random
from dataclasses import dataclass
from typing import Final

_MOST_DOUBLINGS: Final = 64
"""More than any `most_s` needs; without a bound the power overflows after some days of asking."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits of `first_s`, twice that, … up to `most_s`, each spread by ±`jitter`; given up after `give_up_after` tries."""

    first_s: float = 0.5
    most_s: float = 60.0
    jitter: float = 0.2
    give_up_after: int = 10

    def wait_s(self, failures: int, *, retry_after_s: float | None = None, rng: random.Random | None = None) -> float:
        """Seconds before the next try after `failures` failed ones (1, 2, …).

        `retry_after_s` is a floor: jitter then only adds, so that nobody is asked again before the time they named.
        """
        doublings = min(max(failures, 1) - 1, _MOST_DOUBLINGS)
        base: float = min(self.most_s, self.first_s * 2.0**doublings)
        spread = (rng or random).uniform(-self.jitter, self.jitter)
        wait = base * (1 + spread)
        if retry_after_s is not None:
            wait = max(wait, retry_after_s * (1 + abs(spread)))
        return wait

    def exhausted(self, failures: int) -> bool:
        return failures >= self.give_up_after
