"""Who gets which reply, and when new commands are shed."""

from typing import Any

import pytest

from onerouter_common.contracts.replies import Reply
from onerouter_common.errors import Overloaded
from onerouter_gateway.commands.pending import Pending


class _Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> _Time:
    return _Time()


@pytest.fixture
def pending(time: _Time) -> Pending:
    return Pending(most=4, slow_wait_s=5, window_s=10, share=0.5, least=4, monotonic=time)


def _reply(**fields: Any) -> Reply:
    return Reply(**{"operation_id": "op", "made_by": "a", "state": "succeeded", "resource_id": "r", **fields})


async def test_all_who_wait_for_an_operation_get_its_reply(pending: Pending) -> None:
    first, twin = pending.add("op", "a", "f"), pending.add("op", "b", "f")
    other = pending.add("op2", "c", "f")
    assert pending.deliver(_reply())
    assert first.reply.result() is twin.reply.result()
    assert not other.reply.done()
    for waiter in (first, twin, other):
        pending.remove(waiter)
        pending.remove(waiter)
    assert len(pending) == 0
    assert not pending.is_waiting("op")
    assert not pending.deliver(_reply())


async def test_a_state_that_is_no_answer_is_waited_out(pending: Pending) -> None:
    waiter = pending.add("op", "a", "f")
    assert not pending.deliver(_reply(state="executing"))
    assert not pending.deliver(_reply(state="retrying"))
    assert pending.deliver(_reply(state="unknown"))
    assert waiter.reply.done()


@pytest.mark.parametrize("fingerprint", ["f", None])
async def test_a_mismatch_is_for_the_one_that_differs(pending: Pending, fingerprint: str | None) -> None:
    maker, other = pending.add("op", "a", "f"), pending.add("op", "b", "g")
    assert pending.deliver(_reply(mismatch=True, state="executing", fingerprint=fingerprint))
    assert other.reply.done()
    assert not maker.reply.done()


async def test_the_bound_is_kept(pending: Pending) -> None:
    for number in range(4):
        pending.admit()
        pending.add(f"op{number}", "a", "f")
    with pytest.raises(Overloaded):
        pending.admit()


async def test_waits_that_run_out_close_the_door_and_time_opens_it(pending: Pending, time: _Time) -> None:
    waiters = [pending.add(f"op{number}", "a", "f") for number in range(4)]
    time.now = 6
    for waiter in waiters:
        pending.remove(waiter)
        pending.admit()
        pending.ran_out(waiter)
    with pytest.raises(Overloaded) as caught:
        pending.admit()
    assert caught.value.retry_after_s == 5
    time.now = 17
    pending.admit()


async def test_answers_keep_it_open_and_short_waits_say_nothing(pending: Pending, time: _Time) -> None:
    for number in range(10):
        answered, impatient = pending.add(f"op{number}", "a", "f"), pending.add(f"no{number}", "a", "f")
        time.now += 0.1
        pending.ran_out(impatient)
        pending.deliver(_reply(operation_id=f"op{number}"))
        pending.remove(answered)
        pending.remove(impatient)
        pending.admit()
