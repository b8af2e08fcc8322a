"""The policies' SQL, in the transaction's tenant and environment."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.contracts.base import Environment
from onerouter_common.contracts.routing import RoutingPolicy
from onerouter_registry.routing.model import StoredPolicy
from onerouter_registry.routing.tables import routing_policies


async def find(tx: AsyncConnection, category: str) -> StoredPolicy | None:
    query = select(routing_policies).where(routing_policies.c.category == category)
    row = (await tx.execute(query)).mappings().one_or_none()
    return None if row is None else _stored(row)


async def list_all(tx: AsyncConnection) -> list[StoredPolicy]:
    rows = await tx.execute(select(routing_policies).order_by(routing_policies.c.category))
    return [_stored(row) for row in rows.mappings()]


async def put(tx: AsyncConnection, tenant_id: str, environment: Environment, stored: StoredPolicy) -> None:
    values = {
        "version": stored.policy.version,
        "policy": stored.policy.model_dump(mode="json", exclude={"version"}),
        "updated_at": stored.updated_at,
        "updated_by": stored.updated_by,
    }
    key = {"tenant_id": tenant_id, "environment": environment, "category": stored.category}
    statement = insert(routing_policies).values(**key, **values)
    await tx.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def _stored(row: RowMapping) -> StoredPolicy:
    policy = RoutingPolicy.model_validate({**row["policy"], "version": row["version"]})
    return StoredPolicy(row["category"], policy, row["updated_at"], row["updated_by"])
