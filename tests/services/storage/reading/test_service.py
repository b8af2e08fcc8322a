"""What is made of a bucket's answers."""

from types import SimpleNamespace
from typing import Any

from pydantic import SecretStr

from onerouter_common.web.internal import TenantContext
from onerouter_common.worker.circuit.circuits import NEVER, Circuits
from onerouter_providers.objects import ListRequest, ObjectPage, ObjectSnapshot
from onerouter_storage.reading.buckets import Which
from onerouter_storage.reading.cursor import Cursors
from onerouter_storage.reading.questions import Questions
from onerouter_storage.reading.service import BucketReads, ListWanted


class Listing:
    """A bucket below the prefix `app/`, with the zero-byte `app/` that consoles make of a folder."""

    async def list_objects(self, request: ListRequest) -> ObjectPage:
        return ObjectPage([ObjectSnapshot("", 0, "a"), ObjectSnapshot("b", 1, "b")], [], None)

    def public_url(self, key: str) -> None:
        return None


class Buckets:
    async def open(self, tenant: TenantContext, bucket: str, which: Which) -> Any:
        return SimpleNamespace(
            id="con_1", provider="s3", timeout_s=60.0, client=Listing(), idempotency_of=lambda capability: capability
        )


async def test_a_folders_own_marker_is_no_object_of_it() -> None:
    buckets: Any = Buckets()
    questions = Questions(Circuits(NEVER, category="tests"), timeout_s=60.0)
    reads = BucketReads(buckets, Cursors(SecretStr("s" * 32)), questions)
    found: Any = await reads.list(TenantContext("ten_1", "test"), "files", ListWanted())
    assert [one["key"] for one in found["data"]] == ["b"]
