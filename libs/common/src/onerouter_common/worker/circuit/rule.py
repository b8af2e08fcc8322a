"""When a connection is left alone, and when it is tried again. Pure: a small state, what a call came to, and the time.

    closed (`Evidence`)  every call goes through
       │  failed so often in a row, or so large a share of them, or throttled for so long
       ▼
    open (`Open`)        none goes through until `until`
       │
       ▼
    half open            the same state past `until`: `probes` calls a round go through
       ├─ so many of them answered: closed, nothing is remembered
       └─ one failed: open again, twice as long

Times are seconds of one clock, whichever; all processes must mean the same.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, TypeAlias

from onerouter_common.errors import (
    OneRouterError,
    ProviderDeclined,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
)

_STALE_WINDOWS: Final = 10
"""Evidence so many windows old says nothing about now."""
_MOST_DOUBLINGS: Final = 32


class Verdict(StrEnum):
    """What one call says about its connection."""

    ANSWERED = "answered"
    """The provider gave an answer to this very request, be it a no."""
    THROTTLED = "throttled"
    HEARD = "heard"
    """It answered a question about an earlier call. That proves too little to close a circuit: a provider whose payments
    time out may still list them."""
    FAILED = "failed"
    """Never reached, or no answer that says what was done."""


class Gate(StrEnum):
    """Whether a call may be made now."""

    CLOSED = "closed"
    """It may: the circuit is closed."""
    DUE = "due"
    """As a probe, which has to be taken (`admitted`)."""
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Rule:
    consecutive: int = 5
    """So many failures in a row open it."""
    ratio: float = 0.5
    """So large a share of failures opens it, once there are `least` calls."""
    least: int = 20
    window_s: float = 30.0
    """Half-life of what counts for the share."""
    throttled_s: float = 60.0
    """Throttled for so long without an answer in between opens it; what a provider asks us to wait is included."""
    open_s: float = 5.0
    """How long the first time; twice that each further time, until it has been closed."""
    open_most_s: float = 60.0
    probes: int = 3
    """Calls let through a round while it is half open; so many answers close it."""
    round_s: float = 10.0
    """After this the next probes may go, also when nothing was heard of the last."""
    forget_s: float = 3_600.0
    """Half open for so long and nobody probed: it counts as closed."""

    def cool_s(self, times: int) -> float:
        """How long it stays open the n-th time in a row (1, 2, …)."""
        return min(self.open_most_s, self.open_s * 2.0 ** min(times - 1, _MOST_DOUBLINGS))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Closed."""

    in_a_row: int = 0
    good: float = 0.0
    bad: float = 0.0
    """Calls, each worth half as much a window later."""
    at: float = 0.0
    """When the last one was counted."""
    throttled_since: float | None = None
    throttled_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Open:
    until: float
    since: float
    """When it opened and has not been closed since."""
    times: int
    """Opened so often in a row."""
    why: str
    """A clause: `5 calls in a row failed`."""
    round_until: float = 0.0
    let_through: int = 0
    """Probes of this round."""
    answered: int = 0
    """Probes in a row."""


Circuit: TypeAlias = Evidence | Open

CLOSED: Final = Evidence()


@dataclass(frozen=True, slots=True)
class Seen:
    """A call that ended, at `at`; `began_at` decides whether it was a probe."""

    verdict: Verdict
    began_at: float
    at: float
    asked_to_wait_s: float = field(default=0.0)


def verdict_of(error: OneRouterError | None, *, is_lookup: bool) -> Verdict | None:
    """None: it says nothing about the connection."""
    match error:
        case ProviderThrottled():
            return Verdict.THROTTLED
        case ProviderUnavailable() | ProviderOutcomeUnknown():
            return Verdict.FAILED
        case None | ProviderDeclined() | ProviderRefusedUs():
            return Verdict.HEARD if is_lookup else Verdict.ANSWERED
        case _:
            return None  # refused by ourselves: nothing was sent


def gate(circuit: Circuit, now: float, rule: Rule) -> Gate:
    if isinstance(circuit, Evidence) or is_forgotten(circuit, now, rule):
        return Gate.CLOSED
    return Gate.DUE if admitted(circuit, now, rule) is not None else Gate.OPEN


def admitted(circuit: Open, now: float, rule: Rule) -> Open | None:
    """The circuit after one more probe was let through. None: none may be now."""
    if now < circuit.until:
        return None
    if now >= circuit.round_until:
        circuit = replace(circuit, round_until=now + rule.round_s, let_through=0)
    return replace(circuit, let_through=circuit.let_through + 1) if circuit.let_through < rule.probes else None


def wait_s(circuit: Circuit, now: float) -> float:
    """In how many seconds a probe may go; 0: now, or nothing keeps it."""
    if isinstance(circuit, Evidence):
        return 0.0
    return max(0.0, circuit.until - now, circuit.round_until - now)


def is_forgotten(circuit: Open, now: float, rule: Rule) -> bool:
    return now >= circuit.until + rule.forget_s


def observed(circuit: Circuit, seen: Seen, rule: Rule) -> Circuit:
    """The circuit after a call has ended."""
    if seen.verdict is Verdict.HEARD:
        return circuit
    if isinstance(circuit, Evidence):
        return _counted(circuit, seen, rule)
    if is_forgotten(circuit, seen.at, rule):
        return _counted(CLOSED, seen, rule)
    if seen.began_at < circuit.until:
        return circuit  # begun before it opened, or a question about an effect: neither is a probe
    if seen.verdict is Verdict.ANSWERED:
        answered = circuit.answered + 1
        return CLOSED if answered >= rule.probes else replace(circuit, answered=answered)
    return _open(seen.at, rule, times=circuit.times + 1, since=circuit.since, why=circuit.why)


def _counted(evidence: Evidence, seen: Seen, rule: Rule) -> Circuit:
    evidence = _aged(evidence, seen.at, rule)
    match seen.verdict:
        case Verdict.ANSWERED:
            return replace(evidence, in_a_row=0, good=evidence.good + 1, throttled_since=None)
        case Verdict.FAILED:
            evidence = replace(evidence, in_a_row=evidence.in_a_row + 1, bad=evidence.bad + 1)
            why = _too_many(evidence, rule)
        case _:
            evidence, why = _throttled(evidence, seen, rule)
    return evidence if why is None else _open(seen.at, rule, times=1, since=seen.at, why=why)


def _aged(evidence: Evidence, now: float, rule: Rule) -> Evidence:
    age_s = max(0.0, now - evidence.at)
    if age_s > _STALE_WINDOWS * rule.window_s:
        return Evidence(at=now)
    worth = 0.5 ** (age_s / rule.window_s)
    return replace(evidence, good=evidence.good * worth, bad=evidence.bad * worth, at=max(now, evidence.at))


def _too_many(evidence: Evidence, rule: Rule) -> str | None:
    if evidence.in_a_row >= rule.consecutive:
        return f"{evidence.in_a_row} calls in a row failed"
    calls = evidence.good + evidence.bad
    if calls >= rule.least and evidence.bad >= rule.ratio * calls:
        return f"{evidence.bad / calls:.0%} of the calls failed"
    return None


def _throttled(evidence: Evidence, seen: Seen, rule: Rule) -> tuple[Evidence, str | None]:
    goes_on = evidence.throttled_since is not None and seen.at - evidence.throttled_at <= rule.throttled_s
    since = evidence.throttled_since if goes_on and evidence.throttled_since is not None else seen.at
    lasts_s = seen.at - since + seen.asked_to_wait_s
    why = f"it has been throttling us, or will be, for {lasts_s:.0f} s" if lasts_s >= rule.throttled_s else None
    return replace(evidence, throttled_since=since, throttled_at=seen.at), why


def _open(now: float, rule: Rule, *, times: int, since: float, why: str) -> Open:
    return Open(until=now + rule.cool_s(times), since=since, times=times, why=why)
