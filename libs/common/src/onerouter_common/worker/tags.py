"""What finds an operation by its metadata: a hash of each name with its value, in a table of their own.

Row-level security runs first whatever could leak a row, and no operator on JSON is leakproof: an index on the metadata itself
would never be used for a tenant's question. Equality of hashes is. They are also short, whatever a tenant writes.
"""

import hashlib
from typing import Final

_BYTES: Final = 16

METADATA: Final = "coalesce(payload -> 'metadata', payload -> 'common' -> 'metadata')"
"""SQL: of a row of `operations`, what its caller wrote beside it. A bulk send's is what its messages have in common."""

INSERT_TAGS: Final = f"""
INSERT INTO operation_metadata (tenant_id, environment, tag, created_at, operation_id)
SELECT made.tenant_id, made.environment,
    substring(sha256(convert_to(length(one.key) || ':' || one.key || one.value, 'UTF8')) FOR {_BYTES}),
    made.created_at, made.id
FROM made CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof(made.metadata) WHEN 'object' THEN made.metadata END) AS one
WHERE one.value IS NOT NULL
"""  # noqa: S608 - made of constants
"""Beside the statement `made`, which returns `id, tenant_id, environment, created_at` and `metadata` of new operations."""


def tag_of(name: str, value: str) -> bytes:
    """As `INSERT_TAGS` writes it."""
    return hashlib.sha256(f"{len(name)}:{name}{value}".encode()).digest()[:_BYTES]
