"""The combinations of category, state, operation and provider that a tenant's operations are looked for by."""

from typing import Final

PROVIDER: Final = "CASE WHEN {of}provider IS NULL THEN '' ELSE {of}provider END"
"""SQL, for `format`: the provider, or the empty text, as the index `operations_kinds` has it. Not `coalesce`: row-level
security takes it for something that could leak a row, and keeps it from the index."""
