"""A message whose call surely did nothing waits with us until the next: it can be canceled like one that was never tried."""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    do_not_wait_long()
    op.execute("ALTER TABLE messages ADD COLUMN is_put_off boolean NOT NULL DEFAULT false")
