"""What a finished call means: its operation's next state, its resource, what it is answered with. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from onerouter_common.contracts.replies import OperationState, Problem, Reply
from onerouter_common.errors import OneRouterError, ProviderThrottled, ProviderUnavailable
from onerouter_common.web.problems import problem_of
from onerouter_common.worker import started as starting
from onerouter_common.worker.execution import AskLater, Finished, Next, RetryLater, outcome_for_handler
from onerouter_common.worker.handler import Failed, Settled, Succeeded
from onerouter_common.worker.started import Started


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A finished call, applied to its resource: everything one row and its reply need."""

    finished: Finished
    state: OperationState
    due_in_s: float | None
    settled: Settled[Any] | None
    problem: Problem | None
    status: int | None
    concluded_at: datetime

    @property
    def is_final(self) -> bool:
        return self.due_in_s is None

    @property
    def failures(self) -> int:
        """How often it was put off because of an error, this time included."""
        step, op = self.finished.next, self.finished.started.op
        failed_again = isinstance(step, RetryLater) and step.error is not None
        return op.failures + 1 if failed_again else op.failures

    def reply(self) -> Reply:
        op = self.finished.started.op
        return Reply(
            operation_id=op.id,
            made_by=op.made_by,
            fingerprint=op.fingerprint,
            state=self.state,
            resource_id=op.resource_id,
            status=self.status or 200,
            result=self.settled.view if self.settled is not None else None,
            problem=self.problem,
            provider_ms=self.finished.duration_ms,
        )


class NotStored(OneRouterError):
    """The database refuses what came of an operation: a defect of ours."""


def was_called(finished: Finished) -> bool:
    """Whether a provider was ever called for it, so that something may have happened outside."""
    return finished.started.op.attempts > 0


def bare(finished: Finished, now: datetime) -> Conclusion:
    """What is true of the operation whatever can be stored of its result."""
    step = finished.next
    if isinstance(step, Succeeded) and not was_called(finished):
        step = Failed(NotStored("The result could not be stored because of an error on our side; nothing was sent."))
    elif isinstance(step, Succeeded):
        lost = NotStored("It was done, but its result could not be stored because of an error on our side.")
        problem = problem_of(lost).model_copy(update={"effect": "committed", "retryable": False})
        return Conclusion(finished, "succeeded", None, None, problem, 202, now)
    finished = replace(finished, next=step)
    problem_now = _problem(step)
    status = problem_now.status if problem_now is not None else None
    return Conclusion(finished, _state(step), _due_in(step), None, problem_now, status, now)


def conclude(finished: Finished, resource: Any, now: datetime) -> Conclusion:
    """The operation's next state, and what the handler makes of the resource."""
    started, step = finished.started, _proven(finished, resource)
    finished = replace(finished, next=step)
    outcome = outcome_for_handler(step)
    if outcome is None:
        return Conclusion(finished, _state(step), _due_in(step), _put_off(started, resource), None, None, now)
    settled = started.handler.settle(started.op, started.command, resource, outcome)
    problem = _problem(step)
    status = problem.status if problem is not None else settled.status
    return Conclusion(finished, _state(step), _due_in(step), settled, problem, status, now)


def _put_off(started: Started, resource: Any) -> Settled[Any] | None:
    """Also of what is due at once: it may have to wait for its turn then."""
    waiting = started.handler.put_off(started.op, started.command, resource)
    return None if waiting is None else Settled(waiting)


def _problem(step: Next) -> Problem | None:
    """Storable, whatever a provider says."""
    if not isinstance(step, Failed | AskLater):
        return None
    problem = problem_of(step.error)
    changes = {"detail": storable(problem.detail), "provider_code": storable(problem.provider_code)}
    unknown = {"status": 202, "effect": "unknown", "retryable": False} if isinstance(step, AskLater) else {}
    return problem.model_copy(update={**changes, **unknown})


def storable(text: str | None) -> str | None:
    return text.replace("\0", "") if text else text


def _proven(finished: Finished, resource: Any) -> Next:
    """The provider said until the end that it did nothing, but the resource shows that it did: that is what counts."""
    started, step = finished.started, finished.next
    if isinstance(step, Succeeded) and started.held is not None and not started.op.attempts:
        return step if started.handler.is_local else _concluded_still(started, resource)
    said_nothing_happened = isinstance(step, Failed) and isinstance(step.error, ProviderThrottled | ProviderUnavailable)
    if not (said_nothing_happened and started.op.attempts):
        return step
    held = started.handler.held(started.op, started.command, resource)
    return step if held is None else Succeeded(held)


def _concluded_still(started: Started, resource: Any) -> Next:
    """What needed no provider when it was begun, by the resource as it is locked now: it may have moved on in between."""
    now = starting.concluded(started.handler, started.op, started.command, resource)
    if now is None:
        return RetryLater(0.0)  # by now a provider has to be asked
    return Succeeded(now.held) if now.refusal is None else Failed(now.refusal)


def _state(step: Next) -> OperationState:
    match step:
        case Succeeded():
            return "succeeded"
        case Failed():
            return "failed"
        case RetryLater():
            return "retrying"
        case AskLater():
            return "unknown"


def _due_in(step: Next) -> float | None:
    return step.due_in_s if isinstance(step, RetryLater | AskLater) else None
