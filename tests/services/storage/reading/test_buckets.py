"""A bucket's name means one connection of one tenant and environment, and never another in its place."""

from collections.abc import Sequence
from typing import Any

import pytest

from onerouter_common.errors import NotFound, ProviderDisabled
from onerouter_common.web.internal import TenantContext
from onerouter_providers.known import KnownConnection
from onerouter_storage.reading.buckets import Buckets, Which

ANN = TenantContext("ten_1", "test")


class Known:
    """The tenant's connections, best first."""

    def __init__(self, *connections: KnownConnection) -> None:
        self.connections = connections

    async def known(self, tenant_id: str, environment: str, category: str) -> Sequence[KnownConnection]:
        return self.connections if (tenant_id, environment, category) == ("ten_1", "test", "storage") else ()

    async def get(self, tenant_id: str, environment: str, category: str, connection_id: str) -> Any:
        return None


def known(id_: str, provider: str = "s3", *, bucket: str = "files", enabled: bool = True, off: bool = False) -> Any:
    return KnownConnection(id_, provider, {"bucket": bucket, "public_base_url": ""}, enabled, switched_off=off)


async def place(
    *connections: KnownConnection,
    provider: str | None = None,
    connection_id: str | None = None,
    writing: bool = False,
) -> str:
    which = Which(provider, connection_id)
    found = await Buckets(Known(*connections)).place(ANN, "files", which, writing=writing)
    assert found.public_base_url is None
    return found.connection_id


async def test_of_several_the_best_is_meant_or_the_one_of_the_provider() -> None:
    both = known("con_1"), known("con_2", "r2")
    assert await place(known("con_0", bucket="others"), *both) == "con_1"
    assert await place(*both, provider="r2") == "con_2"
    with pytest.raises(NotFound, match="'gcs'") as refused:
        await place(*both, provider="gcs")
    assert refused.value.error_code == "BUCKET_NOT_CONNECTED"


async def test_one_of_several_of_a_provider_is_named_by_its_id() -> None:
    both = known("con_1"), known("con_2"), known("con_3", bucket="others")
    assert await place(*both, connection_id="con_2") == "con_2"
    for connection_id, provider in (("con_3", None), ("con_4", None), ("con_2", "r2")):
        with pytest.raises(NotFound, match=f"'{connection_id}'"):
            await place(*both, connection_id=connection_id, provider=provider)


async def test_nobody_else_has_it() -> None:
    for tenant in (TenantContext("ten_2", "test"), TenantContext("ten_1", "live")):
        with pytest.raises(NotFound, match="connect it"):
            await Buckets(Known(known("con_1"))).place(tenant, "files")


async def test_what_is_disabled_is_read_and_not_written() -> None:
    disabled, off = known("con_1", enabled=False), known("con_1", off=True)
    for one in (disabled, off):
        assert await place(one) == "con_1"
    with pytest.raises(NotFound, match="disabled"):
        await place(disabled, writing=True)
    with pytest.raises(ProviderDisabled):
        await place(off, writing=True)


async def test_no_other_is_taken_in_its_place() -> None:
    """Else its switch would have the objects of another bucket deleted."""
    for one, error in ((known("con_1", enabled=False), NotFound), (known("con_1", off=True), ProviderDisabled)):
        assert await place(one, known("con_2", "r2")) == "con_1"
        with pytest.raises(error, match=r"\?connection_id=con_2"):
            await place(one, known("con_2", "r2"), writing=True)
        assert await place(one, known("con_2", "r2"), provider="r2", writing=True) == "con_2"
        with pytest.raises(error) as refused:
            await place(one, known("con_2", "r2", enabled=False), writing=True)
        assert "?connection_id" not in str(refused.value)


async def test_a_prefix_is_part_of_every_key() -> None:
    one = KnownConnection("con_1", "s3", {"bucket": "files", "prefix": "shop/a/"}, enabled=True, switched_off=False)
    assert (await Buckets(Known(one)).place(ANN, "files")).key_bytes == 1024 - 7


async def test_one_that_was_removed_meanwhile_is_not_there() -> None:
    with pytest.raises(NotFound) as refused:
        await Buckets(Known(known("con_1"))).open(ANN, "files")
    assert refused.value.error_code == "BUCKET_NOT_CONNECTED"
