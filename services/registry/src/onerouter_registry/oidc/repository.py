"""The SQL of sign-ins at issuers, which belong to no tenant: all of it runs as the worker role."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_registry.oidc.model import Flow, Membership

_INSERT: Final = text("""
INSERT INTO oidc_flows (state_hash, issuer_id, nonce_hash, code_verifier, return_to, user_id, created_at, expires_at)
VALUES (:state_hash, :issuer_id, :nonce_hash, :code_verifier, :return_to, :user_id, :now, :expires_at)
""")
_TAKE: Final = text("""
DELETE FROM oidc_flows WHERE state_hash = :state_hash AND issuer_id = :issuer_id AND expires_at > :now
RETURNING issuer_id, nonce_hash, code_verifier, return_to, user_id
""")
# A few at a time, and none that another request is removing: nobody's sign-in waits for the sweep.
_SWEEP: Final = text("""
DELETE FROM oidc_flows WHERE state_hash IN
    (SELECT state_hash FROM oidc_flows WHERE expires_at <= :now ORDER BY expires_at LIMIT :most FOR UPDATE SKIP LOCKED)
""")
_MEMBERSHIPS: Final = text("""
SELECT m.tenant_id, t.status, m.role FROM memberships m JOIN tenants t ON t.id = m.tenant_id
WHERE m.user_id = :user_id AND t.status <> 'deleted' AND m.tenant_id = coalesce(CAST(:chosen AS text), m.tenant_id) LIMIT 2
""")


async def add_flow(tx: AsyncConnection, state_hash: str, flow: Flow, *, now: datetime, expires_at: datetime) -> None:
    values = {
        "state_hash": state_hash,
        "issuer_id": flow.issuer_id,
        "nonce_hash": flow.nonce_hash,
        "code_verifier": flow.code_verifier,
        "return_to": flow.return_to,
        "user_id": flow.user_id,
        "now": now,
        "expires_at": expires_at,
    }
    await tx.execute(_INSERT, values)


async def take_flow(tx: AsyncConnection, state_hash: str, issuer_id: str, *, now: datetime) -> Flow | None:
    """The flow of this state, removed: of two who ask, one gets it."""
    values = {"state_hash": state_hash, "issuer_id": issuer_id, "now": now}
    row = (await tx.execute(_TAKE, values)).mappings().one_or_none()
    return None if row is None else Flow(**row)


async def sweep_flows(tx: AsyncConnection, *, now: datetime, most: int) -> None:
    await tx.execute(_SWEEP, {"now": now, "most": most})


async def only_membership(tx: AsyncConnection, user_id: str, *, chosen: str | None) -> Membership | None:
    """In the chosen tenant, or in the only one there is; None: in none, or in several of which none is chosen."""
    rows = (await tx.execute(_MEMBERSHIPS, {"user_id": user_id, "chosen": chosen})).mappings().all()
    if len(rows) != 1:
        return None
    return Membership(tenant_id=rows[0]["tenant_id"], tenant_status=rows[0]["status"], role=rows[0]["role"])
