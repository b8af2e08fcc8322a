"""Bounds of what is in flight."""

from onerouter_webhooks.delivery.slots import Lane, Slots


def test_bounds_of_endpoint_tenant_and_process() -> None:
    slots = Slots(total=25, per_tenant=15, per_endpoint=10)
    shares = slots.share([Lane("we_1", "a"), Lane("we_2", "a"), Lane("we_3", "b")])
    assert shares == {Lane("we_1", "a"): 8, Lane("we_2", "a"): 7, Lane("we_3", "b"): 10}
    assert not slots.take(Lane("we_4", "c"))


def test_few_slots_are_shared_in_turns() -> None:
    slots = Slots(total=6, per_tenant=100, per_endpoint=10)
    shares = slots.share([Lane(f"we_{n}", f"t{n}") for n in range(4)])
    assert [shares[Lane(f"we_{n}", f"t{n}")] for n in range(4)] == [2, 2, 1, 1]


def test_an_endpoint_that_hangs_is_left_with_one_slot_and_earns_them_back() -> None:
    slots = Slots(total=100, per_tenant=100, per_endpoint=10)
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
