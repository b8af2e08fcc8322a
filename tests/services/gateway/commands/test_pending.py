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
    return Pending(most=8, most_of_tenant=4, slow_wait_s=5, window_s=10, share=0.5, least=4, monotonic=time)


def _reply(**fields: Any) -> Reply:
    return Reply(**{"operation_id": "op", "made_by": "a", "state": "succeeded", "resource_id": "r", **fields})


async def test_all_who_wait_for_an_operation_get_its_reply(pending: Pending) -> None:
    first, twin = pending.add("op", "a", "ten", "f"), pending.add("op", "b", "ten", "f")
    other = pending.add("op2", "c", "ten", "f")
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
    waiter = pending.add("op", "a", "ten", "f")
    assert not pending.deliver(_reply(state="executing"))
    assert not pending.deliver(_reply(state="retrying"))
    assert pending.deliver(_reply(state="unknown"))
    assert waiter.reply.done()


@pytest.mark.parametrize("fingerprint", ["f", None])
async def test_a_mismatch_is_for_the_one_that_differs(pending: Pending, fingerprint: str | None) -> None:
    maker, other = pending.add("op", "a", "ten", "f"), pending.add("op", "b", "ten", "g")
    assert pending.deliver(_reply(mismatch=True, state="executing", fingerprint=fingerprint))
    assert other.reply.done()
    assert not maker.reply.done()


async def test_the_bounds_are_kept_a_tenants_first(pending: Pending) -> None:
    for number in range(8):
        pending.admit(tenant := "ten" if number < 4 else "other")
        pending.add(f"op{number}", "a", tenant, "f")
        if number == 3:
            with pytest.raises(Overloaded, match="your operations"):
                pending.admit("ten")
    with pytest.raises(Overloaded, match="This instance"):
        pending.admit("third")


async def test_waits_that_run_out_close_the_door_and_time_opens_it(pending: Pending, time: _Time) -> None:
    waiters = [pending.add(f"op{number}", "a", "ten", "f") for number in range(4)]
    time.now = 6
    for waiter in waiters:
        pending.remove(waiter)
        pending.admit("ten")
        pending.ran_out(waiter)
    with pytest.raises(Overloaded) as caught:
        pending.admit("ten")
    assert caught.value.retry_after_s == 5
    time.now = 17
    pending.admit("ten")


async def test_answers_keep_it_open_and_short_waits_say_nothing(pending: Pending, time: _Time) -> None:
    for number in range(10):
        answered, impatient = pending.add(f"op{number}", "a", "ten", "f"), pending.add(f"no{number}", "a", "ten", "f")
        time.now += 0.1
        pending.ran_out(impatient)
        pending.deliver(_reply(operation_id=f"op{number}"))
        pending.remove(answered)
        pending.remove(impatient)
        pending.admit("ten")


def _run_out(pending: Pending, time: _Time, *tenants: str) -> None:
    """At once, one slow wait for each that is named."""
    waiters = [pending.add(f"op{number}", "a", tenant, "f") for number, tenant in enumerate(tenants)]
    time.now += 6
    for waiter in waiters:
        pending.ran_out(waiter)
        pending.remove(waiter)


async def test_a_tenant_whose_waits_run_out_closes_its_own_door_only(pending: Pending, time: _Time) -> None:
    _run_out(pending, time, *["slow"] * 4)
    with pytest.raises(Overloaded, match="Your operations"):
        pending.admit("slow")
    pending.admit("ten")
    _run_out(pending, time, "slower")
    pending.admit("ten")


async def test_when_several_tenants_waits_run_out_it_is_closed_for_all(pending: Pending, time: _Time) -> None:
    _run_out(pending, time, "a", "b", "c", "a")
    with pytest.raises(Overloaded, match="The workers"):
        pending.admit("ten")
    time.now += 11
    pending.admit("ten")
    assert not pending._tenants


async def test_tenants_that_are_served_say_that_the_workers_keep_up(pending: Pending, time: _Time) -> None:
    _run_out(pending, time, "a", "b", "c", "a")
    for number in range(4):
        waiter = pending.add("op", "a", f"served{number}", "f")
        pending.deliver(_reply())
        pending.remove(waiter)
    pending.admit("ten")
