"""A tenant's API keys: make, list, revoke."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from pydantic import SecretStr
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.api_keys import hash_key, make_key, parse_key
from onerouter_common.clock import Clock
from onerouter_common.errors import NotFound
from onerouter_common.ids import API_KEY, new_id
from onerouter_registry.api_key import repository
from onerouter_registry.api_key.model import EVERYTHING, ApiKey, CreatedKey, expiry_of, scopes_of
from onerouter_registry.changes import api_key_changed
from onerouter_registry.outbox.repository import append
from onerouter_registry.transactions import tenant_transaction
from onerouter_registry.validation import count_of, environment_of, name_of

log = structlog.get_logger()

_MOST_PER_S = 100_000


class ApiKeys:
    def __init__(self, engine: AsyncEngine, pepper: SecretStr, clock: Clock) -> None:
        self._engine = engine
        self._pepper = pepper
        self._clock = clock

    async def create(
        self,
        tenant_id: str,
        environment: str,
        *,
        name: str,
        scopes: Sequence[str] = (EVERYTHING,),
        rate_limit_per_s: int = 100,
        rate_burst: int = 200,
        expires_at: datetime | None = None,
    ) -> CreatedKey:
        """A new key, shown this once. Raises InvalidRequest, NotFound (no such tenant)."""
        where = environment_of(environment)
        now = self._clock.now()
        key = make_key(where)
        parsed = parse_key(key.get_secret_value())
        assert parsed is not None  # noqa: S101 - a key we made is one we can read
        api_key = ApiKey(
            id=new_id(API_KEY),
            tenant_id=tenant_id,
            environment=where,
            name=name_of("name", name),
            hash=hash_key(key.get_secret_value(), self._pepper),
            display_prefix=parsed.display_prefix,
            scopes=scopes_of(tuple(scopes)),
            rate_limit_per_s=count_of("rate_limit_per_s", rate_limit_per_s, _MOST_PER_S),
            rate_burst=count_of("rate_burst", rate_burst, _MOST_PER_S),
            created_at=now,
            expires_at=expiry_of(expires_at, now),
        )
        await self._store(api_key)
        log.info("registry.api_key.created", tenant_id=tenant_id, environment=where, api_key_id=api_key.id)
        return CreatedKey(key, api_key)

    async def list(self, tenant_id: str, environment: str) -> list[ApiKey]:
        """Revoked ones too, oldest first."""
        async with tenant_transaction(self._engine, tenant_id, environment_of(environment)) as tx:
            return await repository.list_all(tx)

    async def revoke(self, tenant_id: str, environment: str, key_id: str) -> ApiKey:
        """End a key for good; doing it again changes nothing. Raises NotFound."""
        now = self._clock.now()
        where = environment_of(environment)
        async with tenant_transaction(self._engine, tenant_id, where) as tx:
            api_key = await repository.find(tx, key_id)
            if api_key is None:
                raise NotFound(f"There is no API key {key_id}.")
            if not await repository.revoke(tx, key_id, now):
                return api_key
            await append(tx, api_key_changed(tenant_id, where, key_id, api_key.hash, "deleted", now))
        log.info("registry.api_key.revoked", tenant_id=tenant_id, environment=where, api_key_id=key_id)
        return replace(api_key, revoked_at=now)

    async def _store(self, api_key: ApiKey) -> None:
        created = api_key_changed(
            api_key.tenant_id, api_key.environment, api_key.id, api_key.hash, "created", api_key.created_at
        )
        try:
            async with tenant_transaction(self._engine, api_key.tenant_id, api_key.environment) as tx:
                await repository.add(tx, api_key)
                await append(tx, created)
        except IntegrityError as error:
            # The only other rule a fresh key can break is that its tenant exists.
            raise NotFound(f"There is no tenant {api_key.tenant_id}.") from error
