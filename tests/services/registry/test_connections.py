"""Connections and the route they make."""

import asyncio
import re

import pytest
from pydantic import SecretStr
from tests.services.registry.conftest import CREDENTIALS, KEY_SECRET, Registry

from onerouter_common.errors import Conflict, InvalidRequest, NotFound
from onerouter_common.ids import TENANT, new_id
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
        assert re.fullmatch(r"/callbacks/razorpay/[\w-]{43}", url)
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


async def test_disconnecting_leaves_nothing(registry: Registry, tenant: Tenant) -> None:
    made = await registry.admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
    await registry.admin.connections.disconnect(tenant.id, "test", made.connection.id)
    assert await labels(registry, tenant) == []
    with pytest.raises(NotFound):
        await registry.admin.connections.get(tenant.id, "test", made.connection.id)


async def test_the_catalogue_shows_what_a_form_needs(registry: Registry) -> None:
    razorpay = next(entry for entry in registry.admin.catalogue.entries() if entry["id"] == "razorpay")
    fields = {field["key"]: field for field in razorpay["credentials"]}
    assert fields["key_secret"]["sensitive"]
    assert fields["webhook_secret"]["used_by"] == "callback"
    assert "payment.create" in [capability["name"] for capability in razorpay["capabilities"]]
    assert "base_url" not in razorpay
