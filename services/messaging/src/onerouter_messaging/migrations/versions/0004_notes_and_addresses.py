"""What was composed before each wire call, messages by address, and indexes for the filters that lists have.

Row-level security runs first whatever could leak a row: `@>` on arrays is not leakproof, so an index on `addresses` is never
used for a tenant's question. Equality of texts is, so a row for each address is found by an index.
"""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long, tenant_table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # `generation`: of the claim that wrote last. A process that lost the operation can write nothing any more, and so sends
    # nothing. `composed` NULL: nothing was composed for the call that is in doubt, so nothing was sent.
    """
    CREATE TABLE compositions (
        message_id text PRIMARY KEY,
        tenant_id text NOT NULL,
        environment text NOT NULL CHECK (environment IN ('test', 'live')),
        generation int NOT NULL,
        composed jsonb,
        composed_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX compositions_age ON compositions (composed_at)",
    # Calls in doubt that were made before anything was noted: what was sent is taken for what is composed now.
    """
    INSERT INTO compositions (message_id, tenant_id, environment, generation, composed, composed_at)
    SELECT resource_id, tenant_id, environment, generation, '{}', now() FROM operations
    WHERE open_attempt_at IS NOT NULL AND operation IN ('sms.send', 'email.send') ON CONFLICT DO NOTHING
    """,
    """
    CREATE TABLE message_addresses (
        tenant_id text NOT NULL,
        environment text NOT NULL CHECK (environment IN ('test', 'live')),
        channel text NOT NULL CHECK (channel IN ('sms', 'email')),
        address text NOT NULL,
        created_at timestamptz NOT NULL,
        message_id text NOT NULL,
        PRIMARY KEY (tenant_id, environment, channel, address, created_at, message_id)
    )
    """,
    """
    INSERT INTO message_addresses (tenant_id, environment, channel, address, created_at, message_id)
    SELECT tenant_id, environment, channel, unnest(addresses), created_at, id FROM messages ON CONFLICT DO NOTHING
    """,
    "DROP INDEX messages_addresses",
    "CREATE INDEX messages_status ON messages (tenant_id, environment, channel, status, created_at DESC, id DESC)",
    "CREATE INDEX messages_by ON messages (tenant_id, environment, channel, provider, created_at DESC, id DESC)",
)


def upgrade() -> None:
    do_not_wait_long()
    for statement in _STATEMENTS:
        op.execute(statement)
    tenant_table("compositions", service="messaging", worker="SELECT, INSERT, UPDATE, DELETE")
    tenant_table("message_addresses", service="messaging", tenant="SELECT", worker="SELECT, INSERT")
