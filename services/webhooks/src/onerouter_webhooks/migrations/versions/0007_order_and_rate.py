"""An endpoint may ask for its events of one resource in order, and for so many requests a second."""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    do_not_wait_long()
    op.execute("""
        ALTER TABLE webhook_endpoints
          ADD COLUMN ordering text CHECK (ordering IN ('none', 'resource')),
          ADD COLUMN rate_per_s double precision CHECK (rate_per_s > 0),
          ADD COLUMN rate_used_until timestamptz""")
    op.execute(
        "COMMENT ON COLUMN webhook_endpoints.rate_used_until IS 'the moment up to which requests were given out'"
    )
    op.execute("ALTER TABLE delivery_queue ADD COLUMN resource text, ADD COLUMN position int")
    op.execute(
        "COMMENT ON COLUMN delivery_queue.resource IS 'of those that wait for the one before; null: waits for none'"
    )
    op.execute("""
        CREATE INDEX delivery_queue_in_order ON delivery_queue (endpoint_id, resource, position)
        WHERE resource IS NOT NULL""")
