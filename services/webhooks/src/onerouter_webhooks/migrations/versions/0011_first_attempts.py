"""A delivery that was taken at once is one row: its outcome holds the attempt, too. Most are.

Who reads finds attempts in both places; what is there stays where it is. That a delivery ends once its row in the queue sees
to, of which there is one: the key of `deliveries` led to nothing, and was a good part of what an outcome costs.
"""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    do_not_wait_long()
    op.execute("""
        ALTER TABLE deliveries
          ADD COLUMN attempt_id text,
          ADD COLUMN attempted_at timestamptz,
          ADD COLUMN duration_ms int,
          ADD COLUMN status int,
          ADD COLUMN remote_address text,
          ADD COLUMN response_headers jsonb,
          ADD COLUMN response_body bytea,
          ADD COLUMN response_truncated boolean""")
    op.execute("""COMMENT ON COLUMN deliveries.attempt_id IS
        'of the only attempt, which was taken; null: its attempts are in delivery_attempts'""")
    op.execute("ALTER TABLE deliveries DROP CONSTRAINT deliveries_pkey")
