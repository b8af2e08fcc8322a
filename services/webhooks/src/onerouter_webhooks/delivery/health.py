"""How an endpoint is doing: when it is left alone, when its tenant is told, and when it is disabled. Pure.

The breaker opens when too much fails; then nothing is sent but one probe each time it runs out, so the wait costs no
delivery an attempt. Rules: at least 10 requests of which 70 % failed within 5 minutes, or 10 in a row. What somebody asked
for by hand is sent all the same: it closes the breaker when it is taken, and leaves it as it is when it is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

_WINDOW: Final = timedelta(minutes=5)
_SAMPLES: Final = 10
_SHARE: Final = 0.7
_IN_A_ROW: Final = 10
_FIRST_S: Final = 30.0
_MOST_S: Final = 600.0

TELL_AFTER: Final = (timedelta(hours=24), timedelta(hours=72))
DISABLE_AFTER: Final = timedelta(days=5)
DISABLE_LEAST: Final = 20
_TOLD_DISABLED: Final = len(TELL_AFTER) + 1

GONE: Final = "The endpoint answered 410 Gone."
SILENT: Final = "No delivery was taken for 5 days."

Fact = Literal["failing", "disabled", "recovered"]


class Result(NamedTuple):
    """What one request showed."""

    delivered: bool
    is_probe: bool = False
    gone: bool = False
    counts: bool = True
    """False for an event about webhooks themselves: its failure is told nobody, or it would cause the next one. That the
    endpoint is gone is told all the same: it is said once and ends the matter."""
    asked: bool = False
    """Somebody asked for it by hand."""


@dataclass(frozen=True, slots=True)
class Health:
    consecutive_failures: int = 0
    first_failed_at: datetime | None = None
    """Since when nothing was taken."""
    window_at: datetime | None = None
    """When the first failure of the last minutes was."""
    window_attempts: int = 0
    window_failures: int = 0
    breaker_opens: int = 0
    """In a row; 0: it is closed."""
    breaker_until: datetime | None = None
    told: int = 0
    """How much of its failing the tenant was told."""

    @property
    def is_clean(self) -> bool:
        return self == Health()


class Change(NamedTuple):
    health: Health
    facts: Sequence[Fact]
    disable: str | None = None
    """Why it must be disabled now."""


def after_results(health: Health, results: Sequence[Result], now: datetime, *, is_enabled: bool = True) -> Change:
    """What a few requests of one endpoint, just ended, make of it.

    Not `is_enabled`: they were under way when it was disabled or paused. Then there is nothing to disable, and nothing to
    tell: what its tenant was told last still holds.
    """
    change = _after_results(health, results, now)
    return change if is_enabled else Change(replace(change.health, told=health.told), ())


def _after_results(health: Health, results: Sequence[Result], now: datetime) -> Change:
    if any(one.gone for one in results):
        return _after_gone(health, results, now)
    if any(one.delivered for one in results):
        facts: list[Fact] = ["recovered"] if health.told else []
        return Change(_breaker(_window(_taken(health, results), results, now), results, now), facts)
    health = replace(
        health,
        consecutive_failures=health.consecutive_failures + len(results),
        first_failed_at=health.first_failed_at or now,
    )
    health = _breaker(_window(health, results, now), results, now)
    disable = _why_disable(health, results, now)
    if not any(one.counts for one in results):
        return Change(health, (), disable)
    if disable is not None:
        return Change(replace(health, told=_TOLD_DISABLED), ("disabled",), disable)
    failing_for = now - (health.first_failed_at or now)
    told = sum(failing_for >= after for after in TELL_AFTER)
    # Who was disabled and is enabled again begins anew.
    if told > (health.told if health.told < _TOLD_DISABLED else 0):
        return Change(replace(health, told=told), ("failing",))
    return Change(health, ())


def _after_gone(health: Health, results: Sequence[Result], now: datetime) -> Change:
    """It wants nothing more, whatever it took in the same moment."""
    if any(one.delivered for one in results):
        health = _taken(health, results)
    health = replace(
        health,
        consecutive_failures=health.consecutive_failures + sum(not one.delivered for one in results),
        first_failed_at=health.first_failed_at or now,
        told=_TOLD_DISABLED,
    )
    return Change(_breaker(_window(health, results, now), results, now), ("disabled",), GONE)


def _taken(health: Health, results: Sequence[Result]) -> Health:
    was_open = health.breaker_opens > 0
    health = replace(health, consecutive_failures=0, first_failed_at=None, breaker_opens=0, breaker_until=None, told=0)
    if any(one.delivered and (one.is_probe or (one.asked and was_open)) for one in results):
        health = replace(health, window_at=None, window_attempts=0, window_failures=0)
    return health


def _why_disable(health: Health, results: Sequence[Result], now: datetime) -> str | None:
    is_silent = health.first_failed_at is not None and now - health.first_failed_at >= DISABLE_AFTER
    # By an event that is told about: a disabled endpoint must not go unnoticed.
    if is_silent and health.consecutive_failures >= DISABLE_LEAST and any(one.counts for one in results):
        return SILENT
    return None


def _window(health: Health, results: Sequence[Result], now: datetime) -> Health:
    """It begins with a failure, so that an endpoint without one has nothing to be written."""
    if health.window_at is not None and now - health.window_at >= _WINDOW:
        health = replace(health, window_at=None, window_attempts=0, window_failures=0)
    failures = sum(not one.delivered for one in results)
    if health.window_at is None and not failures:
        return health
    return replace(
        health,
        window_at=health.window_at or now,
        window_attempts=health.window_attempts + len(results),
        window_failures=health.window_failures + failures,
    )


def _breaker(health: Health, results: Sequence[Result], now: datetime) -> Health:
    if health.breaker_opens:
        probes = [one for one in results if one.is_probe and not one.delivered]
        if any(not one.asked for one in probes):
            return _opened(health, now)
        # What was under way when it opened shows nothing new. Who tried by hand used a probe up: the next one is due.
        return replace(health, breaker_until=now) if probes else health
    share = health.window_failures / health.window_attempts if health.window_attempts else 0.0
    too_many = health.window_attempts >= _SAMPLES and share >= _SHARE
    return _opened(health, now) if too_many or health.consecutive_failures >= _IN_A_ROW else health


def _opened(health: Health, now: datetime) -> Health:
    wait_s = min(_FIRST_S * 2**health.breaker_opens, _MOST_S)
    return replace(
        health,
        breaker_opens=min(health.breaker_opens + 1, 30),
        breaker_until=now + timedelta(seconds=wait_s),
        window_at=None,
        window_attempts=0,
        window_failures=0,
    )
