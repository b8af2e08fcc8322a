"""How many deliveries are in flight, and for whom: no endpoint and no tenant can starve the others."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


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
    an answer: an endpoint that hangs soon holds one slot instead of ten."""

    total: int
    per_tenant: int
    per_endpoint: int
    in_flight: int = 0
    _endpoints: dict[str, _Endpoint] = field(default_factory=dict)
    _tenants: dict[str, int] = field(default_factory=dict)

    def take(self, lane: Lane) -> bool:
        """Reserve one slot; False when a bound is reached."""
        endpoint = self._endpoints.setdefault(lane.endpoint_id, _Endpoint(limit=self.per_endpoint))
        tenant = self._tenants.get(lane.tenant_id, 0)
        if self.in_flight >= self.total or tenant >= self.per_tenant or endpoint.in_flight >= int(endpoint.limit):
            return False
        self.in_flight += 1
        endpoint.in_flight += 1
        self._tenants[lane.tenant_id] = tenant + 1
        return True

    def share(self, lanes: Iterable[Lane]) -> dict[Lane, int]:
        """Reserve as many slots as there are, one lane after the other in turns; answers how many each got."""
        shares: dict[Lane, int] = {}
        waiting = list(lanes)
        while waiting:
            waiting = [lane for lane in waiting if self.take(lane)]
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
        endpoint.in_flight -= 1
        if overloaded is True:
            endpoint.limit = max(1.0, endpoint.limit / 2)
        elif overloaded is False:
            endpoint.limit = min(float(self.per_endpoint), endpoint.limit + 1)
        if not endpoint.in_flight and endpoint.limit >= self.per_endpoint:
            del self._endpoints[lane.endpoint_id]
