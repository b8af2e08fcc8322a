"""Where something is done for the first time through us. Pure."""

from typing import Protocol

from onerouter_common.contracts.storage import object_id
from onerouter_common.worker.handler import Operation
from onerouter_storage.object.state import StoredObject


class NamesPlace(Protocol):
    """A command, or an upload, as far as it says where."""

    @property
    def connection_id(self) -> str: ...
    @property
    def bucket(self) -> str: ...
    @property
    def key(self) -> str: ...


def place_of(op: Operation, named: NamesPlace, provider: str) -> StoredObject:
    """A place of which nothing was stored yet."""
    return StoredObject(
        id=object_id(named.connection_id, named.key),
        tenant_id=op.tenant_id,
        environment=op.environment,
        connection_id=named.connection_id,
        provider=provider,
        bucket=named.bucket,
        key=named.key,
        created_at=op.created_at,
        updated_at=op.created_at,
    )
