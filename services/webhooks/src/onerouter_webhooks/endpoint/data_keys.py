"""The data key with which a tenant's secrets are sealed, asked for while nothing is locked: a KMS may take seconds."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from onerouter_common.db.tenancy import tenant_transaction
from onerouter_common.secrets import DataKey, KeyRing
from onerouter_common.web.internal import TenantContext
from onerouter_webhooks.endpoint.repository import Endpoints


@dataclass(frozen=True, slots=True)
class SealingKeys:
    engine: AsyncEngine
    keyring: KeyRing

    async def find(self, owner: TenantContext) -> DataKey | None:
        """The newest; None: there is none yet. Raises Overloaded."""
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            known = await Endpoints(connection, owner.tenant_id, owner.environment).find_data_key()
        return None if known is None else await self._open(owner, known)

    async def get(self, owner: TenantContext) -> DataKey:
        """The newest, or the first that is stored, by whomever. Raises Overloaded."""
        found = await self.find(owner)
        if found is not None:
            return found
        made, wrapped = await self.keyring.new_data_key(bound_to=(owner.tenant_id, owner.environment))
        async with tenant_transaction(self.engine, owner.tenant_id, owner.environment) as connection:
            stored = await Endpoints(connection, owner.tenant_id, owner.environment).add_first_data_key(
                made.id, wrapped
            )
        return made if stored[0] == made.id else await self._open(owner, stored)

    async def _open(self, owner: TenantContext, known: tuple[str, str]) -> DataKey:
        return await self.keyring.open_data_key(*known, bound_to=(owner.tenant_id, owner.environment))
