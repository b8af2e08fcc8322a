"""Where in a weighted split an operation falls."""

from collections.abc import Sequence
from hashlib import blake2b
from math import log

from onerouter_common.contracts.routing import WeightedConnection


def in_turn(split: Sequence[WeightedConnection], ordering_key: str | None) -> list[str]:
    """Every connection of the split, in the order in which the operation with this key tries them.

    Over many keys each comes first as often as its weight says, also among those that are left when others are passed
    over. The same key gives the same order, in every process; a change of one connection's weight moves only operations to
    or from that one. Without a key: the heaviest first.
    """
    if ordering_key is None:
        return [one.connection for one in sorted(split, key=lambda one: -one.weight)]
    return [one.connection for one in sorted(split, key=lambda one: _arrival(one, ordering_key))]


def _arrival(one: WeightedConnection, ordering_key: str) -> float:
    """A race: each arrives after an exponential time with its weight as the rate, drawn from the key."""
    digest = blake2b(f"{ordering_key}\n{one.connection}".encode(), digest_size=8).digest()
    drawn = (int.from_bytes(digest, "big") + 0.5) / 2**64
    return -log(drawn) / one.weight
