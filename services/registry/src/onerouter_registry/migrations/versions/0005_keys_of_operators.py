"""Invitations and tenants are made as the operator's role, and once for an idempotency key, too."""

from alembic import op

from onerouter_common.db.engine import worker_role

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(f"GRANT INSERT, UPDATE ON idempotency_keys TO {worker_role('registry')}")
