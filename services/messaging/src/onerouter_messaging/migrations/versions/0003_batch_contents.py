"""What the messages of a bulk send have in common, once."""

from alembic import op

from onerouter_common.db.migrate import tenant_table

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Beside the batch and not in its row, which is read and locked without it.
_CONTENTS = """
CREATE TABLE batch_contents (
    batch_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    environment text NOT NULL CHECK (environment IN ('test', 'live')),
    content jsonb NOT NULL,
    created_at timestamptz NOT NULL
)
"""


def upgrade() -> None:
    op.execute(_CONTENTS)
    op.execute("CREATE INDEX batch_contents_age ON batch_contents (created_at)")
    tenant_table("batch_contents", service="messaging", tenant="SELECT", worker="SELECT, INSERT, UPDATE, DELETE")
