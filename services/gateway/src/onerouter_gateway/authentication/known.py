"""The keys whose holders are known: least recently used first out, found by their tenant when that changes."""

from collections import OrderedDict
from collections.abc import Set
from dataclasses import dataclass
from typing import Final, TypeAlias

from onerouter_gateway.authentication.holder import Holder

_Whose: TypeAlias = tuple[str, str]
"""Tenant and environment."""
_ENVIRONMENTS: Final = ("test", "live")


@dataclass(slots=True)
class Entry:
    holder: Holder
    asked_at: float
    ask_again_at: float = 0.0

    @property
    def whose(self) -> _Whose:
        return self.holder.principal.tenant_id, self.holder.principal.environment


class KnownKeys:
    """`entries` is read directly, in every request; it is changed here only, or the index would not be true."""

    def __init__(self, size: int) -> None:
        self.entries: Final[OrderedDict[str, Entry]] = OrderedDict()
        self._size = size
        self._by_tenant: dict[_Whose, set[str]] = {}

    def remember(self, key_hash: str, entry: Entry) -> None:
        self.forget(key_hash)
        self.entries[key_hash] = entry
        self._by_tenant.setdefault(entry.whose, set()).add(key_hash)
        if len(self.entries) > self._size:
            self.forget(next(iter(self.entries)))

    def forget(self, key_hash: str) -> None:
        entry = self.entries.pop(key_hash, None)
        if entry is None:
            return
        of_tenant = self._by_tenant[entry.whose]
        of_tenant.discard(key_hash)
        if not of_tenant:
            del self._by_tenant[entry.whose]

    def forget_tenant(self, tenant_id: str, environment: str | None) -> Set[str]:
        """Its keys of this environment (None: of each), which are forgotten; nobody else's are looked at."""
        gone: set[str] = set()
        for one in _ENVIRONMENTS if environment is None else (environment,):
            gone |= self._by_tenant.pop((tenant_id, one), set())
        for key_hash in gone:
            del self.entries[key_hash]
        return gone

    def clear(self) -> None:
        self.entries.clear()
        self._by_tenant.clear()
