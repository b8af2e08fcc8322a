"""Payments keep their disputes, and say which subscription they are a charge of; bank data follows its keyring."""

from alembic import op

from onerouter_common.db.engine import worker_role
from onerouter_common.db.migrate import do_not_wait_long

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    do_not_wait_long()
    op.execute("ALTER TABLE payments ADD COLUMN disputes jsonb NOT NULL DEFAULT '[]', ADD COLUMN subscription_id text")
    op.execute(f"GRANT UPDATE (data_key) ON vendor_details TO {worker_role('payments')}")
