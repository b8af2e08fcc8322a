"""The table, made in a migration of each service that carries requests out without the log."""

from typing import Final

from alembic import op

from onerouter_common.db.migrate import tenant_table

_TABLE: Final = """
CREATE TABLE idempotency_keys (
    tenant_id text NOT NULL,
    environment text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    answer text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, environment, key)
)
"""
_COMMENT: Final = """
COMMENT ON COLUMN idempotency_keys.answer IS 'JSON, without secrets; null only inside the transaction that makes it'
"""


def make_idempotency_keys(service: str) -> None:
    """`idempotency_keys`: what was answered to what was asked for under a key."""
    op.execute(_TABLE)
    op.execute(_COMMENT)
    op.execute("CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at)")
    tenant_table("idempotency_keys", service=service, tenant="SELECT, INSERT, UPDATE", worker="SELECT, DELETE")
