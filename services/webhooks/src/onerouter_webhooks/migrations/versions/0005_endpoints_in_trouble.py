"""An endpoint that fails is left alone for a while, its tenant is told, and a delivery is found by its id.

What is told waits in `event_outbox` until the log has it. Endpoints that fail now begin with a closed breaker.
"""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long, tenant_table

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SERVICE = "webhooks"


def upgrade() -> None:
    do_not_wait_long()
    op.execute("""
        ALTER TABLE webhook_endpoints
          ADD COLUMN window_at timestamptz,
          ADD COLUMN window_attempts int NOT NULL DEFAULT 0,
          ADD COLUMN window_failures int NOT NULL DEFAULT 0,
          ADD COLUMN breaker_opens int NOT NULL DEFAULT 0,
          ADD COLUMN breaker_until timestamptz,
          ADD COLUMN told smallint NOT NULL DEFAULT 0,
          ADD COLUMN events_told int NOT NULL DEFAULT 0""")
    op.execute("COMMENT ON COLUMN webhook_endpoints.breaker_opens IS 'how often in a row; 0: requests go out'")
    op.execute("COMMENT ON COLUMN webhook_endpoints.told IS '1: it fails for 24 h, 2: for 72 h, 3: it was disabled'")
    op.execute("COMMENT ON COLUMN webhook_endpoints.events_told IS 'the sequence of the last event about it'")
    op.execute("CREATE INDEX deliveries_id ON deliveries (id)")
    op.execute("""
        CREATE TABLE event_outbox (
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          tenant_id text NOT NULL, environment text NOT NULL,
          key text NOT NULL, value bytea NOT NULL, headers jsonb NOT NULL,
          due_at timestamptz NOT NULL DEFAULT now()
        )""")
    op.execute("CREATE INDEX event_outbox_due ON event_outbox (due_at)")
    tenant_table("event_outbox", service=_SERVICE)
