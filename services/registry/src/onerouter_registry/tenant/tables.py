"""The tenants."""

from typing import Final

from sqlalchemy import Column, DateTime, Integer, Table, Text

from onerouter_registry.metadata import metadata

tenants: Final = Table(
    "tenants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False),
    Column("status_reason", Text),
    Column("status_changed_at", DateTime(timezone=True)),
    Column("delete_after", DateTime(timezone=True)),
    Column("deletion_by", Text),
    Column("plan", Text, nullable=False),
    Column("requests_per_minute", Integer),
    Column("updated_at", DateTime(timezone=True)),
    Column("default_region", Text),
)
