"""How fast a connection may be used, and whose national phone numbers a tenant writes."""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    do_not_wait_long()
    op.execute(
        "ALTER TABLE connections ADD COLUMN rate_per_s double precision CHECK (rate_per_s > 0 AND rate_per_s <= 10000)"
    )
    op.execute("ALTER TABLE tenants ADD COLUMN default_region text CHECK (default_region ~ '^[A-Z]{2}$')")
