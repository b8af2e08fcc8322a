"""Payments and refunds, and the tables of the heart."""

from alembic import op

from onerouter_common.db.migrate import tenant_table
from onerouter_common.worker.schema import create_worker_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_PAYMENTS = """
CREATE TABLE payments (
    id text PRIMARY KEY,
    tenant_id text NOT NULL,
    environment text NOT NULL CHECK (environment IN ('test', 'live')),
    connection_id text NOT NULL,
    provider text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text NOT NULL CHECK (status IN ('created', 'requires_action', 'processing', 'failed', 'authorized',
        'expired', 'canceled', 'succeeded', 'partially_refunded', 'refunded')),
    effect_guarantee text NOT NULL CHECK (effect_guarantee IN ('exactly_once', 'at_most_once')),
    capture text NOT NULL CHECK (capture IN ('automatic', 'manual')),
    method text,
    method_details jsonb NOT NULL,
    receipt text,
    description text,
    notes jsonb NOT NULL,
    metadata jsonb NOT NULL,
    customer jsonb,
    customer_id text,
    facts jsonb NOT NULL,
    provider_order_id text,
    provider_payment_id text,
    captured_minor bigint CHECK (captured_minor > 0),
    reported_refunded_minor bigint NOT NULL CHECK (reported_refunded_minor >= 0),
    amount_refunded_minor bigint NOT NULL CHECK (amount_refunded_minor >= 0),
    version int NOT NULL,
    revision int NOT NULL,
    poll_at timestamptz,
    polls int NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
)
"""

_REFUNDS = """
CREATE TABLE refunds (
    id text PRIMARY KEY,
    payment_id text NOT NULL REFERENCES payments (id),
    tenant_id text NOT NULL,
    environment text NOT NULL CHECK (environment IN ('test', 'live')),
    connection_id text NOT NULL,
    provider text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text NOT NULL CHECK (status IN ('pending', 'failed', 'succeeded')),
    provider_refund_id text,
    reason text,
    speed text NOT NULL CHECK (speed IN ('normal', 'optimum')),
    notes jsonb NOT NULL,
    failure_code text,
    failure_message text,
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
    # Lists, newest first, and the filters that are selective enough to need help.
    "CREATE INDEX payments_list ON payments (tenant_id, environment, created_at DESC, id DESC)",
    "CREATE INDEX payments_customer ON payments (tenant_id, environment, customer_id, created_at DESC, id DESC) "
    "WHERE customer_id IS NOT NULL",
    "CREATE INDEX refunds_list ON refunds (tenant_id, environment, created_at DESC, id DESC)",
    "CREATE INDEX refunds_payment ON refunds (payment_id)",
    # Callbacks name the provider's ids, and tenants may read by them; whose they are is checked on the few rows found.
    "CREATE INDEX payments_provider_order ON payments (provider_order_id) WHERE provider_order_id IS NOT NULL",
    "CREATE INDEX payments_provider_payment ON payments (provider_payment_id) WHERE provider_payment_id IS NOT NULL",
    "CREATE INDEX refunds_provider_refund ON refunds (provider_refund_id) WHERE provider_refund_id IS NOT NULL",
    "CREATE INDEX payments_poll ON payments (poll_at) WHERE poll_at IS NOT NULL",
    "CREATE INDEX refunds_poll ON refunds (poll_at) WHERE poll_at IS NOT NULL",
)


def upgrade() -> None:
    create_worker_tables("payments")
    for statement in (_PAYMENTS, _REFUNDS, *_INDEXES):
        op.execute(statement)
    # No DELETE for anyone: money that moved stays on record.
    tenant_table("payments", service="payments", tenant="SELECT", worker="SELECT, INSERT, UPDATE")
    tenant_table("refunds", service="payments", tenant="SELECT", worker="SELECT, INSERT, UPDATE")
