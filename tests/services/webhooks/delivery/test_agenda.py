"""Whose turn it is, on a clock of our own."""

import random
from collections import Counter
from heapq import heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_webhooks.delivery.agenda import Agenda
from onerouter_webhooks.delivery.slots import Lane

A, B, C = Lane("we_a", "one"), Lane("we_b", "one"), Lane("we_c", "two")


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def take(agenda: Agenda, most: int = 10, without: tuple[Lane, ...] = ()) -> list[Lane]:
    taken = [turn.lane for turn in agenda.take(most, lambda lane: lane not in without)]
    agenda.end_round()
    return taken


class TestTurns:
    def test_who_was_noted_first_is_first_and_each_is_taken_once(self) -> None:
        time = Time()
        agenda = Agenda(time)
        for lane in (B, A, B, C):
            agenda.note(lane)
            time.now += 1
        assert take(agenda, most=2) == [B, A]
        agenda.note(B)
        assert take(agenda) == [C, B]
        assert take(agenda) == []

    def test_nobody_before_its_time_and_what_was_noted_for_earlier_stays(self) -> None:
        time = Time()
        agenda = Agenda(time)
        assert agenda.next_in() is None
        agenda.note(A, 60)
        agenda.note(A, 3_600)
        agenda.note(B, 30)
        assert (take(agenda), agenda.next_in()) == ([], 30)
        agenda.note(A, 10)
        time.now += 10
        assert (take(agenda), agenda.next_in()) == ([A], 20)
        assert not agenda.is_waiting("we_b")
        time.now += 20
        assert agenda.is_waiting("we_b") and agenda.next_in() == 0
        assert take(agenda) == [B]

    def test_who_got_nothing_keeps_its_place(self) -> None:
        time = Time()
        agenda = Agenda(time)
        agenda.note(A)
        time.now += 1
        agenda.note(B)
        (turn,) = agenda.take(1, lambda _: True)
        assert agenda.is_waiting("we_a"), "it is being asked about"
        agenda.put_back(turn)
        agenda.end_round()
        assert take(agenda) == [A, B]
        assert not agenda.is_waiting("we_a")


class TestNoRoom:
    def test_is_not_looked_at_again_until_a_slot_of_its_own_is_free_and_keeps_its_place(self) -> None:
        time, looked_at = Time(), []
        agenda = Agenda(time)
        for lane in (A, C):
            agenda.note(lane)

        def full(lane: Lane) -> bool:
            looked_at.append(lane)
            return False

        assert agenda.take(10, full) == agenda.take(10, full) == []
        assert looked_at == [A, C]
        assert agenda.is_waiting("we_a") and agenda.next_in() is None
        time.now += 1
        agenda.note(B)
        assert agenda.freed(A)
        assert take(agenda) == [A, B]
        assert not agenda.freed(A)
        assert agenda.freed(C)
        assert take(agenda) == [C]

    def test_what_is_noted_for_it_has_it_looked_at_again(self) -> None:
        agenda = Agenda(Time())
        agenda.note(A)
        assert take(agenda, without=(A,)) == []
        agenda.note(A, 60)
        assert take(agenda) == [A]


class TestNoRoomOfTheTenants:
    def test_as_many_are_taken_as_there_is_room_for_and_the_others_keep_their_places(self) -> None:
        time, rooms = Time(), {"one": 1, "two": 1}
        agenda = Agenda(time, rooms.__getitem__)
        for lane in (A, B, C):
            agenda.note(lane)
            time.now += 1
        assert take(agenda) == [A, C]
        rooms.update(one=0, two=0)
        agenda.note(A)
        assert agenda.is_waiting("we_b") and not agenda.is_waiting("we_c")
        assert (take(agenda), agenda.next_in()) == ([], None)
        agenda.note(B)
        assert not agenda.freed(C), "a slot of another tenant's"
        rooms["one"] = 1
        assert agenda.freed(A)
        assert (take(agenda), agenda.next_in()) == ([B], 0)

    def test_who_had_nothing_to_be_sent_makes_room_for_who_is_behind_it(self) -> None:
        agenda = Agenda(Time(), lambda _: 1)
        for lane in (A, B):
            agenda.note(lane)
        assert [take(agenda) for _ in range(2)] == [[A], [B]]
        assert agenda.next_in() is None

    def test_a_slot_costs_what_can_be_sent_however_many_wait_for_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pushes, room = 0, 100

        def counted(heap: list[tuple[float, str]], entry: tuple[float, str]) -> None:
            nonlocal pushes
            pushes += 1
            heappush(heap, entry)

        monkeypatch.setattr("onerouter_webhooks.delivery.agenda.heappush", counted)
        time, sent = Time(), list[Lane]()
        agenda = Agenda(time, lambda _: room)
        for number in range(5_000):
            agenda.note(Lane(f"we_{number:04}", "one"))
        assert len(take(agenda, most=200)) == 100
        room = 0
        assert take(agenda, most=200) == []
        pushes = 0
        for _ in range(1_000):
            time.now += 1
            room = 1
            assert agenda.freed(Lane("we_0000", "one"))
            sent += take(agenda, most=200)
            room = 0
            agenda.note(sent[-1])  # it has more
            assert take(agenda, most=200) == []
        assert sent == [Lane(f"we_{number:04}", "one") for number in range(100, 1_100)]
        assert pushes <= 4 * 1_000


class TestCost:
    def test_is_that_of_whose_time_has_come(self) -> None:
        agenda, looked_at = Agenda(Time()), []
        for number in range(10_000):
            agenda.note(Lane(f"we_{number}", f"ten_{number % 50}"), 3_600)
        agenda.note(A)

        def free(lane: Lane) -> bool:
            looked_at.append(lane)
            return True

        assert [turn.lane for turn in agenda.take(200, free)] == looked_at == [A]

    def test_does_not_grow_with_what_was_overtaken(self) -> None:
        agenda, chance = Agenda(Time()), random.Random(7)
        for _ in range(20_000):
            agenda.note(A, 3_600 * chance.random())
            agenda.note(A)
            assert take(agenda) == [A]
        assert len(agenda._heap) < 200


@given(st.lists(st.tuples(st.sampled_from("nattfr"), st.integers(0, 5), st.integers(0, 3)), max_size=60))
def test_whoever_is_noted_is_taken_once_its_time_has_come_and_there_is_room(steps: list[tuple[str, int, int]]) -> None:
    """Against the same with dictionaries that are walked over."""
    time, rooms = Time(), {"ten_0": 2, "ten_1": 2}
    agenda = Agenda(time, rooms.__getitem__)
    expected, busy, in_line = dict[Lane, float](), dict[Lane, float](), dict[Lane, float]()
    for what, number, amount in steps:
        lane = Lane(f"we_{number}", f"ten_{number % 2}")
        time.now += 1
        if what == "n":
            if lane not in in_line:
                before = expected.pop(lane, None) or busy.pop(lane, None)
                expected[lane] = min(before or time.now + amount, time.now + amount)
            agenda.note(lane, amount)
        elif what == "f":
            if lane in busy:
                expected[lane] = busy.pop(lane)
            agenda.freed(lane)
        elif what == "r":
            rooms[lane.tenant_id] = amount
        else:
            for tenant_id, room in rooms.items():
                line = sorted((at, one) for one, at in in_line.items() if one.tenant_id == tenant_id)
                expected |= {one: in_line.pop(one) for _, one in line[:room]}
            would, counts = [], Counter[str]()
            for at, one in sorted((at, one) for one, at in expected.items() if at <= time.now):
                del expected[one]
                if counts[one.tenant_id] >= rooms[one.tenant_id]:
                    in_line[one] = at
                elif one == lane:
                    busy[one] = at
                else:
                    would.append(one)
                    counts[one.tenant_id] += 1
            assert take(agenda, most=10, without=(lane,)) == would
            is_ready = any(rooms[one.tenant_id] for one in in_line) or any(at <= time.now for at in expected.values())
            assert (agenda.next_in() == 0) is is_ready
