"""How many deliveries are in flight, and for whom: no endpoint and no tenant can starve the others."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_OF_WHAT_IS_FREE: Final = 0.1


class Lane(NamedTuple):
    """One endpoint's place in the bounds."""

    endpoint_id: str
    tenant_id: str


@dataclass(slots=True)
class _Endpoint:
    in_flight: int = 0
    limit: float = 0.0


@dataclass(slots=True)
class Slots:
    """Bounds per process, tenant and endpoint. An endpoint's bound halves when it does not answer, and grows back by one
    an answer: an endpoint that hangs soon holds one slot instead of ten.

    Before that is known of them, many that begin to hang at once would take all there is. So each may hold a tenth of what is
    free at most, and one in any case: whoever comes next finds some, however many hang.
    """

    total: int
    per_tenant: int
    per_endpoint: int
    in_flight: int = 0
    _endpoints: dict[str, _Endpoint] = field(default_factory=dict)
    _asked: dict[str, int] = field(default_factory=dict)
    """What endpoints ask for in place of `per_endpoint`."""
    _tenants: dict[str, int] = field(default_factory=dict)

    def bound(self, endpoint_id: str, most: int | None) -> None:
        """How many requests at once the endpoint asks for; None: as many as usual."""
        if most is None:
            self._asked.pop(endpoint_id, None)
        else:
            self._asked[endpoint_id] = most

    def take(self, lane: Lane, *, asked: bool = False) -> bool:
        """Reserve one slot; False when a bound is reached. `asked`: for what somebody asked for by hand, which does not wait
        until an endpoint that hangs lets go of the few places it was left with."""
        if not self.has_room(lane, asked=asked):
            return False
        endpoint = self._endpoints.setdefault(lane.endpoint_id, _Endpoint(limit=self._most(lane)))
        endpoint.in_flight += 1
        self.in_flight += 1
        self._tenants[lane.tenant_id] = self._tenants.get(lane.tenant_id, 0) + 1
        return True

    def has_room(self, lane: Lane, *, asked: bool = False) -> bool:
        """Whether it can have one more."""
        most = self._most(lane)
        endpoint = self._endpoints.get(lane.endpoint_id) or _Endpoint(limit=most)
        a_share = max(1, int(self.free_now * _OF_WHAT_IS_FREE))
        at_once = most if asked else min(int(endpoint.limit), most, a_share)
        is_free = self.free_now > 0 and self.room_of(lane.tenant_id) > 0
        return is_free and endpoint.in_flight < at_once

    def room_of(self, tenant_id: str) -> int:
        """How many more the tenant can have, as long as there are any."""
        return self.per_tenant - self._tenants.get(tenant_id, 0)

    @property
    def free_now(self) -> int:
        """How many there are, for whomever."""
        return self.total - self.in_flight

    def share(self, lanes: Iterable[Lane], *, asked: bool = False) -> dict[Lane, int]:
        """Reserve as many slots as there are, one lane after the other in turns; answers how many each got."""
        shares: dict[Lane, int] = {}
        waiting = list(lanes)
        while waiting:
            waiting = [lane for lane in waiting if self.take(lane, asked=asked)]
            for lane in waiting:
                shares[lane] = shares.get(lane, 0) + 1
        return shares

    def free(self, lane: Lane, *, overloaded: bool | None = None) -> None:
        """Give one back. `overloaded` says what the endpoint showed: it hung or asked for less, or it answered."""
        self.in_flight -= 1
        self._tenants[lane.tenant_id] -= 1
        if not self._tenants[lane.tenant_id]:
            del self._tenants[lane.tenant_id]
        endpoint = self._endpoints[lane.endpoint_id]
        most = self._most(lane)
        endpoint.in_flight -= 1
        if overloaded is True:
            endpoint.limit = max(1.0, endpoint.limit / 2)
        elif overloaded is False:
            endpoint.limit = min(float(most), endpoint.limit + 1)
        if not endpoint.in_flight and endpoint.limit >= most:
            del self._endpoints[lane.endpoint_id]

    def _most(self, lane: Lane) -> int:
        return self._asked.get(lane.endpoint_id, self.per_endpoint)
