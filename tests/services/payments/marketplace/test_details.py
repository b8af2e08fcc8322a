"""Bank data in a real PostgreSQL: sealed, opened only for its own tenant, gone once the vendor exists."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from onerouter_common.db.engine import Pool
from onerouter_common.errors import Conflict
from onerouter_common.secrets import KeyRing, KeyRings, SecretUnopenable
from onerouter_payments.marketplace.details import VendorDetails, masked
from onerouter_payments.resource.kinds.vendor import VENDOR_KIND
from onerouter_payments.resource.repository import ResourceStore
from onerouter_payments.resource.state import Resource

from ..examples import a_resource

NUMBER: Final = "50100123456789"
DETAILS: Final = {"account_number": NUMBER, "ifsc": "HDFC0000001", "account_holder": "Asha Rao"}


def ring(*entries: str) -> KeyRings:
    return KeyRings(test=KeyRing.parse(",".join(entries)), live=KeyRing.parse(KeyRing.generate("live")))


@pytest.fixture(scope="module")
def old_key() -> str:
    return KeyRing.generate("old")


@pytest.fixture
def details(pool: Pool, old_key: str) -> VendorDetails:
    return VendorDetails(pool, ring(old_key))


async def rows(pool: Pool) -> list[dict[str, str]]:
    return [dict(row) for row in await pool.fetch("SELECT id, data_key, sealed FROM vendor_details ORDER BY id")]


async def save(pool: Pool, vendor: Resource) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await ResourceStore().save(connection, [vendor])


class TestKeep:
    async def test_it_opens_as_it_was_and_stands_nowhere_in_the_clear(self, pool: Pool, details: VendorDetails) -> None:
        id_ = await details.keep("ten_1", "test", DETAILS)
        assert await details.open("ten_1", "test", id_) == DETAILS
        (row,) = await rows(pool)
        for text in (NUMBER, NUMBER.encode().hex(), "HDFC0000001", "Asha"):
            assert text not in "".join(row.values())

    async def test_nobody_else_opens_it(self, pool: Pool, details: VendorDetails) -> None:
        id_ = await details.keep("ten_1", "test", DETAILS)
        for tenant_id, environment in (("ten_2", "test"), ("ten_1", "live")):
            with pytest.raises(Conflict):
                await details.open(tenant_id, environment, id_)
        # Not even with the row in its own name.
        await pool.execute(
            "INSERT INTO vendor_details SELECT 'vd_x', 'ten_2', environment, data_key, sealed, created_at "
            "FROM vendor_details WHERE id = $1",
            id_,
        )
        with pytest.raises(SecretUnopenable):
            await details.open("ten_2", "test", "vd_x")

    async def test_one_that_was_moved_to_another_vendor_does_not_open(self, pool: Pool, details: VendorDetails) -> None:
        mine, other = [await details.keep("ten_1", "test", DETAILS) for _ in range(2)]
        await pool.execute("DELETE FROM vendor_details WHERE id = $1", other)
        await pool.execute(
            "INSERT INTO vendor_details SELECT $2, tenant_id, environment, data_key, sealed, created_at "
            "FROM vendor_details WHERE id = $1",
            mine,
            other,
        )
        with pytest.raises(SecretUnopenable):
            await details.open("ten_1", "test", other)


class TestErase:
    @pytest.mark.parametrize(("version", "left"), [(0, 1), (1, 0)])
    async def test_it_is_gone_once_the_provider_has_answered(
        self, pool: Pool, details: VendorDetails, version: int, left: int
    ) -> None:
        id_ = await details.keep("ten_1", "test", DETAILS)
        now = await pool.fetchval("SELECT now()")
        vendor = a_resource(VENDOR_KIND, data={"details_id": id_}, version=version, created_at=now, updated_at=now)
        await save(pool, vendor)
        assert await details.erase() == 1 - left
        assert len(await rows(pool)) == left

    async def test_another_tenants_vendor_erases_nothing(self, pool: Pool, details: VendorDetails) -> None:
        id_ = await details.keep("ten_1", "test", DETAILS)
        now = await pool.fetchval("SELECT now()")
        vendor = a_resource(VENDOR_KIND, data={"details_id": id_}, version=1, created_at=now, updated_at=now)
        await save(pool, replace(vendor, tenant_id="ten_2"))
        assert await details.erase() == 0

    async def test_what_led_to_no_vendor_is_not_kept_for_ever(self, pool: Pool, details: VendorDetails) -> None:
        old, young = [await details.keep("ten_1", "test", DETAILS) for _ in range(2)]
        await pool.execute("SELECT 1")
        async with pool.acquire() as connection:
            at = await connection.fetchval("SELECT now()") - timedelta(days=36)
            await connection.execute("DELETE FROM vendor_details WHERE id = $1", old)
            await connection.execute(
                "INSERT INTO vendor_details SELECT $1, tenant_id, environment, data_key, sealed, $2 "
                "FROM vendor_details WHERE id = $3",
                old,
                at,
                young,
            )
        assert await details.erase() == 1
        assert [row["id"] for row in await rows(pool)] == [young]
        with pytest.raises(Conflict):
            await details.open("ten_1", "test", old)


class TestRewrap:
    async def test_what_waits_follows_the_keyring(self, pool: Pool, details: VendorDetails, old_key: str) -> None:
        id_ = await details.keep("ten_1", "test", DETAILS)
        new_key = KeyRing.generate("new")
        both = VendorDetails(pool, ring(new_key, old_key))
        sealed = (await rows(pool))[0]["sealed"]
        assert await both.rewrap() == 1
        assert await both.rewrap() == 0
        assert (await rows(pool))[0]["sealed"] == sealed
        assert await VendorDetails(pool, ring(new_key)).open("ten_1", "test", id_) == DETAILS
        with pytest.raises(SecretUnopenable):
            await details.open("ten_1", "test", id_)

    async def test_one_that_does_not_open_keeps_no_other_back(
        self, pool: Pool, details: VendorDetails, old_key: str
    ) -> None:
        stranger = VendorDetails(pool, ring(KeyRing.generate("lost")))
        lost = await stranger.keep("ten_1", "test", DETAILS)
        kept = await details.keep("ten_1", "test", DETAILS)
        new_key = KeyRing.generate("new")
        assert await VendorDetails(pool, ring(new_key, old_key)).rewrap() == 1
        assert await VendorDetails(pool, ring(new_key)).open("ten_1", "test", kept) == DETAILS
        assert len({row["id"] for row in await rows(pool)} & {lost, kept}) == 2


class TestMasked:
    def test_numbers_keep_their_end_and_names_are_shown(self) -> None:
        assert masked({**DETAILS, "bank_name": "HDFC", "pin": "1234", "iban": "DE02120300000000202051"}) == {
            "account_number": "••••••••••6789",
            "ifsc": "•••••••0001",
            "account_holder": "Asha Rao",
            "bank_name": "HDFC",
            "pin": "••••",
            "iban": "••••••••••••2051",
        }

    def test_what_becomes_the_public_id_of_the_account_is_not_said_to_be_hidden(self) -> None:
        public = {"paypal_email": "chairs@vendor.example", "payer_id": "WDJJHEBZ4X2LY"}
        assert masked(public) == public

    @pytest.mark.parametrize("value", ["1", "12345678"])
    def test_of_a_short_one_nothing_is_shown(self, value: str) -> None:
        assert set(masked({"account_number": value})["account_number"]) == {"•"}
