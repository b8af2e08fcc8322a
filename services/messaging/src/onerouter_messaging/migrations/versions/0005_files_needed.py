"""Until when a file is surely needed, what names it, and how much each tenant keeps.

A file is looked at when that time has passed, by indexes only: what is still to be done with it says how long it is needed
from then on. So nobody looks at the files of what is scheduled again and again.
"""

from alembic import op

from onerouter_common.db.engine import worker_role
from onerouter_common.db.migrate import do_not_wait_long, tenant_table

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # The default is for processes that do not know the column yet.
    "ALTER TABLE attachments ADD COLUMN needed_until timestamptz NOT NULL DEFAULT now() + interval '1 hour'",
    "DROP INDEX attachments_age",
    "CREATE INDEX attachments_needed ON attachments (needed_until)",
    # `attachment.repository` asks with the same words, else the index is of no use. Only what has files is in it; at
    # once, for a list of what is not yet in it would be read from end to end each time.
    """
    CREATE INDEX operations_files ON operations
    USING gin ((coalesce(payload -> 'attachments', payload -> 'common' -> 'attachments', '[]')) jsonb_path_ops)
    WITH (fastupdate = off)
    WHERE due_at IS NOT NULL
        AND coalesce(payload -> 'attachments', payload -> 'common' -> 'attachments', '[]') <> '[]'
    """,
    """
    CREATE INDEX batch_contents_files ON batch_contents
    USING gin ((coalesce(content -> 'attachments', '[]')) jsonb_path_ops) WITH (fastupdate = off)
    WHERE coalesce(content -> 'attachments', '[]') <> '[]'
    """,
    """
    CREATE TABLE attachment_totals (
        tenant_id text NOT NULL,
        environment text NOT NULL CHECK (environment IN ('test', 'live')),
        bytes bigint NOT NULL,
        PRIMARY KEY (tenant_id, environment)
    )
    """,
    """
    INSERT INTO attachment_totals (tenant_id, environment, bytes)
    SELECT tenant_id, environment, sum(size_bytes) FROM attachments GROUP BY tenant_id, environment
    """,
)


def upgrade() -> None:
    do_not_wait_long()
    for statement in _STATEMENTS:
        op.execute(statement)
    op.execute(f"GRANT UPDATE (needed_until) ON attachments TO {worker_role('messaging')}")
    tenant_table("attachment_totals", service="messaging", tenant="SELECT, INSERT, UPDATE", worker="SELECT, UPDATE")
