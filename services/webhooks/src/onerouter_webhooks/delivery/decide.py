"""What follows from an answer. Pure."""

from datetime import datetime

from onerouter_webhooks.delivery.health import GONE
from onerouter_webhooks.delivery.queue import MANUAL, Decision, Finished, Hold, TryAgain, Work
from onerouter_webhooks.delivery.schedule import RetrySchedule, is_overload, parse_retry_after
from onerouter_webhooks.delivery.transport import UNSIGNED, Answer


def before_sending(work: Work) -> Decision | None:
    """Why a claimed delivery is not sent; None: it is."""
    if work.url is None or work.body is None:
        return Finished("canceled")
    if work.endpoint_status != "enabled":
        return Hold()
    return None


def after_answer(work: Work, answer: Answer, schedule: RetrySchedule, now: datetime) -> Decision:
    """2xx ends it, 410 disables the endpoint (its deliveries are kept), all else is tried again by the schedule; but what
    somebody asked for is tried once. What we could not sign is tried by our own schedule: an endpoint's may leave no time to
    put a key back.
    """
    if answer.delivered:
        return Finished("succeeded")
    if answer.status == 410:
        return Hold(disable=GONE)
    if work.trigger == MANUAL:
        return Finished("exhausted")
    waits_s = None if answer.failure == UNSIGNED else work.retry_schedule_s
    wait = schedule.with_waits(waits_s).wait_s(
        work.attempts + 1,
        overloaded=asks_for_less(answer),
        retry_after_s=parse_retry_after(answer.retry_after, now),
    )
    return Finished("exhausted") if wait is None else TryAgain(wait)


def asks_for_less(answer: Answer) -> bool:
    """It hung, or said so: fewer at once, and later."""
    return answer.slow or answer.failure == "timeout" or is_overload(answer.status)
