"""SQL on contents: who still needs one."""

from typing import Final

from onerouter_common.contents.repository import ContentTable

# As the index `operations_contents` has it. Not by `=` for whose it is: the index on tenants would be taken for that.
_NEEDED_AT: Final = """
SELECT max(o.created_at) FROM operations o
WHERE o.due_at IS NOT NULL AND o.payload ->> 'content_id' IS NOT NULL AND o.payload ->> 'content_id' = due.id
    AND (o.tenant_id, o.environment) IS NOT DISTINCT FROM (due.tenant_id, due.environment)
"""

CONTENTS: Final = ContentTable("contents", "content_totals", needed_at=_NEEDED_AT, counts=True)
