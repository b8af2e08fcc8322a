"""The hot question: who holds the key with this hash?"""

import asyncpg

from onerouter_common.clock import Clock
from onerouter_common.db.engine import Pool
from onerouter_common.registry_client import Principal
from onerouter_registry.api_key import repository
from onerouter_registry.api_key.model import status_of
from onerouter_registry.api_key.usage import KeyUsage
from onerouter_registry.tenant.plans import requests_per_minute

_CURRENCY_CATEGORY = "payments"
_DEFAULT_CURRENCY = "INR"


class Introspection:
    def __init__(self, pool: Pool, usage: KeyUsage, clock: Clock) -> None:
        self._pool = pool
        self._usage = usage
        self._clock = clock

    async def find(self, key_hash: str) -> Principal | None:
        """One query. A key that is revoked or expired is found too, with its status; only an active one counts as used."""
        row = await repository.find_principal(self._pool, key_hash)
        if row is None:
            return None
        now = self._clock.now()
        status = status_of(row["revoked_at"], row["expires_at"], now)
        if status == "active":
            self._usage.record(row["id"], now)
        return Principal(
            tenant_id=row["tenant_id"],
            environment=row["environment"],
            api_key_id=row["id"],
            family=row["family"],
            status=status,
            scopes=frozenset(row["scopes"]),
            rate_limit_per_s=row["rate_limit_per_s"],
            rate_burst=row["rate_burst"],
            default_currency=_default_currency(row),
            services=_services(row),
            default_region=row["default_region"],
            expires_at=row["expires_at"],
            tenant_status=row["tenant_status"],
            requests_per_minute=requests_per_minute(row["plan"], row["requests_per_minute"]),
            ip_allow_list=tuple(row["ip_allow_list"]),
            quotas=row["quotas"],
        )


def _services(row: asyncpg.Record) -> dict[str, tuple[str, ...]]:
    services: dict[str, dict[str, None]] = {}
    for category, provider, _ in row["routes"]:
        services.setdefault(category, {})[provider] = None
    return {category: tuple(providers) for category, providers in services.items()}


def _default_currency(row: asyncpg.Record) -> str:
    return next(
        (str(currency) for category, _, currency in row["routes"] if category == _CURRENCY_CATEGORY and currency),
        _DEFAULT_CURRENCY,
    )
