"""Connecting: what is checked before anything is stored, and the route that connections make."""

import asyncio
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from tests.services.registry.conftest import CREDENTIALS, KEY_SECRET, Registry
from tests.services.registry.connection.conftest import BASE, SOMEBODY, Desk

from onerouter_common.errors import Conflict, InvalidRequest, NotFound, ProviderUnavailable
from onerouter_common.ids import TENANT, new_id
from onerouter_registry.connection import rules
from onerouter_registry.connection.priority import moved
from onerouter_registry.tenant.model import Tenant


async def labels(registry: Registry, tenant: Tenant) -> list[str]:
    return [connection.label for connection in await registry.admin.connections.list(tenant.id, "test")]


class TestConnect:
    async def test_is_last_in_the_route_and_has_an_unguessable_address(
        self, registry: Registry, tenant: Tenant
    ) -> None:
        first = await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS, label="one")
        second = await registry.admin.connections.connect(
            tenant.id, "test", "razorpay", CREDENTIALS, label="two", currency="inr", max_in_flight=7
        )
        assert await labels(registry, tenant) == ["one", "two"]
        assert second.connection.currency == "INR"
        assert second.connection.max_in_flight == 7
        assert first.callback_token is not None
        assert second.callback_token is not None
        assert first.callback_token != second.callback_token
        assert len(first.callback_token.get_secret_value()) == 43  # 32 bytes in base64url
        url = registry.admin.callback_url("razorpay", first.callback_token)
        assert re.fullmatch(re.escape(BASE) + r"/callbacks/razorpay/[\w-]{43}", url)
        shown = await registry.admin.connections.callback_token(tenant.id, "test", first.connection.id)
        assert shown == first.callback_token

    async def test_names_every_wrong_credential_and_quotes_none(self, registry: Registry, tenant: Tenant) -> None:
        wrong = {
            "key_id": SecretStr("rzp_live_1DP5mmOlF5G5ag"),
            "key_secret": SecretStr(""),
            "webhook_secret": SecretStr(f" {KEY_SECRET}"),
            "colour": SecretStr("blue"),
        }
        with pytest.raises(InvalidRequest) as refused:
            await registry.admin.connections.connect(tenant.id, "test", "razorpay", wrong)
        assert {error.field for error in refused.value.errors} == {f"credentials.{key}" for key in wrong}
        assert KEY_SECRET not in str(refused.value) + repr(refused.value.errors)
        assert await labels(registry, tenant) == []

    async def test_refuses_an_unknown_provider_and_says_which_there_are(
        self, registry: Registry, tenant: Tenant
    ) -> None:
        with pytest.raises(InvalidRequest, match="razorpay") as refused:
            await registry.admin.connections.connect(tenant.id, "test", "razorpey", CREDENTIALS)
        assert refused.value.error_code == "INVALID_PROVIDER"

    async def test_refuses_a_currency_that_is_none(self, registry: Registry, tenant: Tenant) -> None:
        with pytest.raises(InvalidRequest, match="currency"):
            await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS, currency="RUPEES")

    async def test_refuses_a_label_twice(self, registry: Registry, tenant: Tenant) -> None:
        await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
        with pytest.raises(Conflict, match="default"):
            await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)

    async def test_needs_a_tenant_that_exists(self, registry: Registry) -> None:
        with pytest.raises(NotFound, match="tenant"):
            await registry.admin.connections.connect(new_id(TENANT), "test", "razorpay", CREDENTIALS)

    async def test_many_at_once_take_places_of_their_own(self, registry: Registry, tenant: Tenant) -> None:
        await asyncio.gather(
            *(
                registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS, label=str(number))
                for number in range(8)
            )
        )
        made = await registry.admin.connections.list(tenant.id, "test")
        assert [connection.position for connection in made] == list(range(8))
        sealed_with = {connection.credentials.api["key_secret"].split(".")[1] for connection in made}
        assert len(sealed_with) == 1  # one data key, whoever came first


class TestReorder:
    async def test_changes_who_is_tried_first(self, registry: Registry, tenant: Tenant) -> None:
        ids = [await self.connect(registry, tenant, label) for label in ("one", "two", "three")]
        await registry.admin.connections.reorder(tenant.id, "test", "payments", [ids[2], ids[0], ids[1]])
        assert await labels(registry, tenant) == ["three", "one", "two"]

    async def test_takes_nothing_but_all_of_them(self, registry: Registry, tenant: Tenant) -> None:
        ids = [await self.connect(registry, tenant, label) for label in ("one", "two")]
        for wrong in ([ids[0]], [ids[0], ids[0]], [*ids, "con_x"]):
            with pytest.raises(InvalidRequest):
                await registry.admin.connections.reorder(tenant.id, "test", "payments", wrong)
        with pytest.raises(InvalidRequest, match="category"):
            await registry.admin.connections.reorder(tenant.id, "test", "pigeons", ids)

    async def connect(self, registry: Registry, tenant: Tenant, label: str) -> str:
        made = await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS, label=label)
        return made.connection.id


class TestVerified:
    """`verify`: the provider is asked before anything is stored."""

    async def test_what_it_accepts_is_stored_as_verified(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant, verify=True)
        assert desk.provider.asked == 1
        assert made.verification == "accepted"
        assert made.verified_at is not None
        assert made.next_check_at is not None
        assert timedelta(hours=19) < made.next_check_at - made.created_at < timedelta(hours=29)

    async def test_what_it_refuses_is_stored_nowhere(self, desk: Desk, tenant: Tenant) -> None:
        desk.provider.accepts = "another secret"
        with pytest.raises(InvalidRequest, match="Razorpay") as refused:
            await desk.connect(tenant, verify=True)
        assert refused.value.error_code == "CREDENTIALS_REFUSED"
        assert [error.field for error in refused.value.errors] == ["credentials"]
        assert "Authentication failed" in refused.value.detail
        assert KEY_SECRET not in refused.value.detail
        await self.assert_untouched(desk, tenant)

    async def test_while_it_is_away_nothing_is_stored(self, desk: Desk, tenant: Tenant) -> None:
        desk.provider.away = True
        with pytest.raises(ProviderUnavailable, match="verify: false") as away:
            await desk.connect(tenant, verify=True)
        assert away.value.retry_after_s is not None
        await self.assert_untouched(desk, tenant)

    async def test_without_asking_it_is_stored_as_unverified(self, desk: Desk, tenant: Tenant) -> None:
        desk.provider.away = True
        made = await desk.connect(tenant)
        assert desk.provider.asked == 0
        assert made.verification == "unverified"

    async def test_a_label_that_is_taken_costs_the_provider_nothing(self, desk: Desk, tenant: Tenant) -> None:
        await desk.connect(tenant)
        with pytest.raises(Conflict):
            await desk.connect(tenant, verify=True)
        assert desk.provider.asked == 0

    async def assert_untouched(self, desk: Desk, tenant: Tenant) -> None:
        assert await desk.labels(tenant) == []
        for table in ("connections", "callback_tokens", "data_keys"):
            assert not await desk.fetch(f"SELECT 1 FROM {table} WHERE tenant_id = $1", tenant.id)
        assert await desk.changes_of(tenant) == []


async def test_a_provider_that_is_switched_off_cannot_be_connected(desk: Desk, tenant: Tenant) -> None:
    await desk.admin.switches.disable("payments", "razorpay", "an outage")
    try:
        with pytest.raises(InvalidRequest) as refused:
            await desk.connect(tenant, verify=True)
    finally:
        await desk.admin.switches.enable("payments", "razorpay")
    assert refused.value.error_code == "PROVIDER_DISABLED"
    assert desk.provider.asked == 0


async def test_it_is_audited_without_its_secrets(desk: Desk, tenant: Tenant) -> None:
    made = await desk.connect(tenant, "main")
    (entry,) = await desk.audit_of(made)
    assert (entry["action"], entry["actor_id"], entry["before"]) == ("connection.created", SOMEBODY.id, None)
    assert entry["after"]["label"] == "main"
    assert "rzp_test" not in str(entry)
    assert KEY_SECRET not in str(entry)


async def test_there_is_an_end_to_how_many(desk: Desk, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_CONNECTIONS", 2)
    for label in ("one", "two"):
        await desk.connect(tenant, label)
    with pytest.raises(Conflict, match="2 connections"):
        await desk.connect(tenant, "three")


class TestPriority:
    async def test_says_where_in_the_route_it_goes(self, desk: Desk, tenant: Tenant) -> None:
        for label, priority in (("b", None), ("c", 99), ("a", 1), ("between", 2)):
            await desk.connect(tenant, label, priority=priority)
        assert await desk.labels(tenant) == ["a", "between", "b", "c"]
        assert [one.priority for one in await desk.admin.connections.list(tenant.id, "test")] == [1, 2, 3, 4]

    async def test_is_a_rank_whatever_gaps_there_are(self, desk: Desk, tenant: Tenant) -> None:
        made = [await desk.connect(tenant, label) for label in ("a", "b", "c", "d")]
        for gone in (made[0], made[2]):
            await desk.admin.connections.disconnect(tenant.id, "test", gone.id)
        moved = await desk.admin.connections.change(tenant.id, "test", made[3].id, {"priority": 1})
        assert moved.priority == 1
        await desk.connect(tenant, "e")
        listed = await desk.admin.connections.list(tenant.id, "test")
        assert [(one.label, one.priority) for one in listed] == [("d", 1), ("b", 2), ("e", 3)]

    async def test_changed_by_many_at_once_stays_one_order(self, desk: Desk, tenant: Tenant) -> None:
        made = [await desk.connect(tenant, str(number)) for number in range(6)]
        await asyncio.gather(
            *(
                desk.admin.connections.change(tenant.id, "test", one.id, {"priority": number % 3 + 1})
                for number, one in enumerate(made)
            ),
            desk.connect(tenant, "new", priority=2),
            desk.admin.connections.disconnect(tenant.id, "test", made[0].id),
            return_exceptions=True,
        )
        listed = await desk.admin.connections.list(tenant.id, "test")
        assert sorted(one.label for one in listed) == ["1", "2", "3", "4", "5", "new"]
        assert [one.priority for one in listed] == [1, 2, 3, 4, 5, 6]

    @given(
        ordered=st.lists(st.text(min_size=1, max_size=3), unique=True, max_size=12),
        one=st.text(min_size=1, max_size=3),
        priority=st.integers(min_value=1, max_value=20),
    )
    def test_moves_one_and_keeps_the_order_of_the_others(self, ordered: list[str], one: str, priority: int) -> None:
        result = moved(ordered, one, priority)
        assert [other for other in result if other != one] == [other for other in ordered if other != one]
        assert result.count(one) == 1
        assert result.index(one) == min(priority - 1, len(result) - 1)
        assert moved(result, one, priority) == result
