"""Which connection a bucket's name means. A bucket is a place: nothing is ever looked for in another one instead."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import BaseModel

from onerouter_common.errors import NotFound, ProviderDisabled
from onerouter_common.object_keys import KEY_BYTES
from onerouter_common.web.internal import TenantContext
from onerouter_providers.connections import ProviderConnection
from onerouter_providers.known import KnownConnection

CATEGORY: Final = "storage"
NOT_CONNECTED: Final = "BUCKET_NOT_CONNECTED"


class BucketPlace(BaseModel):
    """The answer to GET /internal/buckets/{bucket}."""

    bucket: str
    provider: str
    connection_id: str
    public_base_url: str | None
    takes_new: bool
    key_bytes: int
    """Of a key in UTF-8: what the connection's prefix leaves."""


@dataclass(frozen=True, slots=True)
class Which:
    """Of several connections with a bucket of one name. Nothing is said: the best."""

    provider: str | None = None
    connection_id: str | None = None

    def fits(self, one: KnownConnection) -> bool:
        return self.provider in (None, one.provider) and self.connection_id in (None, one.id)


ANY: Final = Which()


class KnowsConnections(Protocol):
    """What is needed of `ProviderConnections`."""

    async def known(self, tenant_id: str, environment: str, category: str) -> Sequence[KnownConnection]: ...

    async def get(
        self, tenant_id: str, environment: str, category: str, connection_id: str
    ) -> ProviderConnection | None: ...


class Buckets:
    def __init__(self, connections: KnowsConnections) -> None:
        self._connections = connections

    async def place(
        self, tenant: TenantContext, bucket: str, which: Which = ANY, *, writing: bool = False
    ) -> BucketPlace:
        """`writing`: new objects are to be put there. Raises NotFound, ProviderDisabled, Overloaded."""
        found, *others = await self._fitting(tenant, bucket, which)
        if writing and not found.takes_new:
            raise _refusal(found, bucket, [one for one in others if one.takes_new])
        return BucketPlace(
            bucket=bucket,
            provider=found.provider,
            connection_id=found.id,
            public_base_url=found.public.get("public_base_url") or None,
            takes_new=found.takes_new,
            key_bytes=KEY_BYTES - len(found.public.get("prefix", "").encode()),
        )

    async def open(self, tenant: TenantContext, bucket: str, which: Which = ANY) -> ProviderConnection:
        """Also a disabled one: what lies there is still reached. Raises NotFound, CredentialsUnreadable, Overloaded."""
        found = (await self._fitting(tenant, bucket, which))[0]
        connection = await self.connection(tenant, found.id)
        if connection is None:
            raise _not_connected(tenant, bucket, which)
        return connection

    async def connection(self, tenant: TenantContext, connection_id: str) -> ProviderConnection | None:
        """None: it is gone for good. Raises CredentialsUnreadable, Overloaded."""
        return await self._connections.get(tenant.tenant_id, tenant.environment, CATEGORY, connection_id)

    async def _fitting(self, tenant: TenantContext, bucket: str, which: Which) -> Sequence[KnownConnection]:
        """Those with a bucket of this name, best first: the first is meant, whether it takes new objects or not.

        Otherwise who disables it, or an operator who switches it off, would have the others' objects read and deleted.
        """
        known = await self._connections.known(tenant.tenant_id, tenant.environment, CATEGORY)
        fitting = [one for one in known if one.public.get("bucket") == bucket and which.fits(one)]
        if not fitting:
            raise _not_connected(tenant, bucket, which)
        return fitting


def _not_connected(tenant: TenantContext, bucket: str, which: Which) -> NotFound:
    where = "" if which.provider is None else f" of '{which.provider[:40]}'"
    if which.connection_id is not None:
        where += f" with the id '{which.connection_id[:40]}'"
    return NotFound(
        f"No storage connection{where} in the {tenant.environment} environment has the bucket '{bucket[:63]}': connect it "
        "with POST /api/services/storage/{provider}/connect.",
        code=NOT_CONNECTED,
    )


def _refusal(found: KnownConnection, bucket: str, others: Sequence[KnownConnection]) -> NotFound | ProviderDisabled:
    """`others`: those with a bucket of this name that do take new objects."""
    hint = "".join(
        f" Another of your connections has a bucket of this name: ask for ?connection_id={one.id}."
        for one in others[:1]
    )
    if found.switched_off:
        return ProviderDisabled(
            f"The operator of this service has switched {found.provider} off; nothing new is put into '{bucket}'.{hint}"
        )
    return NotFound(
        f"The connection {found.id} of the bucket '{bucket}' is disabled: nothing new is put there till it is enabled.{hint}",
        code=NOT_CONNECTED,
    )
