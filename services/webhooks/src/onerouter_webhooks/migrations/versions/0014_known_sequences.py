"""What is known of resources whose events somebody wants in order, so that one that comes early can wait for the one before.

Written only for tenants with such an endpoint: an index of all events would cost everybody.
"""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long, tenant_table

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_SERVICE = "webhooks"


def upgrade() -> None:
    do_not_wait_long()
    # A row is written for each event: the room beside it keeps that from the indexes.
    op.execute("""
        CREATE TABLE known_sequences (
          tenant_id text NOT NULL, environment text NOT NULL,
          resource_kind text NOT NULL, resource_id text NOT NULL,
          known int8multirange NOT NULL, settles_at timestamptz, touched_on date NOT NULL,
          PRIMARY KEY (tenant_id, environment, resource_kind, resource_id)
        ) WITH (fillfactor = 70)""")
    op.execute("COMMENT ON COLUMN known_sequences.known IS 'which of its events are stored'")
    op.execute(
        "COMMENT ON COLUMN known_sequences.settles_at IS 'until then events behind a gap wait for what is missing'"
    )
    op.execute("CREATE INDEX known_sequences_touched ON known_sequences (touched_on)")
    tenant_table("known_sequences", service=_SERVICE)
