"""What an endpoint missed is sent again on request: a job that remembers how far it came."""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long, tenant_table

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SERVICE = "webhooks"


def upgrade() -> None:
    do_not_wait_long()
    op.execute("""
        CREATE TABLE recoveries (
          id text PRIMARY KEY, tenant_id text NOT NULL, environment text NOT NULL,
          endpoint_id text NOT NULL,
          what text NOT NULL CHECK (what IN ('failed', 'held', 'all')),
          since timestamptz NOT NULL, until timestamptz NOT NULL,
          types text[],
          status text NOT NULL CHECK (status IN ('running', 'finished', 'canceled')),
          cursor text NOT NULL, reached_at timestamptz NOT NULL,
          looked_at int NOT NULL DEFAULT 0, queued int NOT NULL DEFAULT 0, skipped int NOT NULL DEFAULT 0,
          stepped_at timestamptz NOT NULL,
          created_at timestamptz NOT NULL, finished_at timestamptz
        )""")
    op.execute("COMMENT ON COLUMN recoveries.cursor IS 'the id of the last delivery or event that was looked at'")
    op.execute("CREATE UNIQUE INDEX recoveries_running ON recoveries (endpoint_id) WHERE status = 'running'")
    op.execute("CREATE INDEX recoveries_endpoint ON recoveries (endpoint_id, id)")
    tenant_table("recoveries", service=_SERVICE, tenant="SELECT, INSERT, UPDATE")
    # So that a job knows at once how much of it is still on its way, however much else its endpoint is owed.
    op.execute("CREATE INDEX delivery_queue_recovered ON delivery_queue (endpoint_id) WHERE trigger = 'recovery'")
