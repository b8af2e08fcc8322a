"""A vendor's bank data between the request and the provider: sealed at rest, opened only for the call, erased after it.

Each is sealed under a data key of its own, wrapped by the environment's keyring as credentials are. What stays is masked.
The registry's `rotate-keys` does not reach these: whoever serves wraps them anew when another key is first in its ring.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import structlog
from pydantic import SecretStr

from onerouter_common.db.engine import Pool
from onerouter_common.errors import Conflict
from onerouter_common.ids import VENDOR_DETAILS, new_id
from onerouter_common.secrets import KeyRings, SecretUnopenable
from onerouter_common.secrets.sealing import data_key_of

log = structlog.get_logger()

KEPT_DAYS: Final = 35
"""Longer than any idempotency key is promised to be remembered; then also what no vendor was made with is erased."""
_SHOWN_CHARS: Final = 4

_INSERT: Final = """
INSERT INTO vendor_details (id, tenant_id, environment, data_key, sealed, created_at) VALUES ($1, $2, $3, $4, $5, now())
"""
_SELECT: Final = "SELECT data_key, sealed FROM vendor_details WHERE id = $1 AND tenant_id = $2 AND environment = $3"
_ERASE: Final = """
DELETE FROM vendor_details d WHERE created_at < now() - make_interval(days => $1) OR EXISTS (
    SELECT FROM resources r
    WHERE r.kind = 'vendor' AND r.tenant_id = d.tenant_id AND r.environment = d.environment AND r.version > 0
        AND r.created_at > d.created_at - interval '1 hour' AND r.data ->> 'details_id' = d.id
)
"""
_UNDER_OTHER_KEYS: Final = """
SELECT id, tenant_id, environment, data_key, sealed FROM vendor_details
WHERE id > $1 AND split_part(data_key, '.', 2) <> CASE environment WHEN 'test' THEN $2 ELSE $3 END ORDER BY id LIMIT $4
"""
_REWRAP: Final = "UPDATE vendor_details SET data_key = $3 WHERE id = $1 AND data_key = $2"
_BATCH: Final = 100

_NAMES: Final = frozenset({"account_holder", "account_holder_name", "bank_name", "country", "currency", "account_type"})
_PUBLIC: Final = frozenset({"paypal_email", "payer_id"})
"""They say which account it is, and become its public id (`account_id`): to mask them here would hide nothing."""


def masked(details: Mapping[str, str]) -> dict[str, str]:
    """The last four characters of each number; names, and what is public anyway, as they are."""
    return {name: value if name in _NAMES | _PUBLIC else _mask(value) for name, value in details.items()}


def _mask(value: str) -> str:
    hidden = max(len(value) - _SHOWN_CHARS, _SHOWN_CHARS)
    return "•" * min(hidden, 12) + (value[-_SHOWN_CHARS:] if len(value) > 2 * _SHOWN_CHARS else "")


class VendorDetails:
    def __init__(self, pool: Pool, keyrings: KeyRings) -> None:
        self._pool = pool
        self._keyrings = keyrings

    async def keep(self, tenant_id: str, environment: str, details: Mapping[str, str]) -> str:
        """Seal them; the id by which they are opened. Raises Overloaded when the keys cannot be used right now."""
        id_ = new_id(VENDOR_DETAILS)
        key, wrapped = await self._keyrings.of(environment).new_data_key(bound_to=(tenant_id, environment))
        text = SecretStr(json.dumps(dict(details), ensure_ascii=False))
        sealed = key.seal(text, bound_to=(tenant_id, id_, "account_details"))
        await self._pool.execute(_INSERT, id_, tenant_id, environment, wrapped, sealed)
        return id_

    async def open(self, tenant_id: str, environment: str, id_: str) -> Mapping[str, str]:
        """In the clear. Raises Conflict when they were erased, SecretUnopenable, Overloaded."""
        row = await self._pool.fetchrow(_SELECT, id_, tenant_id, environment)
        if row is None:
            raise Conflict("The vendor's bank data is not kept any more; send it again.")
        sealed: str = row["sealed"]
        keyring = self._keyrings.of(environment)
        key = await keyring.open_data_key(data_key_of(sealed), row["data_key"], bound_to=(tenant_id, environment))
        opened: dict[str, str] = json.loads(
            key.open(sealed, bound_to=(tenant_id, id_, "account_details")).get_secret_value()
        )
        return opened

    async def erase(self) -> int:
        """Those whose vendor exists at its provider, or was refused; and those that led to none. How many."""
        done: Any = await self._pool.execute(_ERASE, KEPT_DAYS)
        return int(str(done).rpartition(" ")[2])

    async def rewrap(self) -> int:
        """Wrap with the first key of each ring what another one wrapped. How many; one that does not open is left, and told.

        Raises Overloaded when the keys cannot be used right now: what was done stays done.
        """
        after, number = "", 0
        primaries = [self._keyrings.of(environment).primary for environment in ("test", "live")]
        while rows := await self._pool.fetch(_UNDER_OTHER_KEYS, after, *primaries, _BATCH):
            after = rows[-1]["id"]
            for row in rows:
                wrapped = await self._rewrapped(dict(row))
                if wrapped is not None:
                    await self._pool.execute(_REWRAP, row["id"], row["data_key"], wrapped)
                    number += 1
        return number

    async def _rewrapped(self, row: Mapping[str, Any]) -> str | None:
        place = row["tenant_id"], row["environment"]
        try:
            ring = self._keyrings.of(row["environment"])
            return await ring.rewrap(data_key_of(row["sealed"]), row["data_key"], bound_to=place)
        except SecretUnopenable as error:
            log.warning("vendor_details.unopenable", details_id=row["id"], tenant_id=row["tenant_id"], error=str(error))
            return None
