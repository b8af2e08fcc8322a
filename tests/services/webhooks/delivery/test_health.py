"""When an endpoint is left alone, told about and disabled: the rules, on a clock of our own."""

from datetime import UTC, datetime, timedelta

import pytest

from onerouter_webhooks.delivery.health import GONE, SILENT, Health, Result, after_results

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
OK = Result(delivered=True)
BAD = Result(delivered=False)


def run(results: list[Result], health: Health | None = None, at: datetime = NOW) -> Health:
    """One after the other, a second apart."""
    health = health or Health()
    for number, result in enumerate(results):
        health = after_results(health, [result], at + timedelta(seconds=number)).health
    return health


class TestNotEnabledAnyMore:
    """What was under way when it was disabled or paused."""

    def test_taken_tells_of_no_recovery_which_the_first_one_afterwards_does(self) -> None:
        disabled = Health(consecutive_failures=30, first_failed_at=NOW, told=3)
        change = after_results(disabled, [OK], NOW, is_enabled=False)
        assert (change.facts, change.health) == ((), Health(told=3))
        change = after_results(change.health, [OK], NOW)
        assert (change.facts, change.health) == (["recovered"], Health())

    @pytest.mark.parametrize("told", [0, 2, 3])
    def test_refused_or_gone_changes_nothing_of_what_was_told(self, told: int) -> None:
        before = Health(consecutive_failures=30, first_failed_at=NOW - timedelta(days=6), told=told)
        for result in (BAD, Result(False, gone=True)):
            change = after_results(before, [result], NOW, is_enabled=False)
            assert (change.facts, change.disable, change.health.told) == ((), None, told)


class TestBreaker:
    def test_opens_after_ten_in_a_row(self) -> None:
        assert run([BAD] * 9).breaker_opens == 0
        opened = run([BAD] * 10)
        assert (opened.breaker_opens, opened.breaker_until) == (1, NOW + timedelta(seconds=9 + 30))

    def test_opens_when_seven_of_ten_fail_within_five_minutes(self) -> None:
        assert run([BAD, BAD, OK, BAD, BAD, OK, BAD, BAD, OK]).breaker_opens == 0
        assert run([BAD, BAD, OK, BAD, BAD, OK, BAD, BAD, OK, BAD]).breaker_opens == 1
        assert run([BAD, OK, BAD, BAD, OK, BAD, OK, BAD, BAD, OK]).breaker_opens == 0

    def test_forgets_after_five_minutes(self) -> None:
        early = run([BAD, BAD, OK, BAD, BAD, OK, BAD])
        late = run([OK, BAD, OK, BAD], early, NOW + timedelta(minutes=6))
        assert (late.breaker_opens, late.window_failures) == (0, 2)
        assert run([OK], late, NOW + timedelta(minutes=20)).is_clean

    def test_a_probe_that_fails_doubles_the_wait_up_to_ten_minutes(self) -> None:
        health, now, waits = run([BAD] * 10), NOW, []
        for _ in range(7):
            assert health.breaker_until is not None
            now = health.breaker_until
            health = after_results(health, [Result(False, is_probe=True)], now).health
            assert health.breaker_until is not None
            waits.append((health.breaker_until - now).total_seconds())
        assert waits == [60, 120, 240, 480, 600, 600, 600]

    def test_what_was_under_way_when_it_opened_changes_nothing(self) -> None:
        opened = run([BAD] * 10)
        after = after_results(opened, [BAD] * 5, NOW + timedelta(seconds=12)).health
        assert (after.breaker_opens, after.breaker_until) == (1, opened.breaker_until)

    def test_a_probe_that_succeeds_closes_it_and_nothing_is_left_to_write(self) -> None:
        after = after_results(run([BAD] * 10), [Result(True, is_probe=True)], NOW + timedelta(minutes=1)).health
        assert after.is_clean
        assert run([BAD] * 9, after).breaker_opens == 0

    def test_a_healthy_endpoint_has_nothing_to_be_written(self) -> None:
        assert run([OK] * 100).is_clean


class TestByHand:
    OPEN = Health(
        consecutive_failures=12,
        first_failed_at=NOW,
        window_at=NOW,
        window_attempts=9,
        window_failures=9,
        breaker_opens=3,
        breaker_until=NOW + timedelta(minutes=2),
    )

    def test_what_is_taken_closes_the_breaker_as_a_probe_does(self) -> None:
        after = after_results(self.OPEN, [Result(True, asked=True)], NOW).health
        assert after.is_clean
        assert run([BAD], after).breaker_opens == 0

    def test_what_fails_leaves_it_as_it_is(self) -> None:
        after = after_results(self.OPEN, [Result(False, asked=True)] * 5, NOW).health
        assert (after.breaker_opens, after.breaker_until) == (3, self.OPEN.breaker_until)
        assert after.consecutive_failures == 17, "it was silent all the same"

    def test_nor_does_it_use_up_a_probe(self) -> None:
        after = after_results(self.OPEN, [Result(False, is_probe=True, asked=True)], NOW).health
        assert (after.breaker_opens, after.breaker_until) == (3, NOW)
        both = [Result(False, is_probe=True, asked=True), Result(False, is_probe=True)]
        assert after_results(self.OPEN, both, NOW).health.breaker_opens == 4

    def test_with_a_closed_breaker_it_is_a_request_like_others(self) -> None:
        assert run([BAD] * 9 + [Result(False, asked=True)]).breaker_opens == 1
        window = run([OK, BAD, BAD])
        assert after_results(window, [Result(True, asked=True)], NOW).health.window_failures == 2


class TestTold:
    def test_after_a_day_after_three_and_when_it_answers_again(self) -> None:
        health, told = Health(), []
        for hour in range(100):
            change = after_results(health, [BAD], NOW + timedelta(hours=hour))
            told += [(hour, fact) for fact in change.facts]
            health = change.health
        change = after_results(health, [OK], NOW + timedelta(hours=100))
        assert [*told, *change.facts] == [(24, "failing"), (72, "failing"), "recovered"]
        assert after_results(change.health, [OK], NOW + timedelta(hours=101)).facts == []

    def test_a_success_begins_the_count_anew(self) -> None:
        health = run([BAD] * 5)
        health = run([OK], health, NOW + timedelta(hours=23))
        assert after_results(health, [BAD], NOW + timedelta(hours=25)).facts == ()

    def test_who_was_disabled_and_enabled_is_told_again(self) -> None:
        enabled = Health(told=3)
        health = run([BAD], enabled)
        assert after_results(health, [BAD], NOW + timedelta(hours=25)).facts == ("failing",)
        assert after_results(enabled, [OK], NOW).facts == ["recovered"]

    def test_events_about_webhooks_tell_and_disable_nothing(self) -> None:
        quiet = Result(False, counts=False)
        health = run([quiet] * 30)
        change = after_results(health, [quiet], NOW + timedelta(days=6))
        assert (change.facts, change.disable, change.health.told) == ((), None, 0)
        assert after_results(change.health, [BAD], NOW + timedelta(days=6)).facts == ("disabled",)


class TestDisabled:
    @pytest.mark.parametrize(
        ("days", "attempts", "why"),
        [(5, 19, SILENT), (4.99, 40, None), (5, 18, None), (30, 5, None)],
    )
    def test_after_five_days_and_twenty_attempts_without_a_success(
        self, days: float, attempts: int, why: str | None
    ) -> None:
        health = run([BAD] * attempts)
        change = after_results(health, [BAD], NOW + timedelta(days=days))
        assert change.disable == why
        assert ("disabled" in change.facts) is (why is not None)

    def test_at_once_by_410(self) -> None:
        change = after_results(Health(), [Result(False, gone=True)], NOW)
        assert (change.disable, change.facts) == (GONE, ("disabled",))

    def test_also_where_something_was_taken_in_the_same_moment(self) -> None:
        failing = Health(consecutive_failures=8, first_failed_at=NOW - timedelta(hours=25), told=1)
        change = after_results(failing, [OK, Result(False, gone=True), OK], NOW)
        assert (change.disable, change.facts) == (GONE, ("disabled",)), "and not that it is well again"
        assert (change.health.consecutive_failures, change.health.first_failed_at) == (1, NOW)

    @pytest.mark.parametrize("others", [[], [Result(False, counts=False)], [OK]], ids=["alone", "failed", "taken"])
    def test_and_it_is_told_also_where_an_event_about_webhooks_showed_it(self, others: list[Result]) -> None:
        change = after_results(Health(), [*others, Result(False, gone=True, counts=False)], NOW)
        assert (change.disable, change.facts) == (GONE, ("disabled",))
        # Who is enabled again is told anew.
        assert after_results(change.health, [OK], NOW).health.told == 0
