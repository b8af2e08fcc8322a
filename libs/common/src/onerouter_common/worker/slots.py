"""Who may execute now: bounds per worker, per tenant and per connection, so that no neighbour can starve another."""

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Most operations in flight at once in this process."""

    worker: int = 1_000
    tenant: int = 400


class Slots:
    """Counts what is in flight. Taken before an operation is marked as executing, given back when its result is stored."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._total = 0
        self._tenants: Counter[str] = Counter()
        self._connections: Counter[str] = Counter()

    @property
    def in_flight(self) -> int:
        return self._total

    @property
    def room(self) -> int:
        return max(0, self._bounds.worker - self._total)

    def room_of_tenant(self, tenant_id: str) -> int:
        return max(0, min(self.room, self._bounds.tenant - self._tenants[tenant_id]))

    def full_tenants(self) -> list[str]:
        return [tenant for tenant, count in self._tenants.items() if count >= self._bounds.tenant]

    def take(self, tenant_id: str, connection_id: str | None, connection_bound: int) -> bool:
        """Whether there was room at all three levels; then it is taken."""
        if not self.room_of_tenant(tenant_id):
            return False
        if connection_id is not None and self._connections[connection_id] >= connection_bound:
            return False
        self._total += 1
        self._tenants[tenant_id] += 1
        if connection_id is not None:
            self._connections[connection_id] += 1
        return True

    def give(self, tenant_id: str, connection_id: str | None) -> None:
        self._total -= 1
        self._release(self._tenants, tenant_id)
        if connection_id is not None:
            self._release(self._connections, connection_id)

    @staticmethod
    def _release(counter: Counter[str], key: str) -> None:
        counter[key] -= 1
        if counter[key] <= 0:
            del counter[key]  # the number of tenants has no bound; those at rest take no memory
