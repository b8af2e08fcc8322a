"""`messages` as SQLAlchemy sees it, for reads. The schema itself is made by the migrations."""

from sqlalchemy import TIMESTAMP, Boolean, Column, Integer, MetaData, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("connection_id", Text),
    Column("provider", Text),
    Column("provider_message_id", Text),
    Column("effect_guarantee", Text, nullable=False),
    Column("is_tracked", Boolean, nullable=False),
    Column("is_put_off", Boolean, nullable=False),
    Column("sender", JSONB),
    Column("recipients", JSONB, nullable=False),
    Column("addresses", ARRAY(Text), nullable=False),
    Column("reply_to", JSONB, nullable=False),
    Column("content", JSONB),
    Column("files", JSONB, nullable=False),
    Column("metadata", JSONB, nullable=False),
    Column("tags", JSONB, nullable=False),
    Column("template_id", Text),
    Column("template_version", Integer),
    Column("batch_id", Text),
    Column("priority", Text, nullable=False),
    Column("send_at", TIMESTAMP(timezone=True)),
    Column("country", Text),
    Column("segments", Integer),
    Column("encoding", Text),
    Column("cost", Numeric),
    Column("cost_currency", Text),
    Column("cost_estimated", Boolean),
    Column("sent_at", TIMESTAMP(timezone=True)),
    Column("delivered_at", TIMESTAMP(timezone=True)),
    Column("engagement", JSONB, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("poll_at", TIMESTAMP(timezone=True)),
    Column("polls", Integer, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False),
)

message_addresses = Table(
    "message_addresses",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("created_at", TIMESTAMP(timezone=True), primary_key=True),
    Column("message_id", Text, primary_key=True),
)
