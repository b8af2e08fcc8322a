"""`batch_contents` as SQLAlchemy sees it, for reads. The schema itself is made by the migrations."""

from sqlalchemy import TIMESTAMP, Column, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

batch_contents = Table(
    "batch_contents",
    MetaData(),
    Column("batch_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
)
