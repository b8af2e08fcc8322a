"""Connections as the management API shows them: with their address, their provider's name and what keeps it from use."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.contracts.base import Category
from onerouter_common.errors import InvalidRequest
from onerouter_common.ids import CONNECTION, is_id
from onerouter_registry.catalogue.categories import CATEGORIES
from onerouter_registry.catalogue.service import Catalogue
from onerouter_registry.connection import repository
from onerouter_registry.connection.callback_token.model import CallbackAddress, CallbackUrls
from onerouter_registry.connection.callback_token.service import CallbackTokens
from onerouter_registry.connection.model import Connection
from onerouter_registry.connection.rules import MOST_CONNECTIONS
from onerouter_registry.connection.schemas import (
    AvailableProvider,
    ConnectionPage,
    ConnectionView,
    ServiceList,
    ServiceView,
)
from onerouter_registry.switch import repository as switches
from onerouter_registry.switch.model import WHOLE_CATEGORY
from onerouter_registry.transactions import tenant_transaction
from onerouter_registry.validation import environment_of

_OVERVIEW_MOST: Final = (len(CATEGORIES) + 1) * MOST_CONNECTIONS
"""All that are connected, and some of the others."""

Off = Mapping[tuple[str, str], str]
"""(category, provider) → why it is switched off."""


class ConnectionViews:
    def __init__(
        self, engine: AsyncEngine, catalogue: Catalogue, callback_tokens: CallbackTokens, urls: CallbackUrls
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._callback_tokens = callback_tokens
        self._urls = urls

    async def overview(self, tenant_id: str, environment: str, *, disconnected: bool = False) -> ServiceList:
        """Every service with what is connected, and what can be."""
        where = environment_of(environment)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            found = await repository.list_all(tx, disconnected=disconnected, limit=_OVERVIEW_MOST + 1)
            off = await _off(tx)
            views = await self._views(tx, found[:_OVERVIEW_MOST], off)
        return ServiceList(
            environment=where,
            data=[self._service(category, views, off) for category in CATEGORIES],
            has_more=len(found) > _OVERVIEW_MOST,
        )

    async def page(
        self,
        tenant_id: str,
        environment: str,
        category: str,
        provider: str,
        *,
        disconnected: bool,
        limit: int,
        cursor: str | None,
    ) -> ConnectionPage:
        """A provider's connections in the order of the route. Raises InvalidRequest (the cursor)."""
        async with tenant_transaction(self._engine, tenant_id, environment_of(environment)) as tx:
            after = await _cursor(tx, cursor)
            found = await repository.list_all(
                tx, category, provider, disconnected=disconnected, limit=limit + 1, after=after
            )
            views = await self._views(tx, found[:limit], await _off(tx))
        has_more = len(found) > limit
        return ConnectionPage(data=views, has_more=has_more, next_cursor=views[-1].id if has_more else None)

    async def one(self, connection: Connection) -> ConnectionView:
        async with tenant_transaction(self._engine, connection.tenant_id, connection.environment) as tx:
            (view,) = await self._views(tx, [connection], await _off(tx))
        return view

    async def _views(self, tx: AsyncConnection, shown: Sequence[Connection], off: Off) -> list[ConnectionView]:
        addresses = await self._callback_tokens.addresses(tx, shown)
        return [self._view(one, addresses[one.id], off) for one in shown]

    def _view(self, connection: Connection, address: CallbackAddress, off: Off) -> ConnectionView:
        manifest = self._catalogue.find(connection.category, connection.provider)
        return ConnectionView(
            id=connection.id,
            service=connection.category,
            provider=connection.provider,
            display_name=connection.provider if manifest is None else manifest.display_name,
            label=connection.label,
            environment=connection.environment,
            status=connection.status,
            unavailable_reason=_reason(off, connection.category, connection.provider),
            priority=connection.priority,
            currency=connection.currency,
            max_in_flight=connection.max_in_flight,
            rate_per_s=connection.rate_per_s,
            credentials={**connection.credentials.public, **connection.credentials.masked},
            verification=connection.verification,
            last_verified_at=connection.verified_at,
            verified_error=connection.verified_error,
            callback_url=None if address.token is None else self._urls.of(connection.provider, address.token),
            earlier_callback_urls_until=address.earlier_until,
            capabilities=[] if manifest is None else [one.name for one in manifest.capabilities],
            created_at=connection.created_at,
            updated_at=connection.updated_at,
            disconnected_at=connection.disconnected_at,
            credentials_kept_until=connection.forget_after,
            credentials_destroyed_at=connection.forgotten_at,
        )

    def _service(self, category: Category, views: Sequence[ConnectionView], off: Off) -> ServiceView:
        own = [view for view in views if view.service == category]
        connected = {view.provider for view in own if view.status != "disconnected"}
        return ServiceView(
            service=category,
            display_name=CATEGORIES[category].display_name,
            unavailable_reason=off.get((category, WHOLE_CATEGORY)),
            connections=own,
            not_connected=[
                AvailableProvider(
                    provider=one.id,
                    display_name=one.display_name,
                    unavailable_reason=_reason(off, one.category, one.id),
                )
                for one in self._catalogue.manifests()
                if one.category == category and one.id not in connected
            ],
        )


async def _off(tx: AsyncConnection) -> Off:
    return {(one.category, one.provider): one.reason for one in await switches.list_all(tx)}


def _reason(off: Off, category: str, provider: str) -> str | None:
    return off.get((category, WHOLE_CATEGORY)) or off.get((category, provider))


async def _cursor(tx: AsyncConnection, cursor: str | None) -> Connection | None:
    if cursor is None:
        return None
    found = await repository.find(tx, cursor) if is_id(CONNECTION, cursor) else None
    if found is None:
        raise InvalidRequest.of("cursor", "is not one that this list has given")
    return found
