"""Endpoints say what they want and how they are to be called; their deliveries are signed by a key pair as well.

Headers and credentials are sealed as secrets are. What is null is the service's own default.
"""

from alembic import op

from onerouter_common.db.engine import tenant_role
from onerouter_common.db.migrate import do_not_wait_long

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SERVICE = "webhooks"


def upgrade() -> None:
    do_not_wait_long()
    op.execute("""
        ALTER TABLE webhook_endpoints
          ADD COLUMN channels text[],
          ADD COLUMN filter jsonb,
          ADD COLUMN header_names text[] NOT NULL DEFAULT '{}',
          ADD COLUMN headers_sealed text,
          ADD COLUMN auth jsonb,
          ADD COLUMN auth_sealed text,
          ADD COLUMN timeout_s double precision CHECK (timeout_s BETWEEN 1 AND 30),
          ADD COLUMN max_in_flight int CHECK (max_in_flight > 0),
          ADD COLUMN retry_schedule_s int[],
          ADD COLUMN public_key text""")
    op.execute("COMMENT ON COLUMN webhook_endpoints.auth IS 'without what is secret; that is in auth_sealed'")
    op.execute("ALTER TABLE endpoint_secrets DROP CONSTRAINT endpoint_secrets_scheme_check")
    op.execute("ALTER TABLE endpoint_secrets ADD CHECK (scheme IN ('v1', 'v1a'))")
    # A tenant's session says until when a secret lives; what is sealed only the worker reads.
    op.execute(f"""
        GRANT SELECT (id, tenant_id, environment, endpoint_id, scheme, created_at, expires_at), UPDATE (expires_at)
        ON endpoint_secrets TO {tenant_role(_SERVICE)}""")
    op.execute("CREATE INDEX delivery_queue_held ON delivery_queue (endpoint_id, id) WHERE state = 2")
