"""`resources` as SQLAlchemy sees it, for reads. The schema itself is made by the migrations."""

from sqlalchemy import TIMESTAMP, Column, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from onerouter_payments.payment.tables import metadata

resources = Table(
    "resources",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("connection_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("provider_id", Text),
    Column("parent_id", Text),
    Column("customer_id", Text),
    Column("status", Text, nullable=False),
    Column("status_as_of", TIMESTAMP(timezone=True), nullable=False),
    Column("data", JSONB, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("failure", JSONB),
    Column("effect_guarantee", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("poll_at", TIMESTAMP(timezone=True)),
    Column("polls", Integer, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False),
)
