"""Events are read in the order of their commits, found by what was delivered of them, and sent again on request.

The events that are here get their place in the order in which they lie in the table, which rewrites it: while that runs, new
ones wait in the log.
"""

from alembic import op

from onerouter_common.db.engine import tenant_role, worker_role
from onerouter_common.db.migrate import do_not_wait_long

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SERVICE = "webhooks"


def upgrade() -> None:
    do_not_wait_long()
    op.execute("CREATE SEQUENCE events_seq")
    op.execute(f"GRANT USAGE ON SEQUENCE events_seq TO {worker_role(_SERVICE)}")
    # 3 is the first transaction of any cluster, so that what was here before comes before all that is to come.
    op.execute("""
        ALTER TABLE events
          ADD COLUMN xid xid8 NOT NULL DEFAULT '3',
          ADD COLUMN seq bigint NOT NULL DEFAULT nextval('events_seq')""")
    op.execute("ALTER TABLE events ALTER COLUMN xid SET DEFAULT pg_current_xact_id()")
    op.execute("ALTER SEQUENCE events_seq OWNED BY events.seq")
    op.execute("COMMENT ON COLUMN events.xid IS 'who wrote it: readers see it once no older transaction is running'")
    op.execute("CREATE INDEX events_in_order ON events (tenant_id, environment, xid, seq)")
    op.execute("CREATE INDEX delivery_queue_event ON delivery_queue (event_id)")
    op.execute("CREATE INDEX deliveries_event ON deliveries (event_id)")
    op.execute(f"GRANT INSERT ON delivery_queue TO {tenant_role(_SERVICE)}")
