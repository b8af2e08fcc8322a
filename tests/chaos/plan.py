"""What goes wrong and when, all from one seed: the same seed gives the same schedule."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

VICTIMS: Final = ("payments", "payments-2", "gateway", "gateway-2", "webhooks", "webhooks-2")
PAYMENTS: Final = 320
ARRIVALS_S: Final = 80.0
"""New payments arrive over this time, so that each kill falls among operations in every stage."""
_LONGEST_S: Final = 170.0
_BROKER_AT_S: Final = (22.0, 32.0)
_POSTGRES_AT_S: Final = (45.0, 58.0)


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL for one process, so many seconds after the first payment."""

    at_s: float
    victim: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """One customer's story: paid at once or at the second try, captured by us or not, refunded in so many parts."""

    number: int
    at_s: float
    amount_minor: int
    manual_capture: bool
    fails_first: bool
    refunds_minor: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    kills: Sequence[Kill]
    broker_at_s: float
    postgres_at_s: float
    purchases: Sequence[Purchase]
    faults: Sequence[dict[str, object]]

    @classmethod
    def of(cls, seed: int) -> "Plan":
        """Pure: nothing but the seed decides."""
        rng = random.Random(seed)
        return cls(
            seed=seed,
            kills=_kills(random.Random(rng.random())),
            broker_at_s=rng.uniform(*_BROKER_AT_S),
            postgres_at_s=rng.uniform(*_POSTGRES_AT_S),
            purchases=_purchases(random.Random(rng.random())),
            faults=_faults(rng.randrange(2**31)),
        )

    @property
    def operations(self) -> int:
        """Payments, captures and refunds that are asked for."""
        return sum(1 + one.manual_capture + len(one.refunds_minor) for one in self.purchases)


def _kills(rng: random.Random) -> list[Kill]:
    kills: list[Kill] = []
    at_s = 2.0
    while at_s < _LONGEST_S:
        kills.append(Kill(at_s, rng.choice(VICTIMS)))
        at_s += rng.uniform(1.0, 3.0)
    return kills


def _purchases(rng: random.Random) -> list[Purchase]:
    arrivals = sorted(rng.uniform(0, ARRIVALS_S) for _ in range(PAYMENTS))
    return [_purchase(number, at_s, rng) for number, at_s in enumerate(arrivals)]


def _purchase(number: int, at_s: float, rng: random.Random) -> Purchase:
    amount = rng.randrange(10_000, 500_000)
    kind = rng.random()
    refunds: tuple[int, ...] = ()
    if kind < 0.45:
        refunds = (amount,)
    elif kind < 0.75:
        part = rng.randrange(1_000, amount - 1_000)
        refunds = (part, amount - part)
    return Purchase(number, at_s, amount, rng.random() < 0.1, rng.random() < 0.1, refunds)


def _faults(seed: int) -> list[dict[str, object]]:
    """The provider at its worst. Shares as the issue of this suite names them; callbacks misbehave, too."""
    wire: list[dict[str, object]] = [
        {"kind": "timeout_after_effect", "probability": 0.01, "hold_s": 20},
        {"kind": "error_5xx", "probability": 0.02, "status": 502},
        {"kind": "slow", "probability": 0.05, "delay_s": 1.0},
    ]
    callbacks: list[dict[str, object]] = [
        {"kind": "duplicate_callback", "probability": 0.05},
        {"kind": "late_callback", "probability": 0.05, "delay_s": 2.0},
        {"kind": "reordered_callbacks", "probability": 0.05, "delay_s": 1.0},
    ]
    return [{**fault, "provider": "razorpay", "seed": seed + number} for number, fault in enumerate(wire + callbacks)]
