"""Objects, uploads, bytes that wait to be put, and the tables of the heart."""

from alembic import op

from onerouter_common.db.migrate import tenant_table
from onerouter_common.worker import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_WHOSE = """
    tenant_id text NOT NULL,
    environment text NOT NULL CHECK (environment IN ('test', 'live')),
"""
_PLACE = """
    connection_id text NOT NULL,
    provider text NOT NULL,
    bucket text NOT NULL,
    key text NOT NULL,
"""
_SAID = """
    content_type text NOT NULL,
    cache_control text,
    content_disposition text,
    metadata jsonb NOT NULL,
    url text,
"""

_STATEMENTS = (
    # What was last written or deleted through us at a place: the bucket itself is the truth of what is there.
    f"""
    CREATE TABLE objects (
        id text PRIMARY KEY,
        {_WHOSE}
        {_PLACE}
        status text NOT NULL CHECK (status IN ('stored', 'deleted')),
        {_SAID}
        size_bytes bigint,
        etag text,
        sha256 text,
        last_modified timestamptz,
        upload_id text,
        operation_id text NOT NULL,
        effect_guarantee text,
        version int NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )
    """,
    f"""
    CREATE TABLE uploads (
        id text PRIMARY KEY,
        {_WHOSE}
        {_PLACE}
        status text NOT NULL CHECK (status IN ('pending', 'completed', 'aborted', 'failed')),
        {_SAID}
        is_multipart boolean NOT NULL,
        part_size bigint,
        size_bytes bigint,
        if_none_match boolean NOT NULL,
        provider_upload_id text,
        etag text,
        operation_id text NOT NULL,
        expires_at timestamptz NOT NULL,
        completed_at timestamptz,
        aborted_at timestamptz,
        version int NOT NULL,
        revision int NOT NULL,
        sweep_at timestamptz,
        sweeps int NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        CHECK (is_multipart = (part_size IS NOT NULL)),
        CHECK (is_multipart = (provider_upload_id IS NOT NULL))
    )
    """,
    "CREATE INDEX uploads_sweep ON uploads (sweep_at) WHERE sweep_at IS NOT NULL",
    f"""
    CREATE TABLE contents (
        id text PRIMARY KEY,
        {_WHOSE}
        content bytea NOT NULL,
        size_bytes int NOT NULL,
        content_type text NOT NULL,
        awaited int NOT NULL DEFAULT 1,
        handed_over_at timestamptz NOT NULL,
        needed_until timestamptz NOT NULL
    )
    """,
    "ALTER TABLE contents ALTER COLUMN content SET STORAGE EXTERNAL",  # most files are compressed already
    "CREATE INDEX contents_needed ON contents (needed_until)",
    f"""
    CREATE TABLE content_totals (
        {_WHOSE}
        bytes bigint NOT NULL,
        PRIMARY KEY (tenant_id, environment)
    )
    """,
    # `content.repository` asks with the same words, else the index is of no use.
    "CREATE INDEX operations_contents ON operations ((payload ->> 'content_id')) "
    "WHERE due_at IS NOT NULL AND payload ->> 'content_id' IS NOT NULL",
)


def upgrade() -> None:
    schema.create_worker_tables("storage")
    schema.add_routing_decision()
    schema.add_history("storage")
    schema.add_stuck_alarm()
    schema.add_priority()
    schema.add_metadata_search("storage")
    for statement in _STATEMENTS:
        op.execute(statement)
    tenant_table("objects", service="storage", tenant="SELECT", worker="SELECT, INSERT, UPDATE")
    tenant_table("uploads", service="storage", tenant="SELECT", worker="SELECT, INSERT, UPDATE")
    tenant_table("contents", service="storage", tenant="SELECT, INSERT, UPDATE", worker="SELECT, UPDATE, DELETE")
    tenant_table("content_totals", service="storage", tenant="SELECT, INSERT, UPDATE", worker="SELECT, UPDATE")
