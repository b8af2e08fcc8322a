"""What explains that an event came twice, and what does not."""

import json
from datetime import UTC, datetime, timedelta

from tests.chaos.leases import STARTED, Deaths, is_explained, owners_of

AT = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
_S = timedelta(seconds=1)


def test_each_life_of_a_process_has_an_owner_and_ends_with_the_next_kill() -> None:
    log = [
        json.dumps({"event": STARTED, "owner": owner, "timestamp": (AT + moment * _S).isoformat()})
        for owner, moment in (("wrk_1", 0), ("wrk_2", 20))
    ]
    assert owners_of(["no line of ours", *log]) == [("wrk_1", AT), ("wrk_2", AT + 20 * _S)]
    deaths = Deaths()
    deaths.processes["webhooks"] += [AT + 10 * _S, AT + 15 * _S]  # the second before it had an owner
    assert deaths.of("webhooks", AT) == AT + 10 * _S
    assert deaths.of("webhooks", AT + 20 * _S) is None
    assert deaths.of("webhooks-2", AT) is None


class TestIsExplained:
    """A lease from AT on that was given to somebody else after ten seconds."""

    until, taken_at = AT + 9 * _S, AT + 10 * _S

    def test_by_the_death_of_who_held_it(self) -> None:
        assert is_explained(AT + 3 * _S, self.until, self.taken_at, Deaths())

    def test_not_by_a_death_that_came_later_nor_by_anybody_elses(self) -> None:
        assert not is_explained(AT + 11 * _S, self.until, self.taken_at, Deaths())
        assert not is_explained(None, self.until, self.taken_at, Deaths())

    def test_by_a_database_that_was_away_at_its_end(self) -> None:
        away = Deaths(without_database=[(AT + 7 * _S, AT + 8 * _S)])
        assert is_explained(None, self.until, self.taken_at, away)
        long_before = Deaths(without_database=[(AT - 30 * _S, AT - 20 * _S)])
        assert not is_explained(None, self.until, self.taken_at, long_before)
