"""What goes wrong and when, and who wants what, all from one seed: the same seed gives the same schedule."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

VICTIMS: Final = ("payments", "payments-2", "gateway", "gateway-2", "webhooks", "webhooks-2")
PROVIDERS: Final = ("razorpay", "paypal", "stripe")
ARRIVALS_S: Final = 70.0
"""New stories begin over this time, so that each kill falls among operations in every stage."""
_LONGEST_S: Final = 170.0
_BROKER_AT_S: Final = (22.0, 32.0)
_POSTGRES_AT_S: Final = (45.0, 58.0)


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL for one process, so many seconds after the first story began."""

    at_s: float
    victim: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Where and when somebody's story begins."""

    number: int
    at_s: float
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase(Begun):
    """Paid at once or at the second try, captured by us or not, then let go or refunded in so many parts."""

    amount_minor: int
    manual_capture: bool
    canceled: bool
    """In place of the capture."""
    on_page: bool
    """At Stripe's own page."""
    fails_first: bool
    refunds_minor: tuple[int, ...]

    @property
    def operations(self) -> int:
        return 1 + self.manual_capture + len(self.refunds_minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership(Begun):
    """A plan, a customer and a subscription that is agreed to, paused, resumed, moved to a second plan, and ended or not."""

    amount_minor: int
    ends: bool

    @property
    def operations(self) -> int:
        return 7 + self.ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Begun):
    """Paid by somebody, or canceled."""

    amount_minor: int
    canceled: bool

    @property
    def operations(self) -> int:
        return 1 + self.canceled


@dataclass(frozen=True, slots=True, kw_only=True)
class Keepsake(Begun):
    """A customer's method, kept and forgotten again or not."""

    forgotten: bool

    @property
    def operations(self) -> int:
        return 2 + self.forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale(Begun):
    """Two vendors, and a payment that is split between them and us."""

    parts_minor: tuple[int, int]
    fee_minor: int

    @property
    def operations(self) -> int:
        return 3


Story: TypeAlias = Purchase | Membership | Link | Keepsake | Sale


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    kills: Sequence[Kill]
    broker_at_s: Sequence[float]
    postgres_at_s: Sequence[float]
    stories: Sequence[Story]
    faults: Sequence[dict[str, object]]

    @classmethod
    def of(cls, seed: int) -> "Plan":
        """Pure: nothing but the seed decides."""
        rng = random.Random(seed)
        return cls(
            seed=seed,
            kills=_kills(random.Random(rng.random())),
            broker_at_s=[rng.uniform(*_BROKER_AT_S)],
            postgres_at_s=[rng.uniform(*_POSTGRES_AT_S)],
            stories=sorted(_stories(random.Random(rng.random())), key=lambda story: story.at_s),
            faults=list(_faults(rng.randrange(2**31))),
        )

    @property
    def operations(self) -> int:
        """What is asked for."""
        return sum(story.operations for story in self.stories)


def _kills(rng: random.Random) -> list[Kill]:
    kills: list[Kill] = []
    at_s = 2.0
    while at_s < _LONGEST_S:
        kills.append(Kill(at_s, rng.choice(VICTIMS)))
        at_s += rng.uniform(1.0, 3.0)
    return kills


def _stories(rng: random.Random) -> Iterator[Story]:
    """So many of each at each provider; what takes many steps begins early."""
    mix: tuple[tuple[Callable[[random.Random, Begun], Story], int, float], ...] = (
        (_purchase, 55, 1.0),
        (_membership, 6, 0.4),
        (_link, 9, 0.9),
        (_keepsake, 4, 0.8),
        (_sale, 4, 0.6),
    )
    number = 0
    for tell, times, share in mix:
        for provider in PROVIDERS:
            for _ in range(times):
                number += 1
                yield tell(rng, Begun(number=number, at_s=rng.uniform(0, ARRIVALS_S * share), provider=provider))


def _purchase(rng: random.Random, begun: Begun) -> Purchase:
    amount = rng.randrange(10_000, 500_000)
    manual_capture = rng.random() < 0.15
    canceled = manual_capture and begun.provider != "razorpay" and rng.random() < 0.5  # Razorpay has no void call
    kind = rng.random()
    refunds: tuple[int, ...] = ()
    if kind < 0.4 and not canceled:
        refunds = (amount,)
    elif kind < 0.65 and not canceled:
        part = rng.randrange(1_000, amount - 1_000)
        refunds = (part, amount - part)
    return Purchase(
        number=begun.number,
        at_s=begun.at_s,
        provider=begun.provider,
        amount_minor=amount,
        manual_capture=manual_capture,
        canceled=canceled,
        on_page=begun.provider == "stripe" and rng.random() < 0.3,
        fails_first=rng.random() < 0.1,
        refunds_minor=refunds,
    )


def _membership(rng: random.Random, begun: Begun) -> Membership:
    amount = rng.randrange(10_000, 100_000)
    return Membership(
        number=begun.number, at_s=begun.at_s, provider=begun.provider, amount_minor=amount, ends=rng.random() < 0.5
    )


def _link(rng: random.Random, begun: Begun) -> Link:
    amount = rng.randrange(10_000, 100_000)
    return Link(
        number=begun.number, at_s=begun.at_s, provider=begun.provider, amount_minor=amount, canceled=rng.random() < 0.5
    )


def _keepsake(rng: random.Random, begun: Begun) -> Keepsake:
    return Keepsake(number=begun.number, at_s=begun.at_s, provider=begun.provider, forgotten=rng.random() < 0.6)


def _sale(rng: random.Random, begun: Begun) -> Sale:
    first, second, fee = (rng.randrange(5_000, 50_000) for _ in range(3))
    return Sale(
        number=begun.number, at_s=begun.at_s, provider=begun.provider, parts_minor=(first, second), fee_minor=fee
    )


def _faults(seed: int) -> Iterator[dict[str, object]]:
    """Every provider at its worst. Shares as the issue of this suite names them; callbacks misbehave, too."""
    kinds: tuple[dict[str, object], ...] = (
        {"kind": "timeout_after_effect", "probability": 0.01, "hold_s": 20},
        {"kind": "error_5xx", "probability": 0.02, "status": 502},
        {"kind": "error_5xx", "probability": 0.005, "status": 503, "when": "after", "body": "html"},
        {"kind": "throttle_429", "probability": 0.01, "retry_after_s": 1},
        {"kind": "refuse_connection", "probability": 0.005},
        {"kind": "slow", "probability": 0.05, "delay_s": 1.0},
        {"kind": "duplicate_callback", "probability": 0.05},
        {"kind": "late_callback", "probability": 0.05, "delay_s": 2.0},
        {"kind": "reordered_callbacks", "probability": 0.05, "delay_s": 1.0},
    )
    for provider in PROVIDERS:
        for fault in kinds:
            seed += 1
            yield {**fault, "provider": provider, "seed": seed}
