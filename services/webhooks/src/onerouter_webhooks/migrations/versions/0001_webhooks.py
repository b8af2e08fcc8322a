"""Callbacks in; endpoints, events and deliveries out."""

from alembic import op

from onerouter_common.db.migrate import partition_by_month, tenant_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERVICE = "webhooks"
_OWNER = "tenant_id text NOT NULL, environment text NOT NULL"


def upgrade() -> None:
    _inbound_events()
    _endpoints()
    _events()
    _delivery_queue()
    _outcomes()


def _inbound_events() -> None:
    op.execute(f"""
        CREATE TABLE inbound_events (
          id text PRIMARY KEY, {_OWNER},
          connection_id text NOT NULL, provider text NOT NULL, category text NOT NULL,
          dedupe_key text NOT NULL,
          kind text NOT NULL,
          state text NOT NULL CHECK (state IN ('pending', 'published', 'unhandled', 'unparsed')),
          seen int NOT NULL DEFAULT 1,
          headers jsonb NOT NULL, raw bytea NOT NULL,
          resource_key text, callback bytea,
          publish_at timestamptz, publish_attempts int NOT NULL DEFAULT 0,
          received_at timestamptz NOT NULL,
          UNIQUE (connection_id, dedupe_key)
        )""")
    op.execute("CREATE INDEX inbound_events_unpublished ON inbound_events (publish_at) WHERE state = 'pending'")
    op.execute("CREATE INDEX inbound_events_replayable ON inbound_events (id) WHERE state IN ('unhandled', 'unparsed')")
    op.execute("CREATE INDEX inbound_events_received ON inbound_events USING brin (received_at)")
    tenant_table("inbound_events", service=_SERVICE)


def _endpoints() -> None:
    op.execute(f"""
        CREATE TABLE data_keys (
          id text PRIMARY KEY, {_OWNER},
          wrapped text NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
        )""")
    op.execute("CREATE INDEX data_keys_owner ON data_keys (tenant_id, environment, created_at)")
    tenant_table("data_keys", service=_SERVICE, tenant="SELECT, INSERT")
    op.execute(f"""
        CREATE TABLE webhook_endpoints (
          id text PRIMARY KEY, {_OWNER},
          url text NOT NULL,
          event_types text[],
          description text, metadata jsonb NOT NULL,
          status text NOT NULL CHECK (status IN ('enabled', 'paused', 'disabled')), disabled_reason text,
          consecutive_failures int NOT NULL DEFAULT 0, first_failed_at timestamptz,
          version bigint NOT NULL DEFAULT 1,
          created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL
        )""")
    op.execute("CREATE INDEX webhook_endpoints_owner ON webhook_endpoints (tenant_id, environment, id)")
    tenant_table("webhook_endpoints", service=_SERVICE, tenant="SELECT, INSERT, UPDATE, DELETE")
    op.execute(f"""
        CREATE TABLE endpoint_secrets (
          id text PRIMARY KEY, {_OWNER},
          endpoint_id text NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
          scheme text NOT NULL CHECK (scheme IN ('v1')),
          sealed text NOT NULL,
          created_at timestamptz NOT NULL, expires_at timestamptz
        )""")
    op.execute("CREATE INDEX endpoint_secrets_endpoint ON endpoint_secrets (endpoint_id, created_at)")
    tenant_table("endpoint_secrets", service=_SERVICE, tenant="INSERT")


def _events() -> None:
    # Keyed by the event's own time: a second copy of the record has the same, so the key also deduplicates.
    op.execute(f"""
        CREATE TABLE events (
          id text NOT NULL, occurred_at timestamptz NOT NULL, {_OWNER},
          category text NOT NULL, type text NOT NULL,
          resource_kind text NOT NULL, resource_id text NOT NULL, sequence int NOT NULL,
          body bytea NOT NULL,
          log_partition int NOT NULL, log_offset bigint NOT NULL,
          created_at timestamptz NOT NULL DEFAULT now(),
          PRIMARY KEY (occurred_at, id)
        ) PARTITION BY RANGE (occurred_at)""")
    op.execute("COMMENT ON COLUMN events.body IS 'the exact bytes that are signed and sent'")
    op.execute("CREATE INDEX events_owner ON events (tenant_id, environment, id)")
    tenant_table("events", service=_SERVICE, tenant="SELECT")
    partition_by_month("events")


def _delivery_queue() -> None:
    # Only what is not finished lives here, so that claims never walk over history. state: 0 ready, 1 leased, 2 held.
    op.execute(f"""
        CREATE TABLE delivery_queue (
          id text PRIMARY KEY, {_OWNER},
          endpoint_id text NOT NULL,
          event_id text NOT NULL, event_at timestamptz NOT NULL, event_type text NOT NULL,
          state smallint NOT NULL, attempts int NOT NULL DEFAULT 0,
          next_at timestamptz NOT NULL,
          generation int NOT NULL DEFAULT 0, owner text, lease_until timestamptz,
          trigger text NOT NULL DEFAULT 'event',
          created_at timestamptz NOT NULL
        ) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
                autovacuum_vacuum_cost_delay = 0)""")
    op.execute("CREATE INDEX delivery_queue_ready ON delivery_queue (endpoint_id, next_at) WHERE state = 0")
    op.execute("CREATE INDEX delivery_queue_leased ON delivery_queue (lease_until) WHERE state = 1")
    op.execute("CREATE INDEX delivery_queue_endpoint ON delivery_queue (endpoint_id, id)")
    tenant_table("delivery_queue", service=_SERVICE, tenant="SELECT, DELETE")


def _outcomes() -> None:
    op.execute(f"""
        CREATE TABLE deliveries (
          id text NOT NULL, {_OWNER},
          endpoint_id text NOT NULL,
          event_id text NOT NULL, event_at timestamptz NOT NULL, event_type text NOT NULL,
          outcome text NOT NULL CHECK (outcome IN ('succeeded', 'exhausted', 'canceled')),
          attempts int NOT NULL,
          trigger text NOT NULL,
          created_at timestamptz NOT NULL, finished_at timestamptz NOT NULL,
          PRIMARY KEY (created_at, id)
        ) PARTITION BY RANGE (created_at)""")
    op.execute("CREATE INDEX deliveries_endpoint ON deliveries (endpoint_id, id)")
    tenant_table("deliveries", service=_SERVICE, tenant="SELECT, INSERT")
    partition_by_month("deliveries")
    op.execute(f"""
        CREATE TABLE delivery_attempts (
          id text NOT NULL, {_OWNER},
          delivery_id text NOT NULL, endpoint_id text NOT NULL,
          number int NOT NULL, trigger text NOT NULL,
          created_at timestamptz NOT NULL, duration_ms int NOT NULL,
          status int, failure text,
          remote_address text, response_headers jsonb NOT NULL,
          response_body bytea NOT NULL, response_truncated boolean NOT NULL,
          late boolean NOT NULL,
          PRIMARY KEY (created_at, id)
        ) PARTITION BY RANGE (created_at)""")
    op.execute("COMMENT ON COLUMN delivery_attempts.late IS 'another process had taken the delivery over meanwhile'")
    op.execute("CREATE INDEX delivery_attempts_delivery ON delivery_attempts (delivery_id, number)")
    tenant_table("delivery_attempts", service=_SERVICE, tenant="SELECT")
    partition_by_month("delivery_attempts")
