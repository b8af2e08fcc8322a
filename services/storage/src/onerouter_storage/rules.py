"""All that storage brings to the heart."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from onerouter_common.clock import Clock
from onerouter_common.db.engine import Pool
from onerouter_common.ids import OBJECT, UPLOAD
from onerouter_common.operations.repository import View
from onerouter_common.reads.rows import Row
from onerouter_common.worker.handler import CategoryRules, handlers_by_name
from onerouter_common.worker.parts import Parts
from onerouter_storage.object.deleting import ObjectDelete
from onerouter_storage.object.putting import LoadsContents, ObjectPut
from onerouter_storage.object.repository import ObjectStore
from onerouter_storage.upload.aborting import UploadAbort
from onerouter_storage.upload.completing import UploadComplete
from onerouter_storage.upload.making import UploadCreate
from onerouter_storage.upload.repository import UploadStore, places_of

SERVICE: Final = "storage"


def category_rules(contents: LoadsContents, clock: Clock) -> CategoryRules[Any]:
    return CategoryRules(
        category=SERVICE,
        service=SERVICE,
        store=Parts({OBJECT: ObjectStore(), UPLOAD: UploadStore()}),
        handlers=handlers_by_name(
            ObjectPut(contents, clock),
            ObjectDelete(clock),
            UploadCreate(),
            UploadComplete(clock),
            UploadAbort(clock),
        ),
        # What is repeated at a place would destroy what was put there meanwhile.
        holds_in_doubt=True,
        turns=places_of,
    )


async def no_costs(tx: AsyncConnection, rows: Sequence[Row]) -> Mapping[str, View]:  # noqa: ARG001
    """Buckets bill their owners; no operation has a price of its own."""
    return {}


async def taken_by(pool: Pool, row: Any, provider_id: str) -> str | None:  # noqa: ARG001
    """What an ETag names may be at many places."""
    return None
