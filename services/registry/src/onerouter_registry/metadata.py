"""The one MetaData of the registry's tables; each feature declares its own in its `tables.py`."""

from typing import Final

from sqlalchemy import MetaData

SERVICE: Final = "registry"
"""Names the database's roles and its migrations."""

metadata: Final = MetaData()
