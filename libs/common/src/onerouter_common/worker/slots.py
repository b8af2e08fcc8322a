"""Who may execute now: bounds per worker, per tenant and per connection, so that no neighbour can starve another.

Bulk fills a part of each: what somebody waits for always finds room beside it (`Duty.share_of_bulk`).
"""

from collections import Counter
from dataclasses import dataclass

from onerouter_common.worker.duty import Duty


@dataclass(frozen=True, slots=True)
class Bounds:
    """Most operations in flight at once in this process."""

    worker: int = 1_000
    tenant: int = 400


class _Count:
    """What is in flight, all of it or the bulk alone."""

    def __init__(self) -> None:
        self.total = 0
        self.tenants: Counter[str] = Counter()
        self.connections: Counter[str] = Counter()

    def add(self, tenant_id: str, connection_id: str | None, one: int) -> None:
        self.total += one
        _add(self.tenants, tenant_id, one)
        if connection_id is not None:
            _add(self.connections, connection_id, one)


class Slots:
    """Counts what is in flight. Taken before an operation is marked as executing, given back when its result is stored.

    Where a priority is asked for, 0 is what somebody waits for, and more is bulk.
    """

    def __init__(self, bounds: Bounds, duty: Duty = Duty.ALL) -> None:
        self._bounds = bounds
        self._bulk_share = duty.share_of_bulk
        self._all = _Count()
        self._bulk = _Count()

    @property
    def in_flight(self) -> int:
        return self._all.total

    @property
    def room(self) -> int:
        return max(0, self._bounds.worker - self._all.total)

    @property
    def takes_bulk(self) -> bool:
        return self._bulk_share > 0

    def room_for(self, priority: int) -> int:
        bulk = self._of_bulk(self._bounds.worker) - self._bulk.total if priority else self.room
        return max(0, min(self.room, bulk))

    def room_of_tenant(self, tenant_id: str, priority: int = 0) -> int:
        room = self._bounds.tenant - self._all.tenants[tenant_id]
        if priority:
            room = min(room, self._of_bulk(self._bounds.tenant) - self._bulk.tenants[tenant_id])
        return max(0, min(self.room_for(priority), room))

    def room_of_connection(self, connection_id: str, bound: int, priority: int = 0) -> int:
        room = bound - self._all.connections[connection_id]
        if priority:
            room = min(room, self._of_bulk(bound) - self._bulk.connections[connection_id])
        return max(0, room)

    def full_tenants(self, priority: int = 0) -> list[str]:
        """Those that have no room for what is of this priority."""
        if not priority:
            return [tenant for tenant, count in self._all.tenants.items() if count >= self._bounds.tenant]
        return [tenant for tenant in self._bulk.tenants if not self.room_of_tenant(tenant, priority)]

    def take(self, tenant_id: str, connection_id: str | None, connection_bound: int, priority: int = 0) -> bool:
        """Whether there was room at all three levels; then it is taken."""
        if not self.room_of_tenant(tenant_id, priority):
            return False
        if connection_id is not None and not self.room_of_connection(connection_id, connection_bound, priority):
            return False
        self._count(tenant_id, connection_id, priority, 1)
        return True

    def give(self, tenant_id: str, connection_id: str | None, priority: int = 0) -> None:
        """What was taken, with the same words."""
        self._count(tenant_id, connection_id, priority, -1)

    def _count(self, tenant_id: str, connection_id: str | None, priority: int, one: int) -> None:
        self._all.add(tenant_id, connection_id, one)
        if priority:
            self._bulk.add(tenant_id, connection_id, one)

    def _of_bulk(self, bound: int) -> int:
        return max(1, int(bound * self._bulk_share)) if bound > 0 and self.takes_bulk else 0


def _add(counter: Counter[str], key: str, one: int) -> None:
    counter[key] += one
    if counter[key] <= 0:
        del counter[key]  # the number of tenants has no bound; those at rest take no memory
