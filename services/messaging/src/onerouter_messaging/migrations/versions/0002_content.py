"""Templates, suppression lists, attachments and batches."""

from alembic import op

from onerouter_common.db.migrate import tenant_table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_WHOSE = """
    tenant_id text NOT NULL,
    environment text NOT NULL CHECK (environment IN ('test', 'live')),
"""
_CHANNEL = "channel text NOT NULL CHECK (channel IN ('sms', 'email')),"

_STATEMENTS = (
    f"""
    CREATE TABLE templates (
        id text PRIMARY KEY,
        {_WHOSE}
        {_CHANNEL}
        name text NOT NULL,
        draft jsonb,
        current_version int,
        last_version int NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        deleted_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX templates_name ON templates (tenant_id, environment, channel, lower(name)) "
    "WHERE deleted_at IS NULL",
    "CREATE INDEX templates_list ON templates (tenant_id, environment, channel, created_at DESC, id DESC) "
    "WHERE deleted_at IS NULL",
    f"""
    CREATE TABLE template_versions (
        template_id text NOT NULL REFERENCES templates,
        version int NOT NULL,
        {_WHOSE}
        content jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (template_id, version)
    )
    """,
    # An address that came off the list keeps its row, so that an older word that comes late does not put it back.
    f"""
    CREATE TABLE suppressions (
        id text NOT NULL UNIQUE,
        {_WHOSE}
        {_CHANNEL}
        address text NOT NULL,
        reason text NOT NULL CHECK (reason IN ('bounce', 'complaint', 'unsubscribe', 'stop', 'manual')),
        source text NOT NULL,
        note text,
        message_id text,
        is_on boolean NOT NULL,
        as_of timestamptz NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, environment, channel, address, reason)
    )
    """,
    "CREATE INDEX suppressions_list ON suppressions (tenant_id, environment, channel, created_at DESC, id DESC) WHERE is_on",
    f"""
    CREATE TABLE suppression_audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        {_WHOSE}
        {_CHANNEL}
        address text NOT NULL,
        action text NOT NULL CHECK (action IN ('added', 'removed', 'overridden')),
        reason text,
        by_whom text NOT NULL,
        note text,
        message_id text,
        at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX suppression_audit_of ON suppression_audit (tenant_id, environment, channel, address, id)",
    "CREATE UNIQUE INDEX suppression_audit_once ON suppression_audit (message_id, address) WHERE action = 'overridden'",
    f"""
    CREATE TABLE attachments (
        id text PRIMARY KEY,
        {_WHOSE}
        content bytea NOT NULL,
        size_bytes int NOT NULL,
        content_type text NOT NULL,
        handed_over_at timestamptz NOT NULL
    )
    """,
    "ALTER TABLE attachments ALTER COLUMN content SET STORAGE EXTERNAL",  # most files are compressed already
    "CREATE INDEX attachments_age ON attachments (handed_over_at)",
    f"""
    CREATE TABLE batches (
        id text PRIMARY KEY,
        {_WHOSE}
        {_CHANNEL}
        total int NOT NULL,
        rejected jsonb NOT NULL,
        send_at timestamptz,
        canceled_at timestamptz,
        created_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX batches_list ON batches (tenant_id, environment, channel, created_at DESC, id DESC)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
    # What tenants write themselves goes through row-level security; nobody deletes a version that a message may show.
    tenant_table("templates", service="messaging", tenant="SELECT, INSERT, UPDATE", worker="SELECT")
    tenant_table("template_versions", service="messaging", tenant="SELECT, INSERT", worker="SELECT")
    tenant_table("suppressions", service="messaging", tenant="SELECT, INSERT, UPDATE", worker="SELECT, INSERT, UPDATE")
    tenant_table("suppression_audit", service="messaging", tenant="SELECT, INSERT", worker="SELECT, INSERT")
    tenant_table("attachments", service="messaging", tenant="SELECT, INSERT, UPDATE", worker="SELECT, DELETE")
    tenant_table("batches", service="messaging", tenant="SELECT", worker="SELECT, INSERT, UPDATE")
