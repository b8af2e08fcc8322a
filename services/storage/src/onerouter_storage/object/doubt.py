"""What a place shows of a write that got no answer: the write itself, what was there before it, or another's since.

Repeated blindly it would destroy what somebody has put there meanwhile. So it is looked before anything is repeated, the
repeat is bound to what was seen, and where that cannot be told from another's, nothing is repeated.
"""

from datetime import datetime, timedelta
from typing import Final

from onerouter_common.errors import NotFound, Superseded
from onerouter_providers.objects import NotModified, ObjectSnapshot, StoresObjects
from onerouter_storage.object.state import StoredObject

_SKEW: Final = timedelta(minutes=15)
"""Both providers refuse a call whose clock differs by more (RequestTimeTooSkewed): what they call older still is older."""


async def seen(client: StoresObjects, key: str) -> ObjectSnapshot | None:
    """What is there now. Raises a ProviderError; nothing is changed by it."""
    try:
        found = await client.head_object(key)
    except NotFound:
        return None
    return None if isinstance(found, NotModified) else found


def was_before(found: ObjectSnapshot, stored: StoredObject, asked_at: datetime) -> bool:
    """Whether it was there before the write was asked for.

    `stored`: what was done there last through us, which nothing changes as long as the write keeps its turn. What came
    another way is told by its time, unless it was uploaded in parts: S3 then says when that was begun.
    """
    if (
        stored.version
        and stored.status == "stored"
        and found.etag == stored.etag
        and _marks(found) == _marks_of(stored)
    ):
        return True
    is_in_parts = "-" in found.etag
    return found.last_modified is not None and not is_in_parts and found.last_modified < asked_at - _SKEW


def came_after(found: ObjectSnapshot, asked_at: datetime) -> bool:
    """Whether it was put there after the write was asked for, however their clock and ours differ. What is neither this
    nor `was_before` may be either."""
    return found.last_modified is not None and found.last_modified > asked_at + _SKEW


def superseded(what: str) -> Superseded:
    return Superseded(
        f"There was no answer to {what}, and what is there now somebody else may have put there since: it may have been done "
        "in between, and is not done again. Look at the object, and repeat the request as a new one if it is still wanted."
    )


def _marks(found: ObjectSnapshot) -> tuple[str | None, str | None]:
    return found.operation_id, found.upload_id


def _marks_of(stored: StoredObject) -> tuple[str | None, str | None]:
    """As the object carries them: what an upload made says so, and not which operation completed it."""
    return (None, stored.upload_id) if stored.upload_id is not None else (stored.operation_id, None)
