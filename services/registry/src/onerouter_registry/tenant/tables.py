"""The tenants."""

from typing import Final

from sqlalchemy import Column, DateTime, Table, Text

from onerouter_registry.metadata import metadata

tenants: Final = Table(
    "tenants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
