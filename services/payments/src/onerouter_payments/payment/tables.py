"""`payments` as SQLAlchemy sees it, for reads. The schema itself is made by the migrations."""

from sqlalchemy import TIMESTAMP, BigInteger, Column, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

payments = Table(
    "payments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("connection_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("effect_guarantee", Text, nullable=False),
    Column("capture", Text, nullable=False),
    Column("method", Text),
    Column("method_details", JSONB, nullable=False),
    Column("receipt", Text),
    Column("description", Text),
    Column("notes", JSONB, nullable=False),
    Column("metadata", JSONB, nullable=False),
    Column("customer", JSONB),
    Column("customer_id", Text),
    Column("split", JSONB),
    Column("subscription_id", Text),
    Column("disputes", JSONB, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("provider_order_id", Text),
    Column("provider_payment_id", Text),
    Column("captured_minor", BigInteger),
    Column("reported_refunded_minor", BigInteger, nullable=False),
    Column("amount_refunded_minor", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("poll_at", TIMESTAMP(timezone=True)),
    Column("polls", Integer, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False),
)
