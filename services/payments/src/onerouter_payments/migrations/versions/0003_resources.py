"""Plans, customers, subscriptions, payment links, payment methods, vendors, transfers: one table."""

from alembic import op

from onerouter_common.db.migrate import do_not_wait_long, tenant_table

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_RESOURCES = """
CREATE TABLE resources (
    id text PRIMARY KEY,
    kind text NOT NULL,
    tenant_id text NOT NULL,
    environment text NOT NULL CHECK (environment IN ('test', 'live')),
    connection_id text NOT NULL,
    provider text NOT NULL,
    provider_id text,
    parent_id text,
    customer_id text,
    status text NOT NULL,
    status_as_of timestamptz NOT NULL,
    data jsonb NOT NULL,
    facts jsonb NOT NULL,
    failure jsonb,
    effect_guarantee text NOT NULL CHECK (effect_guarantee IN ('exactly_once', 'at_most_once')),
    version int NOT NULL,
    revision int NOT NULL,
    poll_at timestamptz,
    polls int NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
)
"""

_INDEXES = (
    "CREATE INDEX resources_list ON resources (tenant_id, environment, kind, created_at DESC, id DESC)",
    "CREATE INDEX resources_parent ON resources (parent_id) WHERE parent_id IS NOT NULL",
    "CREATE INDEX resources_customer ON resources (customer_id) WHERE customer_id IS NOT NULL",
    "CREATE INDEX resources_provider ON resources (provider_id) WHERE provider_id IS NOT NULL",
    "CREATE INDEX resources_poll ON resources (poll_at) WHERE poll_at IS NOT NULL",
)


def upgrade() -> None:
    do_not_wait_long()
    for statement in (_RESOURCES, *_INDEXES):
        op.execute(statement)
    # No DELETE for anyone: what was agreed with a provider stays on record.
    tenant_table("resources", service="payments", tenant="SELECT", worker="SELECT, INSERT, UPDATE")
