"""Spending a monthly quota in one process: from loans, on credit while the registry is away, and back again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.services.gateway.authentication.test_principals import PRINCIPAL

from onerouter_common.contracts.registry import RegistryChange
from onerouter_common.errors import Overloaded
from onerouter_common.months import end_of, month_of
from onerouter_common.registry_client import QuotaLease
from onerouter_gateway.quota.pot import Pot
from onerouter_gateway.quota.quotas import QuotaExceeded, Quotas


@dataclass
class Registry:
    """Lends by the rule of the registry's SQL, which has tests of its own."""

    quota: int | None = 100
    granted: int = 0
    asked: list[dict[str, int]] = field(default_factory=list)
    failure: Exception | None = None
    lost: bool = False
    """It does as asked, and the answer gets lost."""
    answered: dict[tuple[str, ...], tuple[int, QuotaLease]] = field(default_factory=dict)
    """By who asked about what: the last request and its answer, so that the same one again is done once."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    now: float = 1000.0
    today: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)
    months: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    async def lend(
        self, family: str, category: str, month: str, *, holder: str, number: int, **figures: int
    ) -> QuotaLease:
        self.asked.append(figures)
        self.months.append(month)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        asker = (family, category, month, holder)
        before, lease = self.answered.get(asker, (0, None))
        assert number >= before
        if number > before or lease is None:
            self.granted = max(0, self.granted - figures.get("returned", 0)) + figures.get("owed", 0)
            lease = self._loan(figures)
            self.answered[asker] = number, lease
        if self.lost:
            raise Overloaded("lost")
        return lease

    def _loan(self, figures: dict[str, int]) -> QuotaLease:
        needed, wanted = figures.get("needed", 0), figures.get("wanted", 0)
        if self.quota is None:
            return QuotaLease(granted=needed, limit=None, remaining=0)
        left = max(0, self.quota - self.granted)
        size = min(left, max(needed, min(wanted, left // 64)))
        self.granted += size
        return QuotaLease(granted=size, limit=self.quota, remaining=left - size)

    async def through(self, trouble: dict[str, Any], quotas: Quotas) -> None:
        """One round of theirs while it is so."""
        for name, value in trouble.items():
            setattr(self, name, value)
        await quotas.tend()
        self.lost, self.failure = False, None
        self.now += 1

    @property
    def clock(self) -> Any:
        registry = self

        class Clock:
            def now(self) -> datetime:
                return registry.today

        return Clock()

    def quotas(self, debt: int = 10) -> Quotas:
        return Quotas(self.lend, self.clock, debt=debt, monotonic=lambda: self.now)

    @asynccontextmanager
    async def opened(self, debt: int = 10) -> AsyncIterator[Quotas]:
        async with self.quotas(debt) as quotas:
            yield quotas


def key(quota: int = 100) -> Any:
    return PRINCIPAL.model_copy(update={"quotas": {"payments": quota}})


async def spend(quotas: Quotas, times: int, quota: int = 100) -> int:
    """How many of so many at once were admitted."""
    results = await asyncio.gather(*(quotas.take(key(quota), "payments") for _ in range(times)), return_exceptions=True)
    assert all(isinstance(result, Pot | QuotaExceeded) for result in results), results
    return sum(isinstance(result, Pot) for result in results)


class TestTake:
    async def test_a_key_without_a_quota_is_not_counted(self) -> None:
        registry = Registry()
        assert await registry.quotas().take(PRINCIPAL, "payments") is None
        assert await registry.quotas().take(key(), "sms") is None
        assert registry.asked == []

    @pytest.mark.parametrize("quota", [1, 7, 64, 100, 1_000])
    async def test_exactly_the_quota_is_admitted(self, quota: int) -> None:
        registry = Registry(quota)
        quotas = registry.quotas()
        admitted = 0
        for _ in range(5):
            admitted += await spend(quotas, quota // 3 + 1, quota)
        assert admitted == quota
        assert registry.granted == quota

    async def test_several_instances_admit_exactly_the_quota(self) -> None:
        registry = Registry(500)
        instances = [registry.quotas() for _ in range(4)]
        admitted = sum(await asyncio.gather(*(spend(one, 64, 500) for one in instances * 3)))
        registry.now += 1  # what one was refused, another may have held
        admitted += sum(await asyncio.gather(*(spend(one, 64, 500) for one in instances)))
        assert admitted == 500

    async def test_many_who_wait_ask_once(self) -> None:
        registry = Registry()
        assert await spend(registry.quotas(), 64) == 64
        assert [asked["needed"] for asked in registry.asked] == [64]

    async def test_a_large_quota_is_asked_for_rarely_and_ahead_of_need(self) -> None:
        registry = Registry(1_000_000)
        quotas = registry.quotas()
        for _ in range(2_000):
            assert await quotas.take(key(1_000_000), "payments") is not None
            await asyncio.sleep(0)
        assert len(registry.asked) < 2_000 / 150
        assert [asked["needed"] for asked in registry.asked[1:]] == [0] * (len(registry.asked) - 1), "nobody waited"

    async def test_the_refusal_names_the_quota_and_when_it_ends(self) -> None:
        registry = Registry(0)
        with pytest.raises(QuotaExceeded) as refused:
            await registry.quotas().take(key(0), "payments")
        error = refused.value
        assert str(error) == (
            "The monthly quota of this API key is used up: 0 payments operations in 2026-11. "
            "It begins anew at 2026-12-01T00:00:00.000Z."
        )
        assert (error.error_code, error.http_status) == ("QUOTA_EXCEEDED", 429)
        assert error.retry_after_s == 9.5 * 86_400

    async def test_a_stampede_on_a_spent_quota_asks_rarely(self) -> None:
        registry = Registry(3)
        quotas = registry.quotas()
        assert await spend(quotas, 50) == 3
        asked = len(registry.asked)
        assert await spend(quotas, 500) == 0
        assert len(registry.asked) == asked
        registry.quota, registry.now = 5, registry.now + 0.6
        assert await spend(quotas, 50) == 2, "an operator raised it: seen soon even without the news of it"

    async def test_a_new_month_is_a_new_quota(self) -> None:
        registry = Registry(3)
        quotas = registry.quotas()
        assert await spend(quotas, 5) == 3
        registry.today, registry.granted = datetime(2026, 12, 1, tzinfo=UTC), 0
        assert await spend(quotas, 5) == 3
        assert set(registry.months) == {"2026-11", "2026-12"}

    async def test_a_quota_that_was_lifted_is_no_limit(self) -> None:
        registry = Registry(None)
        quotas = registry.quotas()
        assert await spend(quotas, 500) == 500
        assert len(registry.asked) == 1
        registry.quota = 3
        assert await spend(quotas, 5) == 5
        registry.now += 0.6
        assert await spend(quotas, 5) == 3, "and is one again when it comes back, also without the news of it"
        assert registry.granted == 3

    async def test_a_caller_that_leaves_takes_nobody_with_it(self) -> None:
        registry = Registry()
        registry.gate.clear()
        quotas = registry.quotas()
        asking = [asyncio.create_task(quotas.take(key(), "payments")) for _ in range(3)]
        await asyncio.sleep(0)
        asking[0].cancel()
        registry.gate.set()
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError, Pot, Pot]


class TestGiveBack:
    async def test_what_began_nothing_can_be_spent_again(self) -> None:
        registry = Registry(1)
        quotas = registry.quotas()
        for _ in range(5):
            quotas.give_back(await quotas.take(key(1), "payments"))
        assert await spend(quotas, 2, 1) == 1
        quotas.give_back(None)

    async def test_idle_loans_go_back_to_where_they_may_be_needed(self) -> None:
        registry = Registry(6_400)
        quotas = registry.quotas()
        assert await spend(quotas, 1, 6_400) == 1
        assert registry.granted == 100
        await quotas.tend()
        assert registry.granted == 100
        registry.now += 2.1
        await quotas.tend()
        assert registry.granted == 1

    async def test_leaving_gives_everything_back(self) -> None:
        registry = Registry(6_400)
        async with registry.opened() as quotas:
            assert await spend(quotas, 3, 6_400) == 3
            assert registry.granted == 100
        assert registry.granted == 3

    async def test_a_changed_key_gives_everything_back_and_begins_anew(self) -> None:
        registry = Registry(6_400)
        quotas = registry.quotas()
        held = await quotas.take(key(6_400), "payments")
        change = {"entity": "api_key", "id": "key_1", "tenant_id": "ten_1", "environment": "test", "change": "updated"}
        quotas.forget(RegistryChange.model_validate({**change, "id": "key_2", "at": registry.today}))
        await quotas.tend()
        assert registry.granted == 100
        quotas.forget(RegistryChange.model_validate({**change, "at": registry.today}))
        await quotas.tend()
        assert registry.granted == 1
        quotas.give_back(held)  # a replay, it turned out
        await quotas.tend()
        assert registry.granted == 0
        registry.quota = 2
        assert await spend(quotas, 5, 2) == 2

    async def test_keys_of_a_family_spend_from_one_loan_that_ends_with_a_change_of_any(self) -> None:
        registry = Registry(6_400)
        quotas = registry.quotas()
        old, new = (
            key(6_400).model_copy(update={"api_key_id": name, "family": "key_1"}) for name in ("key_1", "key_2")
        )
        pots = {await quotas.take(one, "payments") for one in (old, new, old)}
        assert len(pots) == 1
        assert len(registry.asked) == 1
        for changed in ("key_2", "key_1"):
            before = await quotas.take(old, "payments")
            await quotas.take(new, "payments")
            change = {"entity": "api_key", "id": changed, "tenant_id": "ten_1", "environment": "test"}
            quotas.forget(RegistryChange.model_validate({**change, "change": "updated", "at": registry.today}))
            assert await quotas.take(new, "payments") is not before
            await quotas.take(old, "payments")

    async def test_a_key_that_changes_while_its_loan_is_on_the_way(self) -> None:
        registry = Registry(6_400)
        registry.gate.clear()
        quotas = registry.quotas()
        waiting = asyncio.create_task(quotas.take(key(6_400), "payments"))
        while not registry.asked:
            await asyncio.sleep(0)
        change = {"entity": "api_key", "id": "key_1", "tenant_id": "ten_1", "environment": "test", "change": "updated"}
        quotas.forget(RegistryChange.model_validate({**change, "at": registry.today}))
        registry.gate.set()
        assert await waiting is not None
        await quotas.tend()
        registry.now += 3
        await quotas.tend()
        assert registry.granted == 1, "the loan of before went back, the one of after was spent"

    @pytest.mark.parametrize("trouble", [{"lost": True}, {"failure": Overloaded("away")}])
    async def test_a_return_without_an_answer_is_made_once(self, trouble: dict[str, Any]) -> None:
        registry = Registry(6_400, granted=500)
        quotas = registry.quotas()
        assert await spend(quotas, 1, 6_400) == 1
        registry.now += 3
        await registry.through(trouble, quotas)
        for _ in range(3):
            await quotas.tend()
        assert registry.granted == 501

    async def test_a_return_is_not_repeated_to_who_may_have_forgotten_it(self) -> None:
        registry = Registry(6_400, granted=500)
        quotas = registry.quotas()
        assert await spend(quotas, 1, 6_400) == 1
        registry.now += 3
        await registry.through({"lost": True}, quotas)
        assert registry.granted == 501
        registry.now += 13 * 3600
        registry.answered.clear()
        await quotas.tend()
        assert registry.granted == 501
        assert [asked["returned"] for asked in registry.asked][-2:] == [91, 0]


class TestCheck:
    async def test_what_is_checked_is_not_taken(self) -> None:
        registry = Registry(100)
        quotas = registry.quotas()
        for _ in range(3):
            await quotas.check(key(), "payments", 100)
        assert registry.granted <= 1, "what is lent in advance"
        assert await spend(quotas, 200) == 100

    async def test_what_does_not_fit_is_refused_and_leaves_all_to_others(self) -> None:
        registry = Registry(100)
        quotas, other = registry.quotas(), registry.quotas()
        with pytest.raises(QuotaExceeded) as refused:
            await quotas.check(key(), "payments", 101)
        assert str(refused.value) == (
            "The monthly quota of this API key has 100 of its 100 payments operations left in 2026-11, and this takes 101. "
            "It begins anew at 2026-12-01T00:00:00.000Z."
        )
        assert await spend(other, 99) == 99
        assert await spend(quotas, 1) == 1

    async def test_it_is_asked_again_where_others_may_have_returned_some(self) -> None:
        registry = Registry(100)
        quotas, other = registry.quotas(), registry.quotas()
        assert await spend(other, 60) == 60
        with pytest.raises(QuotaExceeded):
            await quotas.check(key(), "payments", 50)
        registry.granted = 20
        registry.now += 1
        await quotas.check(key(), "payments", 50)

    async def test_a_quota_that_is_spent_is_not_asked_about_over_and_over(self) -> None:
        registry = Registry(0)
        quotas = registry.quotas()
        for _ in range(5):
            with pytest.raises(QuotaExceeded):
                await quotas.check(key(0), "payments", 10)
        assert len(registry.asked) == 1

    async def test_without_a_quota_nobody_is_asked(self) -> None:
        registry = Registry()
        await registry.quotas().check(PRINCIPAL, "payments", 1_000)
        assert registry.asked == []

    async def test_while_the_registry_is_away_so_many_as_may_begin_on_credit(self) -> None:
        registry = Registry(100, failure=Overloaded("away"))
        quotas = registry.quotas(debt=10)
        await quotas.check(key(), "payments", 10)
        with pytest.raises(Overloaded) as refused:
            await quotas.check(key(), "payments", 11)
        assert not isinstance(refused.value, QuotaExceeded)


class TestRegistryAway:
    async def test_operations_begin_on_credit_and_are_charged(self) -> None:
        registry = Registry(100, failure=Overloaded("away"))
        quotas = registry.quotas(debt=10)
        for _ in range(10):
            assert await quotas.take(key(), "payments") is not None
        with pytest.raises(Overloaded) as refused:
            await quotas.take(key(), "payments")
        assert not isinstance(refused.value, QuotaExceeded)
        assert len(registry.asked) == 1, "it is left alone for a moment"
        registry.failure, registry.now = None, registry.now + 1
        for _ in range(2):  # what was asked first, then what was begun meanwhile
            await quotas.tend()
        assert registry.granted == 10
        assert await spend(quotas, 200) == 90
        assert registry.granted == 100

    async def test_credit_is_no_more_than_was_left(self) -> None:
        registry = Registry(5)
        quotas = registry.quotas(debt=10)
        assert await spend(quotas, 2, 5) == 2
        registry.failure = Overloaded("away")
        for _ in range(3):
            await quotas.take(key(5), "payments")
        with pytest.raises(Overloaded):
            await quotas.take(key(5), "payments")

    async def test_a_small_quota_is_all_the_credit_there_is(self) -> None:
        registry = Registry(2, failure=Overloaded("away"))
        quotas = registry.quotas(debt=10)
        for _ in range(2):
            await quotas.take(key(2), "payments")
        with pytest.raises(Overloaded):
            await quotas.take(key(2), "payments")

    async def test_what_is_known_to_be_spent_stays_spent(self) -> None:
        registry = Registry(2)
        quotas = registry.quotas(debt=10)
        assert await spend(quotas, 5, 2) == 2
        registry.failure, registry.now = Overloaded("away"), registry.now + 1
        assert await spend(quotas, 5, 2) == 0

    async def test_a_charge_without_an_answer_is_repeated_and_made_once(self) -> None:
        registry = Registry(100, failure=Overloaded("away"))
        quotas = registry.quotas(debt=10)
        for _ in range(5):
            await quotas.take(key(), "payments")
        registry.failure, registry.now = None, registry.now + 1
        await quotas.tend()
        assert registry.granted == 1
        for _ in range(4):
            registry.now += 6
            await registry.through({"lost": True}, quotas)
        assert registry.granted == 5
        registry.now += 6
        await quotas.tend()
        assert registry.granted == 5
        assert [asked["owed"] for asked in registry.asked][-5:] == [4] * 5

    @pytest.mark.parametrize("quota", [2_000, 1_000_000])
    async def test_answers_that_come_too_late_charge_each_operation_once(self, quota: int) -> None:
        """However long that lasts, and however large a loan each of them was."""
        registry = Registry(quota)
        quotas = registry.quotas(debt=1_000)
        begun = await spend(quotas, 7, quota)
        registry.lost = True
        for _ in range(400):
            registry.now += 0.1
            await quotas.tend()
            begun += await spend(quotas, 2, quota)
        assert begun == 807
        assert len(registry.asked) < 20, "with longer and longer pauses"
        registry.lost = False
        for _ in range(4):
            registry.now += 6
            await quotas.tend()
        assert registry.granted == begun

    async def test_a_key_that_changes_before_the_answer_is_charged_once(self) -> None:
        registry = Registry(6_400)
        quotas = registry.quotas()
        registry.lost = True
        held = [await quotas.take(key(6_400), "payments") for _ in range(3)]
        change = {"entity": "api_key", "id": "key_1", "tenant_id": "ten_1", "environment": "test", "change": "updated"}
        quotas.forget(RegistryChange.model_validate({**change, "at": registry.today}))
        registry.now += 1
        await quotas.tend()
        quotas.give_back(held[0])
        assert await spend(quotas, 1, 6_400) == 1
        registry.lost = False
        for _ in range(4):
            registry.now += 6
            await quotas.tend()
        assert registry.granted == 3

    async def test_credit_and_a_loan_on_its_way_are_no_more_than_the_quota(self) -> None:
        registry = Registry(20)
        quotas = registry.quotas(debt=100)
        admitted = await spend(quotas, 10, 20)
        registry.lost = True
        admitted += await spend(quotas, 5, 20)
        registry.lost, registry.now = False, registry.now + 1
        for _ in range(3):
            admitted += await spend(quotas, 5, 20)
            await quotas.tend()
            registry.now += 1
        assert (admitted, registry.granted) == (20, 20)

    async def test_leaving_asks_again_what_was_not_answered(self) -> None:
        registry = Registry(6_400)
        async with registry.opened() as quotas:
            registry.lost = True
            assert await spend(quotas, 3, 6_400) == 3
            registry.lost = False
        assert registry.granted == 3

    async def test_one_that_always_fails_keeps_no_other_waiting(self) -> None:
        registry = Registry(6_400)
        lend = registry.lend

        async def lend_to_others(family: str, *of: str, **figures: Any) -> QuotaLease:
            if family == "key_bad":
                raise ValueError("not of this one")
            return await lend(family, *of, **figures)

        registry.lend = lend_to_others  # type: ignore[method-assign]
        quotas = registry.quotas()
        bad = key(6_400).model_copy(update={"api_key_id": "key_bad", "family": "key_bad"})
        await quotas.take(bad, "payments")
        assert await spend(quotas, 1, 6_400) == 1
        for _ in range(3):
            registry.now += 3
            await quotas.tend()
        assert registry.granted == 1

    async def test_debts_are_paid_on_leaving(self) -> None:
        registry = Registry(100, failure=Overloaded("away"))
        async with registry.opened() as quotas:
            assert await spend(quotas, 5) == 5
            registry.failure = None
        assert registry.granted == 5

    async def test_what_began_nothing_is_no_debt(self) -> None:
        registry = Registry(100, failure=Overloaded("away"))
        async with registry.opened() as quotas:
            quotas.give_back(await quotas.take(key(), "payments"))
            registry.failure = None
        assert registry.granted == 0

    async def test_given_back_while_it_is_being_charged(self) -> None:
        registry = Registry(100, failure=Overloaded("away"))
        quotas = registry.quotas()
        held = [await quotas.take(key(), "payments") for _ in range(2)]
        registry.failure, registry.now = None, registry.now + 1
        await quotas.tend()  # the loan that was asked for first
        registry.gate.clear()
        asked = len(registry.asked)
        charging = asyncio.create_task(quotas.tend())
        while len(registry.asked) == asked:
            await asyncio.sleep(0)
        assert registry.asked[-1]["owed"] == 1
        for one in held:
            quotas.give_back(one)
        registry.gate.set()
        await charging
        registry.now += 3
        await quotas.tend()
        assert registry.granted == 0


@pytest.mark.parametrize(
    ("month", "end"),
    [("2026-11", datetime(2026, 12, 1, tzinfo=UTC)), ("2026-12", datetime(2027, 1, 1, tzinfo=UTC))],
)
def test_a_month_ends_where_the_next_begins(month: str, end: datetime) -> None:
    assert end_of(month) == end
    assert month_of(end) > month
