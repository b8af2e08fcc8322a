"""Switching providers off and on, for everyone, at once."""

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.errors import NotFound
from onerouter_registry.actor import SYSTEM, Actor
from onerouter_registry.audit.chain import PLATFORM
from onerouter_registry.audit.service import AuditLog
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.changes import provider_switched
from onerouter_registry.outbox.repository import append
from onerouter_registry.switch import repository
from onerouter_registry.switch.model import WHOLE_CATEGORY, Switch, Switchable
from onerouter_registry.transactions import operator_transaction
from onerouter_registry.validation import reason_of

log = structlog.get_logger()


class Switches:
    def __init__(self, engine: AsyncEngine, catalogue: Catalogue, audit: AuditLog, clock: Clock) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._audit = audit
        self._clock = clock

    async def list(self) -> list[Switchable]:
        """Every category, each followed by its providers; also what is off though it is not installed (any more)."""
        async with operator_transaction(self._engine) as tx:
            off = {(switch.category, switch.provider): switch for switch in await repository.list_all(tx)}
        names = self._names() | {place: place[1] for place in off if place not in self._names()}
        return [Switchable(*place, name, off.get(place)) for place, name in sorted(names.items())]

    async def disable(self, category: str, provider: str, reason: str, *, by: Actor = SYSTEM) -> Switch:
        """Off for every tenant within a second; again with another reason: that reason. Raises InvalidRequest, NotFound."""
        self._require_known(category, provider)
        switch = Switch(category, provider, reason_of("reason", reason), by.name or by.id, self._clock.now())
        async with operator_transaction(self._engine) as tx:
            before = await repository.find(tx, category, provider)
            if before is not None and before.reason == switch.reason:
                return before
            await repository.put(tx, switch)
            await append(tx, provider_switched(category, provider, switch.disabled_at))
            await self._audit.record(
                tx,
                by,
                "provider.disabled",
                tenant_id=PLATFORM,
                environment=None,
                target=("provider", f"{category}/{provider}"),
                before=None if before is None else {"reason": before.reason},
                after={"reason": switch.reason},
            )
        log.warning("registry.provider.disabled", category=category, provider=provider)
        return switch

    async def enable(self, category: str, provider: str, *, by: Actor = SYSTEM) -> None:
        """On again, unless its category is off; nothing changes where it was. Raises NotFound."""
        async with operator_transaction(self._engine) as tx:
            before = await repository.find(tx, category, provider)
            if before is None:
                self._require_known(category, provider)
                return
            await repository.remove(tx, category, provider)
            await append(tx, provider_switched(category, provider, self._clock.now()))
            await self._audit.record(
                tx,
                by,
                "provider.enabled",
                tenant_id=PLATFORM,
                environment=None,
                target=("provider", f"{category}/{provider}"),
                before={"reason": before.reason},
            )
        log.warning("registry.provider.enabled", category=category, provider=provider)

    def _require_known(self, category: str, provider: str) -> None:
        if (category, provider) not in self._names():
            raise NotFound(f"There is no provider {category[:40]}/{provider[:40]}.")

    def _names(self) -> dict[tuple[str, str], str]:
        entries = self._catalogue.entries()
        providers = {(entry["category"], entry["id"]): str(entry["display_name"]) for entry in entries}
        return providers | {(category, WHOLE_CATEGORY): category for category, _ in providers}
