"""`refunds` as SQLAlchemy sees it, for reads. The schema itself is made by the migrations."""

from sqlalchemy import TIMESTAMP, BigInteger, Column, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from onerouter_payments.payment.tables import metadata

refunds = Table(
    "refunds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("payment_id", Text, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("connection_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("provider_refund_id", Text),
    Column("reason", Text),
    Column("speed", Text, nullable=False),
    Column("notes", JSONB, nullable=False),
    Column("failure_code", Text),
    Column("failure_message", Text),
    Column("effect_guarantee", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("poll_at", TIMESTAMP(timezone=True)),
    Column("polls", Integer, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False),
)
