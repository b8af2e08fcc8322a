"""`uploads` as SQLAlchemy sees it, for reads. The schema itself is made by the migrations."""

from sqlalchemy import TIMESTAMP, BigInteger, Boolean, Column, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

uploads = Table(
    "uploads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("connection_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("bucket", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("cache_control", Text),
    Column("content_disposition", Text),
    Column("metadata", JSONB, nullable=False),
    Column("url", Text),
    Column("is_multipart", Boolean, nullable=False),
    Column("part_size", BigInteger),
    Column("size_bytes", BigInteger),
    Column("if_none_match", Boolean, nullable=False),
    Column("provider_upload_id", Text),
    Column("etag", Text),
    Column("operation_id", Text, nullable=False),
    Column("expires_at", TIMESTAMP(timezone=True), nullable=False),
    Column("completed_at", TIMESTAMP(timezone=True)),
    Column("aborted_at", TIMESTAMP(timezone=True)),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("sweep_at", TIMESTAMP(timezone=True)),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False),
)
