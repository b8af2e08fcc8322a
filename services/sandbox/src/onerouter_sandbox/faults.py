"""Faults on demand: which call goes wrong, how, and how often.

A fault names the calls it hits (provider, operation pattern, account) and either a number of times or a probability.
Probabilities are drawn from the fault's own seeded generator, so that one seed gives one sequence.
"""

import random
from collections.abc import Iterable
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from onerouter_sandbox.ids import random_id


class FaultKind(StrEnum):
    """What goes wrong."""

    TIMEOUT_BEFORE_EFFECT = "timeout_before_effect"  # nothing happens, no answer comes
    TIMEOUT_AFTER_EFFECT = "timeout_after_effect"  # it happens, no answer comes
    ERROR_5XX = "error_5xx"
    THROTTLE_429 = "throttle_429"
    SLOW = "slow"
    REFUSE_CONNECTION = "refuse_connection"  # the connection is cut without a byte
    DUPLICATE_CALLBACK = "duplicate_callback"
    LATE_CALLBACK = "late_callback"
    REORDERED_CALLBACKS = "reordered_callbacks"
    REFUND_PENDING = "refund_pending"  # processed only after delay_s
    REFUND_FAILED = "refund_failed"  # pending, then failed after delay_s


CALLBACK_KINDS: Final = frozenset(
    {FaultKind.DUPLICATE_CALLBACK, FaultKind.LATE_CALLBACK, FaultKind.REORDERED_CALLBACKS}
)
REFUND_KINDS: Final = frozenset({FaultKind.REFUND_PENDING, FaultKind.REFUND_FAILED})
WIRE_KINDS: Final = frozenset(FaultKind) - CALLBACK_KINDS - REFUND_KINDS


class FaultSpec(BaseModel):
    """One fault as asked for by `POST /control/faults`.

    `operation` is a shell pattern over the provider's operations (`orders.create`, `payments.*`), for callback faults
    over the provider's event names (`payment.captured`, `refund.*`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    provider: str = "*"
    operation: str = "*"
    key_id: str | None = Field(None, description="Only calls of this account.")
    times: int | None = Field(None, ge=1, description="Stop after this many hits; unset: never.")
    probability: float = Field(1.0, gt=0, le=1)
    seed: int | None = Field(None, description="Of this fault's own draws; unset: drawn once and shown.")
    when: Literal["before", "after"] | None = Field(
        None, description="Before or after the effect. Default: error_5xx before, slow after."
    )
    delay_s: float = Field(1.0, ge=0, le=3_600, description="For slow, late and reordered callbacks, refunds.")
    hold_s: float = Field(60.0, gt=0, le=600, description="For time-outs: cut the connection after this long.")
    status: Literal[500, 502, 503, 504] = 500
    body: Literal["json", "html"] = "json"
    retry_after_s: int = Field(1, ge=0, le=3_600)
    copies: int = Field(1, ge=1, le=20, description="For duplicate_callback: how many extra deliveries.")

    @property
    def before_effect(self) -> bool:
        return (self.when or ("after" if self.kind is FaultKind.SLOW else "before")) == "before"


class Fault:
    """A spec at work: its generator and its count of hits."""

    def __init__(self, spec: FaultSpec) -> None:
        self.id = random_id("fault_")
        self.spec = spec
        self.seed = spec.seed if spec.seed is not None else random.SystemRandom().randrange(2**32)
        self.hits = 0
        self._random = random.Random(self.seed)  # noqa: S311 - must be repeatable, not secret

    @property
    def spent(self) -> bool:
        return self.spec.times is not None and self.hits >= self.spec.times

    def strikes(self) -> bool:
        """Draw once, and count a hit."""
        if self.spent or (self.spec.probability < 1 and self._random.random() >= self.spec.probability):
            return False
        self.hits += 1
        return True

    def concerns(self, provider: str, operation: str, account: str) -> bool:
        spec = self.spec
        return (
            fnmatchcase(provider, spec.provider)
            and fnmatchcase(operation, spec.operation)
            and spec.key_id in (None, account)
        )


class Faults:
    """All faults, in the order in which they were asked for. The first that strikes a call is the one it gets."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._concerned: dict[tuple[frozenset[FaultKind], str, str, str], tuple[Fault, ...]] = {}

    def add(self, spec: FaultSpec) -> Fault:
        fault = Fault(spec)
        self._faults[fault.id] = fault
        self._concerned.clear()
        return fault

    def remove(self, fault_id: str) -> bool:
        """Whether there was such a fault."""
        self._concerned.clear()
        return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        self._faults.clear()
        self._concerned.clear()

    def all(self) -> Iterable[Fault]:
        return self._faults.values()

    def draw(self, kinds: frozenset[FaultKind], provider: str, operation: str, account: str) -> FaultSpec | None:
        """The fault that this call gets, if any."""
        if not self._faults:
            return None
        key = (kinds, provider, operation, account)
        concerned = self._concerned.get(key)
        if concerned is None:
            concerned = self._concerned[key] = tuple(
                fault
                for fault in self._faults.values()
                if fault.spec.kind in kinds and fault.concerns(provider, operation, account)
            )
        for fault in concerned:
            if fault.strikes():
                return fault.spec
        return None
