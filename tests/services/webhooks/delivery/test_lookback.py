"""How far back is looked for leases that have ended."""

from onerouter_webhooks.delivery.lookback import Lookback


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def look(lookback: Lookback, *, is_all: bool = True) -> float | None:
    back_s = lookback.begin()
    lookback.end(back_s, is_all=is_all)
    return back_s


def test_the_first_look_is_at_everything_the_next_ones_overlap() -> None:
    time = Time()
    lookback = Lookback(time)
    assert look(lookback) is None
    time.now += 2
    assert look(lookback) == 7
    time.now += 1
    assert look(lookback) == 6


def test_everything_again_each_minute_and_after_a_look_that_found_more_than_it_takes() -> None:
    time = Time()
    lookback = Lookback(time)
    look(lookback)
    time.now += 30
    assert look(lookback, is_all=False) == 35
    assert look(lookback) is None
    time.now += 59
    assert look(lookback) == 64
    time.now += 1
    assert look(lookback) is None


def test_a_look_that_failed_is_made_up_for() -> None:
    time = Time()
    lookback = Lookback(time)
    look(lookback)
    time.now += 10
    lookback.begin()  # the database was away
    time.now += 10
    assert look(lookback) == 25
