"""SQL on attachments: who still needs one."""

from typing import Final

from onerouter_common.contents.repository import ContentTable

# What is unfinished may need its files again: after a crash, at the next provider, at its time. An operation names them
# itself, or its batch does. Both are found by indexes (`operations_files`, `batch_contents_files`) that have these words;
# `max` and not LIMIT 1, for which a plan would rather read whatever is there until it meets one.
_NAMED: Final = "jsonb_build_array(jsonb_build_object('attachment_id', due.id))"
_OF_OPERATION: Final = "coalesce(o.payload -> 'attachments', o.payload -> 'common' -> 'attachments', '[]')"
_OF_BATCH: Final = "coalesce(b.content -> 'attachments', '[]')"
# Not by `=`: the index on tenants would be taken for it, which finds all that a tenant still has to do.
_WHOSE: Final = "(o.tenant_id, o.environment) IS NOT DISTINCT FROM (due.tenant_id, due.environment)"
_NEEDED_AT: Final = f"""
SELECT greatest(
    (
        SELECT max(coalesce(o.not_before, o.created_at)) FROM operations o
        WHERE o.due_at IS NOT NULL AND {_OF_OPERATION} <> '[]' AND {_OF_OPERATION} @> {_NAMED}
            AND {_WHOSE}
    ),
    (
        SELECT max(coalesce(o.not_before, o.created_at)) FROM batch_contents b
        JOIN messages m ON m.batch_id = b.batch_id
        JOIN operations o ON o.resource_id = m.id AND o.due_at IS NOT NULL
        WHERE {_OF_BATCH} <> '[]' AND {_OF_BATCH} @> {_NAMED}
            AND {_WHOSE}
    )
)
"""  # noqa: S608 - made of constants

ATTACHMENTS: Final = ContentTable("attachments", "attachment_totals", needed_at=_NEEDED_AT)

load = ATTACHMENTS.load
forget = ATTACHMENTS.forget
