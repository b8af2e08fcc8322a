"""Messages, and the tables of the heart."""

from alembic import op

from onerouter_common.db.migrate import tenant_table
from onerouter_common.worker import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MESSAGES = """
CREATE TABLE messages (
    id text PRIMARY KEY,
    channel text NOT NULL CHECK (channel IN ('sms', 'email')),
    direction text NOT NULL CHECK (direction IN ('outbound', 'inbound')),
    tenant_id text NOT NULL,
    environment text NOT NULL CHECK (environment IN ('test', 'live')),
    status text NOT NULL,
    connection_id text,
    provider text,
    provider_message_id text,
    effect_guarantee text NOT NULL CHECK (effect_guarantee IN ('exactly_once', 'at_most_once')),
    is_tracked boolean NOT NULL,
    sender jsonb,
    recipients jsonb NOT NULL,
    addresses text[] NOT NULL,
    reply_to jsonb NOT NULL,
    content jsonb,
    files jsonb NOT NULL,
    metadata jsonb NOT NULL,
    tags jsonb NOT NULL,
    template_id text,
    template_version int,
    batch_id text,
    priority text NOT NULL CHECK (priority IN ('transactional', 'bulk')),
    send_at timestamptz,
    country text,
    segments int CHECK (segments > 0),
    encoding text,
    cost numeric CHECK (cost >= 0),
    cost_currency text,
    cost_estimated boolean,
    sent_at timestamptz,
    delivered_at timestamptz,
    engagement jsonb NOT NULL,
    facts jsonb NOT NULL,
    version int NOT NULL,
    revision int NOT NULL,
    poll_at timestamptz,
    polls int NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
)
"""

_INDEXES = (
    # Lists, newest first, and the filters that are selective enough to need help.
    "CREATE INDEX messages_list ON messages (tenant_id, environment, channel, created_at DESC, id DESC)",
    "CREATE INDEX messages_addresses ON messages USING gin (addresses)",
    "CREATE INDEX messages_batch ON messages (batch_id, created_at DESC, id DESC) WHERE batch_id IS NOT NULL",
    # Callbacks name the provider's id, and tenants may read by it; whose it is is checked on the few rows found.
    "CREATE INDEX messages_provider ON messages (provider_message_id) WHERE provider_message_id IS NOT NULL",
    "CREATE INDEX messages_poll ON messages (poll_at) WHERE poll_at IS NOT NULL",
    "CREATE INDEX messages_content ON messages (created_at) WHERE content IS NOT NULL",
)


def upgrade() -> None:
    schema.create_worker_tables("messaging")
    schema.add_routing_decision()
    schema.add_history("messaging")
    schema.add_stuck_alarm()
    schema.add_priority()
    for statement in (_MESSAGES, *_INDEXES):
        op.execute(statement)
    # No DELETE for anyone: what was sent stays on record, without its content after some months.
    tenant_table("messages", service="messaging", tenant="SELECT", worker="SELECT, INSERT, UPDATE")
