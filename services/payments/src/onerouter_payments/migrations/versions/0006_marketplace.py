"""Payments that are split among vendors, and their bank data on the way to the provider."""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long, tenant_table

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE payments ADD COLUMN split jsonb",
    "CREATE INDEX payments_split ON payments (tenant_id, environment, currency, created_at) WHERE split IS NOT NULL",
    "CREATE INDEX resources_vendor ON resources (tenant_id, environment, (data ->> 'vendor_id')) WHERE kind = 'vendor'",
    """
    CREATE TABLE vendor_details (
        id text PRIMARY KEY,
        tenant_id text NOT NULL,
        environment text NOT NULL CHECK (environment IN ('test', 'live')),
        data_key text NOT NULL,
        sealed text NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX vendor_details_age ON vendor_details (created_at)",
)


def upgrade() -> None:
    do_not_wait_long()
    for statement in _STATEMENTS:
        op.execute(statement)
    # Only who calls the provider reads it, and erases it after.
    tenant_table("vendor_details", service="payments", tenant="", worker="SELECT, INSERT, DELETE")
