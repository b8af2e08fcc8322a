"""The catalogue as the public sees it: the manifests, and what an operator has switched off."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from onerouter_common.contracts.base import Category
from onerouter_common.errors import NotFound
from onerouter_registry.catalogue.categories import CATEGORIES
from onerouter_registry.catalogue.schemas import CatalogueView, CategoryView, ProviderView, view_of
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.switch.model import WHOLE_CATEGORY, Switchable

HELD_S: Final = 1.0
"""Anyone may ask without signing in, so the database is asked at most once in this time."""


class Directory:
    def __init__(
        self, catalogue: Catalogue, switches: Callable[[], Awaitable[Sequence[Switchable]]], *, held_s: float = HELD_S
    ) -> None:
        self._catalogue = catalogue
        self._switches = switches
        self._held_s = held_s
        self._off: dict[tuple[str, str], str] = {}
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def all(self, category: str | None = None) -> CatalogueView:
        """By category and provider; of one category only where it is named."""
        await self._refresh()
        shown = [one for one in self._providers() if category in (None, one.category)]
        return CatalogueView(
            categories=[self._category(name) for name in CATEGORIES if category in (None, name)], data=shown
        )

    async def get(self, category: str, provider: str) -> ProviderView:
        """Raises NotFound."""
        await self._refresh()
        for one in self._providers():
            if (one.category, one.id) == (category, provider):
                return one
        raise NotFound(f"There is no provider {category[:40]}/{provider[:40]}.")

    def _providers(self) -> list[ProviderView]:
        return [view_of(one, self._reason(one.category, one.id)) for one in self._catalogue.manifests()]

    def _category(self, category: Category) -> CategoryView:
        facts = CATEGORIES[category]
        reason = self._off.get((category, WHOLE_CATEGORY))
        return CategoryView(
            id=category,
            display_name=facts.display_name,
            description=facts.description,
            available=reason is None,
            unavailable_reason=reason,
            providers=sum(one.category == category for one in self._catalogue.manifests()),
        )

    def _reason(self, category: str, provider: str) -> str | None:
        return self._off.get((category, WHOLE_CATEGORY)) or self._off.get((category, provider))

    async def _refresh(self) -> None:
        async with self._asking:
            if time.monotonic() - self._asked_at < self._held_s:
                return
            found = await self._switches()
            self._off = {(one.category, one.provider): one.switch.reason for one in found if one.switch is not None}
            self._asked_at = time.monotonic()
