"""One wire call and what its outcome means. No transaction is open while it runs."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import structlog
from opentelemetry.trace import SpanKind

from onerouter_common import metric_names as metrics
from onerouter_common import telemetry
from onerouter_common.clock import Clock
from onerouter_common.errors import (
    CallerError,
    OneRouterError,
    Overloaded,
    ProviderDeclined,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRefusedUs,
    ProviderThrottled,
    ProviderUnavailable,
    Superseded,
)
from onerouter_common.retry import Backoff
from onerouter_common.worker.circuit.circuits import Circuits
from onerouter_common.worker.circuit.rule import verdict_of
from onerouter_common.worker.handler import Failed, Idempotency, NeverSent, Operation, Succeeded, Unknown
from onerouter_common.worker.outbox import OURSELVES
from onerouter_common.worker.started import Attempt, Started

log = structlog.get_logger()

_DEADLINE_MARGIN_S: Final = 2.0
_LATE_S: Final = 1.0
_NOBODY_CAN_BE_ASKED_S: Final = 3_600.0
UNSENT: Final = Backoff(first_s=0.5, most_s=60, give_up_after=240)
"""Of what lacks something of ours before anything is sent: four hours, for it was accepted and nobody has refused it."""
_WORDS: Final = (
    (ProviderDeclined, "declined"),
    (ProviderRefusedUs, "refused"),
    (ProviderThrottled, "throttled"),
    (ProviderUnavailable, "unreachable"),
    (ProviderOutcomeUnknown, "unknown"),
)


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Nothing happened, or it is proven that nothing did: call again after `due_in_s`."""

    due_in_s: float
    error: OneRouterError | None = None
    """Counts against the connection. None: it is not to blame, or the call is proven to have had no effect and is made again
    at once, there or elsewhere."""


@dataclass(frozen=True, slots=True)
class AskLater:
    """The outcome is not known; ask the provider again after `due_in_s`."""

    due_in_s: float
    error: OneRouterError


Next: TypeAlias = Succeeded | Failed | RetryLater | AskLater


@dataclass(frozen=True, slots=True)
class Finished:
    """What a call came to, to be stored with the next commit."""

    started: Started
    next: Next
    duration_ms: float = 0.0
    outcome: str = "refused"
    error: OneRouterError | None = None


class Execution:
    def __init__(
        self,
        clock: Clock,
        *,
        retry: Backoff,
        ask: Backoff,
        circuits: Circuits | None = None,
        retry_own: Backoff | None = None,
        unsent: Backoff = UNSENT,
        retry_unhurried: Backoff | None = None,
    ) -> None:
        """`circuits` are told what calls came to; None: nobody is. `retry_own`: of our own operations; `retry_unhurried`: of
        bulk and of what was asked for its time; None: as `retry`. `unsent`: of calls that never left us."""
        self._clock = clock
        self._circuits = circuits
        self._retry = retry
        self._retry_own = retry_own or retry
        self._retry_unhurried = retry_unhurried or retry
        self._unsent = unsent
        self._ask = ask

    async def run(self, started: Started) -> Finished:
        """Make the call that `started` says. Never raises, except when it is cancelled."""
        attempt = started.attempt
        if attempt is None:
            return self.uncalled(started)
        if self._age_s(attempt) > max(_LATE_S, attempt.connection.timeout_s / 2):
            # Whoever looks it up counts from when the attempt was written down; begun so late it could outlive that.
            log.warning("operation.not_begun.late", operation_id=started.op.id)
            return not_begun(started)
        began = time.perf_counter()
        began_at = self._circuits.now() if self._circuits is not None else 0.0
        result, error = await self._call(started, attempt)
        duration_s = time.perf_counter() - began
        self._tell(attempt, error, began_at)
        if isinstance(error, NeverSent):  # our own word, and nobody was asked: there is nothing to wait for
            return Finished(started, RetryLater(0.0), duration_s * 1000, "absent")
        outcome = _word(error) if error is not None else ("absent" if result is None else "succeeded")
        metrics.PROVIDER_CALLS.labels(attempt.connection.provider, attempt.capability, outcome).inc()
        metrics.PROVIDER_SECONDS.labels(attempt.connection.provider, attempt.capability).observe(duration_s)
        if error is not None:
            log.info(
                "provider.attempt.finished",
                operation_id=started.op.id,
                provider=attempt.connection.provider,
                capability=attempt.capability,
                attempt_kind=attempt.kind,
                outcome=outcome,
                duration_ms=round(duration_s * 1000),
                reason=getattr(error, "reason", None),
                provider_code=getattr(error, "provider_code", None),
            )
        next_step = self._next(started, attempt, result, error)
        return Finished(started, next_step, duration_s * 1000, outcome, error)

    def uncalled(self, started: Started) -> Finished:
        """The result of an operation that was kept from its call: for good, or until its connection's circuit lets it."""
        if started.held is not None:
            return Finished(started, Succeeded(started.held), outcome="held")
        if isinstance(started.refusal, ProviderUnavailable):
            # What the provider would answer is known: it counts like the answer, so that waiting ends as retrying does.
            return Finished(started, self._later(started, started.refusal), error=started.refusal)
        return refused(started)

    def _tell(self, attempt: Attempt, error: OneRouterError | None, began_at: float) -> None:
        verdict = verdict_of(error, is_lookup=attempt.kind == "lookup")
        if self._circuits is not None and verdict is not None:
            wait_s = (error.retry_after_s if error is not None else None) or 0.0
            connection = attempt.connection
            self._circuits.observe(
                connection.id, connection.provider, verdict, began_at=began_at, asked_to_wait_s=wait_s
            )

    def _age_s(self, attempt: Attempt) -> float:
        """How long ago it was written down that this call is about to be made."""
        return max(0.0, (self._clock.now() - attempt.created_at).total_seconds())

    async def _call(self, started: Started, attempt: Attempt) -> tuple[Any, OneRouterError | None]:
        """The result (None only from a look-up: it was not done) or the error, classified."""
        parent = telemetry.extract({telemetry.TRACEPARENT: started.traceparent}) if started.traceparent else None
        attributes = {"onerouter.operation_id": started.op.id, "onerouter.provider": attempt.connection.provider}
        handler, client = started.handler, attempt.connection.client
        deadline = attempt.connection.timeout_s + _DEADLINE_MARGIN_S - self._age_s(attempt)
        try:
            with telemetry.span(
                f"operation {started.op.operation}", parent=parent, kind=SpanKind.CONSUMER, attributes=attributes
            ):
                async with asyncio.timeout(deadline):
                    if attempt.kind == "lookup":
                        return await handler.lookup(client, started.request, attempt.provider_key), None
                    return await handler.call(client, started.request, attempt.provider_key), None
        except (ProviderError, CallerError, Overloaded, NeverSent) as error:
            return None, error
        except TimeoutError:
            return None, _unknown(attempt, "the call exceeded its deadline")
        except Exception as error:
            # A defect of ours after the bytes were sent: money may have moved, so it counts as unknown, never as failed.
            log.exception("provider.attempt.crashed", operation_id=started.op.id, error=type(error).__name__)
            return None, _unknown(attempt, "the answer could not be understood")

    def _next(self, started: Started, attempt: Attempt, result: Any, error: OneRouterError | None) -> Next:
        if error is None:
            is_absent = attempt.kind == "lookup" and result is None
            return self._after_absence(started, attempt) if is_absent else Succeeded(result)
        if isinstance(error, Superseded):
            return self._superseded(started, attempt, error)
        # While an earlier call may have had an effect, only an answer to that very call ends the doubt: that this look-up
        # or repeat was throttled, unreachable or refused for its credentials says nothing about it.
        doubtful = started.open_attempt_at is not None and not isinstance(error, ProviderDeclined)
        if isinstance(error, ProviderOutcomeUnknown) or doubtful:
            return self._unknown(started, attempt, error)
        if isinstance(error, ProviderThrottled | ProviderUnavailable | Overloaded):
            return self._later(started, error, retry_after_s=error.retry_after_s)
        if started.others and _may_go_elsewhere(started, attempt, error):
            return RetryLater(0.0)
        return Failed(error)

    def _later(
        self, started: Started, error: OneRouterError, *, retry_after_s: float | None = None
    ) -> RetryLater | Failed:
        """Nothing happened: once more after a while, unless it was tried often enough.

        How long its provider wants to be left alone does not matter the first time, where another connection is next.
        """
        if isinstance(error, Overloaded):
            return self._not_sent(started, error)
        retry = self._retry_of(started.op)
        failures = started.op.failures + 1
        if retry.exhausted(failures):
            return Failed(error)
        wanted_s = None if started.others and not started.op.failures else retry_after_s
        return RetryLater(retry.wait_s(failures, retry_after_s=wanted_s), error)

    def _retry_of(self, op: Operation) -> Backoff:
        """Whoever asked for something at a time, or for a thousand at once, was answered and does not ask again."""
        if op.api_key_id == OURSELVES:
            return self._retry_own
        return self._retry_unhurried if op.priority or op.not_before is not None else self._retry

    def _not_sent(self, started: Started, error: Overloaded) -> RetryLater | Failed:
        """What it needs of ours was away before anything was sent: no connection said no, none is passed over for it."""
        own = started.op.api_key_id == OURSELVES
        backoff, tries = self._retry_own if own else self._unsent, started.op.unsent + 1
        if backoff.exhausted(tries):
            return Failed(error)
        return RetryLater(backoff.wait_s(tries, retry_after_s=error.retry_after_s))

    def _after_absence(self, started: Started, attempt: Attempt) -> Next:
        """Nothing was found. Believed once the call cannot be under way any more; then it is made again."""
        if attempt.connection.idempotency_of(attempt.capability) is Idempotency.NONE:
            # What promises no look-up proves nothing by finding nothing: only a callback or a person can tell.
            return self._unknown(started, attempt, _unknown(attempt, "the provider cannot be asked about it"))
        return self._too_early(started, attempt, "that nothing happened") or RetryLater(0.0)

    def _superseded(self, started: Started, attempt: Attempt, error: Superseded) -> Next:
        """The end, once the call cannot be under way any more: what comes next must not meet it."""
        early = self._too_early(started, attempt, "what came of it") if started.open_attempt_at is not None else None
        return early or Failed(error)

    def _too_early(self, started: Started, attempt: Attempt, what: str) -> AskLater | None:
        """None: what a look-up finds may be believed."""
        called_at = started.open_attempt_at or attempt.created_at
        believable_in_s = (self._believable_at(called_at, attempt) - self._clock.now()).total_seconds()
        if believable_in_s <= 0:
            return None
        return AskLater(min(believable_in_s, 2.0), _unknown(attempt, f"it is too early to say {what}"))

    def _believable_at(self, called_at: datetime, attempt: Attempt) -> datetime:
        """The call may still be under way at the provider until its deadline has passed and its lists have caught up.

        Where a key makes repeats safe it was repeated until the provider might forget the key: the last one counts.
        """
        connection = attempt.connection
        wait_s = connection.timeout_s + _DEADLINE_MARGIN_S + connection.absence_settles_s(attempt.capability)
        if connection.idempotency_of(attempt.capability) is Idempotency.NATIVE:
            wait_s += connection.retention_s(attempt.capability) or 0.0
        return called_at + timedelta(seconds=wait_s)

    def _unknown(self, started: Started, attempt: Attempt, error: OneRouterError) -> AskLater:
        if attempt.connection.idempotency_of(attempt.capability) is Idempotency.NONE:
            return AskLater(_NOBODY_CAN_BE_ASKED_S, error)
        asked = max(1, started.op.attempts)
        return AskLater(self._ask.wait_s(asked, retry_after_s=error.retry_after_s), error)


def _may_go_elsewhere(started: Started, attempt: Attempt, error: OneRouterError) -> bool:
    """Whether the handler sends what was refused here, and nowhere had an effect, to another connection."""
    if attempt.kind != "call" or started.open_attempt_at:
        return False
    if _is_unfit(error):
        return True
    if not isinstance(error, ProviderDeclined | ProviderRefusedUs):
        return False
    try:
        return started.handler.may_go_elsewhere(error)
    except Exception as crash:
        log.exception("operation.elsewhere.crashed", operation_id=started.op.id, error=type(crash).__name__)
        return False


def _is_unfit(error: OneRouterError) -> bool:
    """Whether it is a request that this provider cannot be told; it was not asked."""
    return isinstance(error, CallerError) and error.is_of_connection


def refused(started: Started) -> Finished:
    """The result of an operation that was refused before any call."""
    error = started.refusal or CallerError("The operation cannot be carried out.")
    return Finished(started, Failed(error), error=error)


def not_begun(started: Started) -> Finished:
    """The result of an operation that was marked and surely not begun: it is due again at once."""
    if started.open_attempt_at is None or started.attempt is None:
        return Finished(started, RetryLater(0.0), outcome="not_begun")
    still = _unknown(started.attempt, "it could not be asked yet")
    return Finished(started, AskLater(0.0, still), outcome="not_begun")


def outcome_for_handler(step: Next) -> Succeeded | Failed | Unknown | None:
    """What the handler's `settle` is told; None: nothing yet."""
    if isinstance(step, Succeeded | Failed):
        return step
    return Unknown(step.error) if isinstance(step, AskLater) else None


def _unknown(attempt: Attempt, why: str) -> ProviderOutcomeUnknown:
    return ProviderOutcomeUnknown(
        f"The outcome at {attempt.connection.provider} is not known yet: {why}.",
        provider=attempt.connection.provider,
        reason="indeterminate",
    )


def _word(error: OneRouterError) -> str:
    """`declined` and `refused` are a provider's no, `unfit` is ours in its place (`statements.refusals_of`); `not_sent` is
    ours, too, before any call."""
    if _is_unfit(error):
        return "unfit"
    return next((word for kind, word in _WORDS if isinstance(error, kind)), "not_sent")
