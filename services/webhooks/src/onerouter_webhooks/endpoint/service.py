"""A tenant's endpoints: made with a secret that is shown once, changed, stopped and started, listed, deleted."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, SecretStr, TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from onerouter_common.clock import Clock
from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.egress import AddressPolicy, check_url
from onerouter_common.errors import Conflict, InvalidRequest, NotFound
from onerouter_common.ids import ENDPOINT, new_id
from onerouter_common.once.request import UNKEYED, Once
from onerouter_common.secrets import DataKey
from onerouter_common.web.internal import TenantContext
from onerouter_webhooks.delivery.slots import Lane
from onerouter_webhooks.endpoint.auth import OAuth2Auth
from onerouter_webhooks.endpoint.data_keys import SealingKeys
from onerouter_webhooks.endpoint.repository import EndpointRow, Endpoints
from onerouter_webhooks.endpoint.schemas import (
    CreatedEndpoint,
    CreateEndpoint,
    DeletedEndpoint,
    Endpoint,
    EndpointList,
    RotatedSecret,
    UpdateEndpoint,
)
from onerouter_webhooks.endpoint.sealing import Sealer, values_of
from onerouter_webhooks.endpoint.shown import NOT_SHOWN, SealedSecrets
from onerouter_webhooks.signing import new_key_pair, new_secret

MOST_SECRETS: Final = 10
"""Each signs each delivery."""


class _Made(BaseModel):
    """What a request came to, but for the secret, which is kept where it is sealed only."""

    endpoint: Endpoint
    secret_id: str


class _Rotated(BaseModel):
    answer: RotatedSecret
    """Without the secret."""
    secret_id: str


_MADE: Final = TypeAdapter(_Made)
_ROTATED: Final = TypeAdapter(_Rotated)


@dataclass(frozen=True, slots=True)
class EndpointService:
    engine: AsyncEngine
    secrets: SealedSecrets
    data_keys: SealingKeys
    policy: AddressPolicy
    clock: Clock
    max_endpoints: int
    look_over: Callable[[], None]
    """An endpoint was stopped, started or deleted."""
    owes: Callable[[Iterable[Lane]], None]
    """Something may be sent to these now."""

    async def create(self, owner: TenantContext, wish: CreateEndpoint, once: Once = UNKEYED) -> CreatedEndpoint:
        """Raises InvalidRequest (an address), Conflict (too many) and IdempotencyMismatch."""
        self._check_addresses(wish)
        now, secret, data_key = self.clock.now(), new_secret(), await self.data_keys.get(owner)

        async def act() -> _Made:
            endpoints = Endpoints(connection, owner.tenant_id, owner.environment)
            return await self._create(endpoints, owner, data_key, wish, secret, now)

        async with self._transaction(owner) as connection:
            made = await once.carry_out(connection, now, act, _MADE)
        shown_, note = await self._shown(owner, made.secret_id, secret, now, once)
        return CreatedEndpoint(**made.endpoint.model_dump(), secret=shown_, note=note)

    async def _create(
        self,
        endpoints: Endpoints,
        owner: TenantContext,
        data_key: DataKey,
        wish: CreateEndpoint,
        secret: SecretStr,
        now: datetime,
    ) -> _Made:
        if await endpoints.count_locked() >= self.max_endpoints:
            raise Conflict(f"There are already {self.max_endpoints} webhook endpoints; delete one first.")
        endpoint_id = new_id(ENDPOINT)
        sealer = Sealer(owner.tenant_id, endpoint_id, data_key)
        private, public = new_key_pair()
        values = {**values_of(wish, sealer), "public_key": public}
        row = await endpoints.add(endpoint_id, {"metadata": {}, **values}, now)
        sealed = sealer.secret(secret)
        await endpoints.add_secret("v1", *sealed, now)
        await endpoints.add_secret("v1a", *sealer.secret(private), now)
        return _Made(endpoint=_endpoint(row), secret_id=sealed.id)

    async def get(self, owner: TenantContext, endpoint_id: str) -> Endpoint:
        """Raises NotFound, also for another tenant's."""
        async with self._endpoints(owner) as endpoints:
            return _endpoint(await _get(endpoints, endpoint_id))

    async def page(self, owner: TenantContext, cursor: str | None, limit: int) -> EndpointList:
        """Newest first."""
        async with self._endpoints(owner) as endpoints:
            rows = await endpoints.page(cursor, limit + 1)
        shown_, has_more = rows[:limit], len(rows) > limit
        return EndpointList(
            data=[_endpoint(row) for row in shown_],
            has_more=has_more,
            next_cursor=shown_[-1].id if has_more else None,
        )

    async def update(self, owner: TenantContext, endpoint_id: str, wish: UpdateEndpoint) -> Endpoint:
        """What the wish names. Holds for attempts that begin from now on. Raises NotFound and InvalidRequest."""
        self._check_addresses(wish)
        data_key = await self.data_keys.find(owner)
        async with self._endpoints(owner) as endpoints:
            before = await _get(endpoints, endpoint_id, locked=True)
            _check_authorized_once(before, wish)
            values = values_of(wish, _sealer(owner, endpoint_id, data_key))
            return _endpoint(await endpoints.update(endpoint_id, values, self.clock.now()))

    async def pause(self, owner: TenantContext, endpoint_id: str) -> Endpoint:
        """Its deliveries are kept until it is enabled again. Repeatable. Raises NotFound and Conflict (it is disabled)."""
        async with self._endpoints(owner) as endpoints:
            row = await _get(endpoints, endpoint_id, locked=True)
            if row.status == "disabled":
                raise Conflict("The endpoint is disabled, so that nothing is delivered to it anyway.")
            await endpoints.pause(endpoint_id, self.clock.now())
            paused = _endpoint(await _get(endpoints, endpoint_id))
        self.look_over()
        return paused

    async def enable(self, owner: TenantContext, endpoint_id: str) -> Endpoint:
        """What was kept for it is delivered, the oldest first, also where it was left alone because it failed. Repeatable.
        Raises NotFound."""
        async with self._endpoints(owner) as endpoints:
            await _get(endpoints, endpoint_id, locked=True)
            await endpoints.enable(endpoint_id, self.clock.now())
            enabled = _endpoint(await _get(endpoints, endpoint_id))
        self.look_over()
        # Of one that was left alone nothing was put aside, by which it would be found at once among all others.
        self.owes([Lane(endpoint_id, owner.tenant_id)])
        return enabled

    async def rotate_secret(
        self, owner: TenantContext, endpoint_id: str, expire_old_after_s: int, once: Once = UNKEYED
    ) -> RotatedSecret:
        """A new secret that signs at once, beside those before it until they expire.

        Raises NotFound, Conflict and IdempotencyMismatch.
        """
        now, secret = self.clock.now(), new_secret()
        until = now + timedelta(seconds=expire_old_after_s)
        data_key = await self.data_keys.find(owner)

        async def act() -> _Rotated:
            endpoints = Endpoints(connection, owner.tenant_id, owner.environment)
            row = await _get(endpoints, endpoint_id, locked=True)
            return await self._rotate(endpoints, row, _sealer(owner, endpoint_id, data_key), secret, until, now)

        async with self._transaction(owner) as connection:
            made = await once.carry_out(connection, now, act, _ROTATED)
        shown_, note = await self._shown(owner, made.secret_id, secret, now, once)
        return made.answer.model_copy(update={"secret": shown_, "note": note})

    async def _rotate(
        self,
        endpoints: Endpoints,
        row: EndpointRow,
        sealer: Sealer,
        secret: SecretStr,
        until: datetime,
        now: datetime,
    ) -> _Rotated:
        await endpoints.expire_secrets(row.id, now, until)
        live = await endpoints.live_secrets(row.id, now) + 1
        if live > MOST_SECRETS:
            raise Conflict(f"There are {MOST_SECRETS} live secrets. Wait for one to expire, or expire all at once.")
        sealed = sealer.secret(secret)
        await endpoints.add_secret("v1", *sealed, now)
        public, values = row.public_key, {}
        if public is None:  # made before there were key pairs
            private, public = new_key_pair()
            await endpoints.add_secret("v1a", *sealer.secret(private), now)
            values = {"public_key": public}
        await endpoints.update(row.id, values, now)
        answer = RotatedSecret(id=row.id, secret=None, old_expire_at=until, live_secrets=live, public_key=public)
        return _Rotated(answer=answer, secret_id=sealed.id)

    async def _shown(
        self, owner: TenantContext, secret_id: str, made: SecretStr, now: datetime, once: Once
    ) -> tuple[str | None, str | None]:
        """The secret in the clear, or why not: a repeat gets that of the first request. Raises Overloaded."""
        secret = await self.secrets.find(owner, secret_id, now) if once.is_replayed else made
        return (None, NOT_SHOWN) if secret is None else (secret.get_secret_value(), None)

    async def delete(self, owner: TenantContext, endpoint_id: str) -> DeletedEndpoint:
        """Raises NotFound. A delivery that is on its way right now may still arrive."""
        async with self._endpoints(owner) as endpoints:
            if not await endpoints.delete(endpoint_id, self.clock.now()):
                raise _unknown(endpoint_id)
        self.look_over()
        return DeletedEndpoint(id=endpoint_id)

    def _transaction(self, owner: TenantContext) -> AbstractAsyncContextManager[AsyncConnection]:
        return tenant_transaction(self.engine, owner.tenant_id, owner.environment)

    @asynccontextmanager
    async def _endpoints(self, owner: TenantContext) -> AsyncIterator[Endpoints]:
        async with self._transaction(owner) as connection:
            yield Endpoints(connection, owner.tenant_id, owner.environment)

    def _check_addresses(self, wish: CreateEndpoint | UpdateEndpoint) -> None:
        if wish.url is not None:
            check_url(wish.url, self.policy)
        if isinstance(wish.auth, OAuth2Auth):
            check_url(wish.auth.token_url, self.policy, field="auth.token_url")


def _sealer(owner: TenantContext, endpoint_id: str, data_key: DataKey | None) -> Sealer:
    if data_key is None:  # who has an endpoint has one, unless all of it was forgotten a moment ago
        raise _unknown(endpoint_id)
    return Sealer(owner.tenant_id, endpoint_id, data_key)


def _check_authorized_once(before: EndpointRow, wish: UpdateEndpoint) -> None:
    """Raises InvalidRequest: what is said now and what was said before would both authorize."""
    names = sorted(wish.headers or ()) if "headers" in wish.model_fields_set else before.header_names
    authorized = wish.auth is not None if "auth" in wish.model_fields_set else before.auth is not None
    if authorized and any(name.lower() == "authorization" for name in names):
        field = "headers" if "headers" in wish.model_fields_set else "auth"
        raise InvalidRequest.of(field, "cannot stand beside the other one that sets authorization")


async def _get(endpoints: Endpoints, endpoint_id: str, *, locked: bool = False) -> EndpointRow:
    row = await endpoints.find(endpoint_id, locked=locked)
    if row is None:
        raise _unknown(endpoint_id)
    return row


def _unknown(endpoint_id: str) -> NotFound:
    return NotFound(f"There is no webhook endpoint {endpoint_id[:64]}.")


def _endpoint(row: EndpointRow) -> Endpoint:
    return Endpoint.model_validate(row, from_attributes=True)
