"""Lending: never more than the quota in sum, little near its end, and only what belongs to the key."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from tests.services.registry.conftest import Registry, opened, serving

from onerouter_common.db.engine import worker_pool
from onerouter_common.errors import Overloaded
from onerouter_common.ids import API_KEY, new_id
from onerouter_common.months import end_of, month_of
from onerouter_common.registry_client import QuotaLease, RegistryClient
from onerouter_registry.quota.service import QuotaLeases
from onerouter_registry.tenant.model import Tenant

MONTH = "2026-11"


@dataclass
class Rig:
    registry: Registry
    transport: httpx.ASGITransport
    client: RegistryClient
    tenant: Tenant
    leases: QuotaLeases

    async def key(self, environment: str = "test", **quotas: int) -> str:
        created = await self.registry.admin.api_keys.create(self.tenant.id, environment, name="k", quotas=quotas)
        return created.api_key.id

    async def lease(
        self,
        key_id: str,
        category: str = "payments",
        month: str = MONTH,
        *,
        holder: str | None = None,
        number: int = 1,
        **figures: int,
    ) -> QuotaLease:
        """Of a process that never asked before, unless `holder` says which."""
        lease = await self.client.lease_quota(
            key_id, category, month, holder=holder or uuid4().hex, number=number, **figures
        )
        assert lease is not None
        return lease

    async def answers(self, key_id: str) -> int:
        """How many answers are remembered."""
        return len(await self.sql("SELECT 1 FROM quota_answers WHERE family = $1", key_id))

    async def sql(self, query: str, *arguments: object) -> list[Any]:
        """As superuser."""
        connection = await asyncpg.connect(self.registry.database.admin_dsn)
        try:
            rows: list[Any] = await connection.fetch(query, *arguments)
            return rows
        finally:
            await connection.close()


@pytest.fixture(scope="module")
async def rig(postgres: Any) -> AsyncIterator[Rig]:
    database = await postgres.create("registry")
    async with (
        opened(database) as registry,
        serving(registry.settings) as transport,
        RegistryClient(
            "http://registry", registry.settings.internal_tokens, transport=transport, timeout_s=20
        ) as client,
        worker_pool(str(registry.settings.database_url), "registry", size=1) as pool,
    ):
        tenant = await registry.admin.tenants.create("Acme")
        yield Rig(registry, transport, client, tenant, QuotaLeases(pool))
    await postgres.drop(database)


class TestLease:
    async def test_lends_what_is_needed_and_no_more_than_there_is(self, rig: Rig) -> None:
        key_id = await rig.key(payments=10)
        assert await rig.lease(key_id, needed=4) == QuotaLease(granted=4, limit=10, remaining=6)
        assert await rig.lease(key_id, needed=9) == QuotaLease(granted=6, limit=10, remaining=0)
        assert await rig.lease(key_id, needed=1) == QuotaLease(granted=0, limit=10, remaining=0)

    @pytest.mark.parametrize(
        ("quota", "needed", "wanted", "granted"),
        [
            (6_400, 0, 256, 100),
            (64_000, 0, 256, 256),
            (64_000, 300, 256, 300),
            (63, 0, 256, 0),
            (63, 1, 256, 1),
            (64, 0, 256, 1),
            (1, 5, 256, 1),
        ],
    )
    async def test_lends_ahead_of_need_only_while_plenty_is_left(
        self, rig: Rig, quota: int, needed: int, wanted: int, granted: int
    ) -> None:
        key_id = await rig.key(payments=quota)
        assert (await rig.lease(key_id, needed=needed, wanted=wanted)).granted == granted

    async def test_counts_each_category_and_month_by_itself(self, rig: Rig) -> None:
        key_id = await rig.key(payments=1, sms=1)
        for category, month in (("payments", MONTH), ("sms", MONTH), ("payments", "2026-12")):
            assert (await rig.lease(key_id, category, month, needed=5)).granted == 1

    async def test_what_comes_back_can_be_lent_again(self, rig: Rig) -> None:
        key_id = await rig.key(payments=10)
        await rig.lease(key_id, needed=10)
        assert await rig.lease(key_id, returned=3) == QuotaLease(granted=0, limit=10, remaining=3)
        assert (await rig.lease(key_id, needed=5)).granted == 3
        assert (await rig.lease(key_id, returned=50)).remaining == 10, "never less than nothing is handed out"

    async def test_what_is_owed_is_charged_whatever_is_left(self, rig: Rig) -> None:
        key_id = await rig.key(payments=10)
        assert await rig.lease(key_id, owed=12, needed=1) == QuotaLease(granted=0, limit=10, remaining=0)
        assert (await rig.lease(key_id, returned=1, needed=1)).granted == 0, "eleven of ten"
        assert (await rig.lease(key_id, returned=2, needed=1)).granted == 1

    async def test_the_limit_is_the_keys_at_that_moment(self, rig: Rig) -> None:
        key_id = await rig.key(payments=2)
        await rig.lease(key_id, needed=2)
        update = rig.registry.admin.api_keys.update
        await update(rig.tenant.id, "test", key_id, {"quotas": {"payments": 5}})
        assert (await rig.lease(key_id, needed=9)).granted == 3
        await update(rig.tenant.id, "test", key_id, {"quotas": {"payments": 1}})
        assert await rig.lease(key_id, needed=1) == QuotaLease(granted=0, limit=1, remaining=0)
        await update(rig.tenant.id, "test", key_id, {"quotas": {}})
        assert await rig.lease(key_id, needed=7) == QuotaLease(granted=7, limit=None, remaining=0)

    async def test_a_rotated_keys_quota_is_its_newest_keys(self, rig: Rig) -> None:
        keys = rig.registry.admin.api_keys
        family = await rig.key(payments=10)
        newest = family
        for _ in range(2):
            newest = (await keys.rotate(rig.tenant.id, "test", newest)).created.api_key.id
            await rig.lease(family, needed=3)
        assert (await rig.lease(family)).remaining == 4
        await keys.update(rig.tenant.id, "test", newest, {"quotas": {"payments": 8}})
        assert await rig.lease(family, needed=9) == QuotaLease(granted=2, limit=8, remaining=0)
        of_another = await rig.client.lease_quota(newest, "payments", MONTH, holder="g", number=1, needed=1)
        assert of_another is None, "it is of another's family"

    async def test_nobodys_key_has_nothing(self, rig: Rig) -> None:
        key_id = new_id(API_KEY)
        assert await rig.client.lease_quota(key_id, "payments", MONTH, holder="g", number=1, needed=1) is None

    @pytest.mark.parametrize("quota", [7, 500])
    async def test_many_at_once_get_exactly_the_quota(self, rig: Rig, quota: int) -> None:
        """Also the first of a month, for which there is no row yet."""
        key_id = await rig.key(payments=quota)
        leases = await asyncio.gather(*(rig.lease(key_id, needed=1 + n % 5, wanted=64) for n in range(400)))
        assert sum(lease.granted for lease in leases) == quota

    async def test_many_at_once_that_borrow_and_return_leave_no_difference(self, rig: Rig) -> None:
        key_id = await rig.key(payments=1_000)

        async def borrow_and_return(number: int) -> int:
            kept = 0
            for _ in range(5):
                granted = (await rig.lease(key_id, needed=3)).granted
                returned = min(granted, number % 3)
                await rig.lease(key_id, returned=returned)
                kept += granted - returned
            return kept

        kept = sum(await asyncio.gather(*(borrow_and_return(number) for number in range(40))))
        assert (await rig.lease(key_id)).remaining == 1_000 - kept


class TestAskedAgain:
    """A request whose answer did not arrive."""

    async def test_is_done_once_and_answered_alike(self, rig: Rig) -> None:
        key_id = await rig.key(payments=6_400)
        first = await rig.lease(key_id, holder="a", number=1, needed=1, wanted=256)
        assert first == QuotaLease(granted=100, limit=6_400, remaining=6_300)
        second = await rig.lease(key_id, holder="a", number=2, owed=30, returned=10, wanted=256)
        for _ in range(3):
            assert await rig.lease(key_id, holder="a", number=2, owed=30, returned=10, wanted=256) == second
        assert second.remaining == 6_400 - 100 - 20 - second.granted
        assert (await rig.lease(key_id)).remaining == second.remaining, "charged once"
        assert await rig.lease(key_id, holder="a", number=2) == second, "whatever else came meanwhile"

    async def test_at_the_same_moment_is_done_once(self, rig: Rig) -> None:
        """Also the first of a month, and the first of a gateway."""
        key_id = await rig.key(payments=1_000)
        for number in (1, 2):
            same = await asyncio.gather(
                *(rig.lease(key_id, holder="a", number=number, needed=7, owed=3) for _ in range(20))
            )
            assert len(set(same)) == 1
            assert same[0].remaining == 1_000 - 10 * number

    async def test_late_is_not_done_any_more(self, rig: Rig) -> None:
        key_id = await rig.key(payments=10)
        await rig.lease(key_id, holder="a", number=5, needed=1)
        with pytest.raises(Overloaded):
            await rig.lease(key_id, holder="a", number=4, owed=3)
        assert (await rig.lease(key_id)).remaining == 9

    async def test_is_its_holders_keys_and_months_own(self, rig: Rig) -> None:
        key_id, other = await rig.key(payments=10, sms=10), await rig.key(payments=10)
        for key, category, month, holder in (
            (key_id, "payments", MONTH, "a"),
            (key_id, "payments", MONTH, "b"),
            (key_id, "sms", MONTH, "a"),
            (key_id, "payments", "2026-12", "a"),
            (other, "payments", MONTH, "a"),
        ):
            assert (await rig.lease(key, category, month, holder=holder, number=1, needed=1)).granted == 1
        assert (await rig.lease(key_id)).remaining == 8

    async def test_for_a_key_without_a_quota(self, rig: Rig) -> None:
        key_id = await rig.key()
        for _ in range(2):
            lease = await rig.lease(key_id, holder="a", number=1, needed=7, owed=2)
            assert lease == QuotaLease(granted=7, limit=None, remaining=0)
        update = rig.registry.admin.api_keys.update
        await update(rig.tenant.id, "test", key_id, {"quotas": {"payments": 10}})
        assert (await rig.lease(key_id)).remaining == 8

    async def test_is_remembered_for_a_day(self, rig: Rig) -> None:
        """One row for each gateway, key and month that was asked about."""
        key_id = await rig.key(payments=1_000)
        for number in range(1, 9):
            await rig.lease(key_id, holder="a", number=number, needed=1)
        await rig.lease(key_id, holder="b", number=1)
        assert await rig.answers(key_id) == 2
        await rig.leases.sweep()
        assert await rig.answers(key_id) == 2
        await rig.sql("UPDATE quota_answers SET answered_at = now() - interval '25 hours' WHERE holder = 'b'")
        await rig.leases.sweep()
        assert await rig.answers(key_id) == 1
        assert (await rig.lease(key_id)).remaining == 992


class TestInternalApi:
    async def test_is_for_our_services(self, rig: Rig) -> None:
        async with httpx.AsyncClient(base_url="http://registry", transport=rig.transport) as http:
            answer = await http.post("/internal/quotas/lease", json={})
            assert answer.status_code == 401

    @pytest.mark.parametrize(
        "wrong",
        [
            {"month": "2026-13"},
            {"month": "2026-1"},
            {"month": "2026-11\n"},
            {"category": "everything"},
            {"family": "key_x' OR 1=1"},
            {"needed": -1},
            {"needed": 10**30},
            {"holder": ""},
            {"holder": "x" * 65},
            {"holder": "a b"},
            {"number": 0},
            {"number": 2**63},
            {"extra": 1},
        ],
    )
    async def test_refuses_nonsense(self, rig: Rig, wrong: dict[str, Any]) -> None:
        token = rig.registry.settings.internal_tokens.get_secret_value()
        body = {"family": new_id(API_KEY), "category": "payments", "month": MONTH, "holder": "a", "number": 1, **wrong}
        async with httpx.AsyncClient(base_url="http://registry", transport=rig.transport) as http:
            answer = await http.post("/internal/quotas/lease", json=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 422, answer.text


class TestUsage:
    async def _get(self, rig: Rig, key: str, key_id: str, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url="http://registry", transport=rig.transport) as http:
            return await http.get(
                f"/api/api-keys/{key_id}/usage", headers={"Authorization": f"Bearer {key}", **headers}
            )

    async def test_shows_the_month_by_category(self, rig: Rig) -> None:
        created = await rig.registry.admin.api_keys.create(
            rig.tenant.id, "test", name="k", quotas={"payments": 10, "sms": 5}
        )
        key, key_id = created.key.get_secret_value(), created.api_key.id
        now = rig.registry.admin.api_keys.clock.now()
        await rig.lease(key_id, month=month_of(now), needed=4)
        await rig.lease(key_id, month="2020-01", needed=9)
        answer = await self._get(rig, key, key_id)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["month"] == month_of(now)
        assert body["resets_at"] == f"{end_of(month_of(now)):%Y-%m-%dT00:00:00.000Z}"
        assert body["categories"] == [
            {"category": "payments", "used": 4, "quota": 10, "remaining": 6},
            {"category": "sms", "used": 0, "quota": 5, "remaining": 5},
        ]

    async def test_shows_what_the_keys_used_that_it_was_rotated_from(self, rig: Rig) -> None:
        keys = rig.registry.admin.api_keys
        key_id = await rig.key(payments=10)
        rotated = await keys.rotate(rig.tenant.id, "test", key_id)
        await rig.lease(key_id, month=month_of(keys.clock.now()), needed=4)
        for shown in (key_id, rotated.created.api_key.id):
            answer = await self._get(rig, rotated.created.key.get_secret_value(), shown)
            assert answer.json()["categories"] == [{"category": "payments", "used": 4, "quota": 10, "remaining": 6}]

    async def test_of_others_is_not_there(self, rig: Rig) -> None:
        other = await rig.registry.admin.tenants.create("Umbrella")
        theirs = await rig.registry.admin.api_keys.create(other.id, "test", name="k", quotas={"payments": 1})
        mine = await rig.registry.admin.api_keys.create(rig.tenant.id, "live", name="k", quotas={"payments": 1})
        key = mine.key.get_secret_value()
        assert (await self._get(rig, key, theirs.api_key.id)).status_code == 404
        assert (await self._get(rig, key, mine.api_key.id)).status_code == 200
        in_test = await self._get(rig, key, mine.api_key.id, **{"X-OneRouter-Environment": "test"})
        assert in_test.status_code == 404
        for nonsense in ("key_x", "%00", "x" * 65, "🙂"):
            assert (await self._get(rig, key, nonsense)).status_code in {404, 422}

    async def test_needs_the_right_to_read_keys(self, rig: Rig) -> None:
        narrow = await rig.registry.admin.api_keys.create(
            rig.tenant.id, "test", name="k", scopes=["payments:read"], quotas={"payments": 1}
        )
        answer = await self._get(rig, narrow.key.get_secret_value(), narrow.api_key.id)
        assert answer.status_code == 403
