"""Bounds of what is in flight."""

from onerouter_webhooks.delivery.slots import Lane, Slots


def test_bounds_of_endpoint_and_tenant() -> None:
    slots = Slots(total=1_000, per_tenant=15, per_endpoint=10)
    shares = slots.share([Lane("we_1", "a"), Lane("we_2", "a"), Lane("we_3", "b")])
    assert shares == {Lane("we_1", "a"): 8, Lane("we_2", "a"): 7, Lane("we_3", "b"): 10}


def test_few_slots_are_shared_in_turns() -> None:
    slots = Slots(total=6, per_tenant=100, per_endpoint=10)
    lanes = [Lane(f"we_{n}", f"t{n}") for n in range(7)]
    assert slots.share(lanes) == dict.fromkeys(lanes[:6], 1)
    assert not slots.take(lanes[6])


def test_however_many_begin_to_hang_whoever_comes_next_finds_a_slot() -> None:
    slots = Slots(total=500, per_tenant=100, per_endpoint=10)
    held = slots.share([Lane(f"we_{n}", f"t{n % 20}") for n in range(50)])
    assert set(held.values()) <= {7, 8, 9}  # of what one could hold alone
    assert slots.share([Lane("we_good", "good")])[Lane("we_good", "good")] >= 5
    slots.share([Lane(f"we_{n}", f"t{n}") for n in range(100, 150)])
    assert slots.take(Lane("we_late", "late"))


def test_an_endpoint_that_hangs_is_left_with_one_slot_and_earns_them_back() -> None:
    slots = Slots(total=200, per_tenant=100, per_endpoint=10)
    lane = Lane("we_1", "a")
    for _ in range(5):
        assert slots.take(lane)
        slots.free(lane, overloaded=True)
    assert slots.share([lane]) == {lane: 1}
    slots.free(lane, overloaded=False)
    assert slots.share([lane]) == {lane: 2}
    for _ in range(2):
        slots.free(lane, overloaded=False)
    for _ in range(20):
        slots.take(lane)
        slots.free(lane, overloaded=False)
    assert slots.share([lane]) == {lane: 10}
    assert slots.in_flight == 10


def test_what_was_asked_for_by_hand_does_not_wait_for_an_endpoint_that_hangs_but_keeps_to_what_it_takes() -> None:
    slots = Slots(total=200, per_tenant=100, per_endpoint=10)
    lane = Lane("we_1", "a")
    for _ in range(5):
        assert slots.take(lane)
        slots.free(lane, overloaded=True)
    assert slots.take(lane)
    assert not slots.take(lane)
    assert slots.take(lane, asked=True)
    slots.bound("we_1", 3)
    assert slots.share([lane], asked=True) == {lane: 1}
    assert not slots.take(lane, asked=True)
