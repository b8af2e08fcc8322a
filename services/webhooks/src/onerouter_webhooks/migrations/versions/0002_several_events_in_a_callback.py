"""A callback may tell of several things: each is a record of its own for the worker. Raw bodies are kept sealed.

While both versions run, the older one cannot store callbacks and answers 503, so that the provider sends them again. Raw
bodies that lie here in the clear are not carried over.
"""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long, tenant_table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SERVICE = "webhooks"
_OWNER = "tenant_id text NOT NULL, environment text NOT NULL"


def upgrade() -> None:
    do_not_wait_long()
    op.execute("ALTER TABLE inbound_events NO FORCE ROW LEVEL SECURITY")  # else their owner would carry nothing over
    _records()
    _received()
    op.execute("ALTER TABLE inbound_events FORCE ROW LEVEL SECURITY")
    _handshakes()


def _records() -> None:
    op.execute(f"""
        CREATE TABLE callback_records (
          id text PRIMARY KEY, {_OWNER},
          connection_id text NOT NULL, inbound_id text NOT NULL, provider text NOT NULL, category text NOT NULL,
          event_key text NOT NULL,
          resource_key text NOT NULL,
          callback bytea,
          publish_at timestamptz, publish_attempts int NOT NULL DEFAULT 0,
          received_at timestamptz NOT NULL,
          UNIQUE (connection_id, event_key)
        )""")
    op.execute("COMMENT ON COLUMN callback_records.callback IS 'what the worker gets; gone once it was published'")
    op.execute(
        "CREATE INDEX callback_records_unpublished ON callback_records (publish_at) WHERE publish_at IS NOT NULL"
    )
    op.execute("CREATE INDEX callback_records_received ON callback_records USING brin (received_at)")
    op.execute("""
        INSERT INTO callback_records (id, tenant_id, environment, connection_id, inbound_id, provider, category,
                                      event_key, resource_key, callback, publish_at, publish_attempts, received_at)
        SELECT id, tenant_id, environment, connection_id, id, provider, category, dedupe_key, resource_key,
               CASE WHEN state = 'pending' THEN callback END, publish_at, publish_attempts, received_at
        FROM inbound_events WHERE callback IS NOT NULL AND resource_key IS NOT NULL""")
    tenant_table("callback_records", service=_SERVICE)


def _received() -> None:
    op.execute("DROP INDEX inbound_events_unpublished, inbound_events_replayable")
    op.execute("ALTER TABLE inbound_events DROP CONSTRAINT inbound_events_state_check")
    op.execute("UPDATE inbound_events SET state = 'read' WHERE state IN ('pending', 'published')")
    op.execute("""
        ALTER TABLE inbound_events
          DROP COLUMN headers, DROP COLUMN raw, DROP COLUMN resource_key, DROP COLUMN callback,
          DROP COLUMN publish_at, DROP COLUMN publish_attempts,
          ADD COLUMN sealed bytea, ADD COLUMN redacted_at timestamptz,
          ADD CONSTRAINT inbound_events_state_check
            CHECK (state IN ('read', 'partial', 'unhandled', 'unparsed', 'handshake'))""")
    op.execute("COMMENT ON COLUMN inbound_events.sealed IS 'headers and body; gone when they were kept long enough'")
    op.execute("CREATE INDEX inbound_events_kept ON inbound_events (received_at) WHERE sealed IS NOT NULL")


def _handshakes() -> None:
    op.execute(f"""
        CREATE TABLE callback_handshakes (
          id text PRIMARY KEY, {_OWNER},
          connection_id text NOT NULL, provider text NOT NULL, category text NOT NULL,
          subject text NOT NULL,
          sealed text,
          state text NOT NULL CHECK (state IN ('waiting', 'confirmed', 'refused', 'expired')),
          attempts int NOT NULL DEFAULT 0,
          due_at timestamptz NOT NULL, expires_at timestamptz NOT NULL, created_at timestamptz NOT NULL
        )""")
    op.execute("COMMENT ON COLUMN callback_handshakes.sealed IS 'the token to say yes with; gone when it is over'")
    op.execute("CREATE INDEX callback_handshakes_due ON callback_handshakes (due_at) WHERE state = 'waiting'")
    tenant_table("callback_handshakes", service=_SERVICE)
