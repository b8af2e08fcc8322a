"""A signing secret answered once more, to who repeats the request that made it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from pydantic import SecretStr

from onerouter_common.db.engine import Pool
from onerouter_common.secrets import KeyRing, SecretUnopenable
from onerouter_common.web.internal import TenantContext
from onerouter_webhooks.endpoint.keys import place_of

log = structlog.get_logger()

NOT_SHOWN: Final = (
    "This repeats a request that was carried out before. The secret that it made cannot be shown again: it has expired "
    "since, or its endpoint was deleted. Rotate the endpoint's secret to get a new one."
)

# By the worker's connections: a tenant's may not read what is sealed.
_FIND: Final = """
SELECT s.endpoint_id, s.sealed, k.id AS data_key_id, k.wrapped
FROM endpoint_secrets s
JOIN data_keys k ON k.id = split_part(s.sealed, '.', 2) AND k.tenant_id = s.tenant_id AND k.environment = s.environment
WHERE s.id = $1 AND s.tenant_id = $2 AND s.environment = $3 AND (s.expires_at IS NULL OR s.expires_at > $4)
"""


@dataclass(frozen=True, slots=True)
class SealedSecrets:
    pool: Pool
    keyring: KeyRing

    async def find(self, owner: TenantContext, secret_id: str, now: datetime) -> SecretStr | None:
        """None: it is gone, signs nothing any more, or cannot be opened. Raises Overloaded."""
        row = await self.pool.fetchrow(_FIND, secret_id, owner.tenant_id, owner.environment, now)
        if row is None:
            return None
        try:
            bound_to = (owner.tenant_id, owner.environment)
            data_key = await self.keyring.open_data_key(row["data_key_id"], row["wrapped"], bound_to=bound_to)
            return data_key.open(row["sealed"], bound_to=place_of(owner.tenant_id, row["endpoint_id"], secret_id))
        except SecretUnopenable as error:
            log.warning("endpoint.secret.unopenable", endpoint_id=row["endpoint_id"], why=str(error))
            return None
