"""The heart's tables as reads see them; they are made by `onerouter_common.worker.schema`."""

from typing import Final

from sqlalchemy import TIMESTAMP, Column, Double, Integer, MetaData, Table, Text, literal_column
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from onerouter_common.worker.tags import METADATA

metadata = MetaData()

operations = Table(
    "operations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("category", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("ordering_key", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("api_key_id", Text, nullable=False),
    Column("status", Integer),
    Column("state", Text, nullable=False),
    Column("provider", Text),
    Column("connection_id", Text),
    Column("effect_guarantee", Text),
    Column("routing", JSONB),
    Column("result", JSONB),
    Column("problem", JSONB),
    Column("provider_ms", Double, nullable=False),
    Column("accepted_at", TIMESTAMP(timezone=True), nullable=False),
    Column("not_before", TIMESTAMP(timezone=True)),
    Column("created_at", TIMESTAMP(timezone=True), primary_key=True),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False),
    Column("finished_at", TIMESTAMP(timezone=True)),
)

SHOWN: Final = (*operations.c, literal_column(METADATA, JSONB).label("metadata"))
"""What views are made of: the row without what was asked, of which only the metadata is shown."""

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("operation_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("connection_id", Text, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), primary_key=True),
    Column("duration_ms", Double),
    Column("outcome", Text),
    Column("reason", Text),
    Column("provider_code", Text),
    Column("provider_request_id", Text),
)

history = Table(
    "history",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("ordering_key", Text, nullable=False),
    Column("resource_ids", ARRAY(Text), nullable=False),
    Column("operation_id", Text),
    Column("data", JSONB, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), primary_key=True),
)
