"""Changing a connection: all of what is named or nothing, checked by the provider, audited without secrets."""

import asyncio

import pytest
from pydantic import SecretStr
from tests.services.registry.conftest import KEY_SECRET
from tests.services.registry.connection.conftest import SOMEBODY, Desk

from onerouter_common.errors import Conflict, InvalidRequest, NotFound, ProviderUnavailable
from onerouter_registry.connection.model import Connection
from onerouter_registry.tenant.model import Tenant

OTHER_SECRET = "another_Key_Secret_77"


async def open_all(desk: Desk, connection: Connection) -> dict[str, str]:
    """As the registry can, in the clear."""
    from onerouter_registry.transactions import tenant_transaction

    change = desk.admin.connections._change
    async with tenant_transaction(change._engine, connection.tenant_id, connection.environment) as tx:
        opened = await change._vault.open_all(tx, await desk.get(connection))
    return {key: value.get_secret_value() for key, value in opened.items()}


class TestSettings:
    async def test_are_changed_together_and_audited_by_what_differs(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant, currency="INR")
        changed = await desk.admin.connections.change(
            tenant.id,
            "test",
            made.id,
            {"enabled": False, "label": "main", "currency": None, "max_in_flight": 64, "rate_per_s": 5.0},
            by=SOMEBODY,
        )
        assert (changed.enabled, changed.label, changed.currency) == (False, "main", None)
        assert changed.version == made.version + 1
        entry = (await desk.audit_of(made))[-1]
        assert entry["action"] == "connection.updated"
        assert entry["actor_id"] == SOMEBODY.id
        assert entry["before"] == {"enabled": True, "label": "default", "currency": "INR", "rate_per_s": None}
        assert entry["after"] == {"enabled": False, "label": "main", "currency": None, "rate_per_s": 5.0}
        assert (await desk.changes_of(tenant))[-1] == ("connection", "updated")

    async def test_that_differ_in_nothing_change_nothing(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant)
        same = await desk.admin.connections.change(
            tenant.id, "test", made.id, {"enabled": True, "label": " default ", "priority": 1, "max_in_flight": 64}
        )
        assert same == made
        assert len(await desk.audit_of(made)) == 1
        assert len(await desk.changes_of(tenant)) == 1

    async def test_of_which_one_is_wrong_are_not_changed_at_all(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant)
        await desk.connect(tenant, "taken")
        for wrong, error in (
            ({"enabled": False, "label": "taken"}, Conflict),
            ({"enabled": False, "currency": "RUPEES"}, InvalidRequest),
            ({"enabled": False, "max_in_flight": 0}, InvalidRequest),
            ({"enabled": False, "rate_per_s": 0.0}, InvalidRequest),
        ):
            with pytest.raises(error):
                await desk.admin.connections.change(tenant.id, "test", made.id, wrong)  # type: ignore[arg-type]
        assert await desk.get(made) == made

    async def test_a_new_place_is_no_new_connection(self, desk: Desk, tenant: Tenant) -> None:
        """Workers go on with the clients they have: only the order is another one."""
        made, other = await desk.connect(tenant, "one"), await desk.connect(tenant, "two")
        await desk.admin.connections.change(tenant.id, "test", other.id, {"priority": 1}, by=SOMEBODY)
        assert await desk.labels(tenant) == ["two", "one"]
        assert [(await desk.get(one)).version for one in (made, other)] == [1, 1]
        assert (await desk.changes_of(tenant))[-1] == ("route", "updated")
        entry = (await desk.audit_of(other))[-1]
        assert (entry["before"], entry["after"]) == ({"priority": 2}, {"priority": 1})


class TestCredentials:
    async def test_replace_theirs_and_keep_the_others(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant)
        desk.provider.accepts = OTHER_SECRET
        changed = await desk.admin.connections.change(
            tenant.id, "test", made.id, {}, credentials={"key_secret": SecretStr(OTHER_SECRET)}, verify=True
        )
        assert changed.verification == "accepted"
        opened = await open_all(desk, made)
        assert opened["key_secret"] == OTHER_SECRET
        assert opened["webhook_secret"]
        assert opened["key_id"] == "rzp_test_1DP5mmOlF5G5ag"
        entry = (await desk.audit_of(made))[-1]
        assert entry["after"] == {"credentials_replaced": ["key_secret"]}
        assert OTHER_SECRET not in str(entry)

    async def test_that_are_refused_replace_nothing(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant, verify=True)
        for away, error in ((False, InvalidRequest), (True, ProviderUnavailable)):
            desk.provider.away = away
            with pytest.raises(error):
                await desk.admin.connections.change(
                    tenant.id,
                    "test",
                    made.id,
                    {"label": "not this either"},
                    credentials={"key_secret": SecretStr(OTHER_SECRET)},
                    verify=True,
                )
        assert await desk.get(made) == made
        assert (await open_all(desk, made))["key_secret"] == KEY_SECRET

    async def test_that_only_verify_callbacks_are_not_asked_about(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant, verify=True)
        desk.provider.away = True
        changed = await desk.admin.connections.change(
            tenant.id, "test", made.id, {}, credentials={"webhook_secret": SecretStr("w-secret-2")}, verify=True
        )
        assert changed.verification == "accepted"
        assert changed.verified_at == made.verified_at
        assert desk.provider.asked == 1
        assert (await open_all(desk, made))["webhook_secret"] == "w-secret-2"

    async def test_by_two_at_once_are_not_mixed(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant)
        results = await asyncio.gather(
            *(
                desk.admin.connections.change(
                    tenant.id, "test", made.id, {}, credentials={"key_secret": SecretStr(secret)}
                )
                for secret in ("one_Key_Secret_1", "two_Key_Secret_2")
            ),
            return_exceptions=True,
        )
        conflicts = [result for result in results if isinstance(result, Conflict)]
        changed = [result for result in results if isinstance(result, Connection)]
        assert len(conflicts) + len(changed) == 2
        assert changed
        assert (await desk.get(made)).version == 1 + len(changed)

    async def test_mend_a_refused_connection_and_tell_the_tenant(self, desk: Desk, tenant: Tenant) -> None:
        made = await desk.connect(tenant, verify=True)
        desk.provider.accepts = OTHER_SECRET
        await desk.admin.verification.verify(tenant.id, "test", made.id)
        await desk.admin.connections.change(
            tenant.id,
            "test",
            made.id,
            {},
            credentials={"key_secret": SecretStr(OTHER_SECRET)},
            verify=True,
            by=SOMEBODY,
        )
        assert [(event["type"], event["sequence"]) for event in await desk.events_of(made)] == [
            ("connection.credentials_refused", 1),
            ("connection.credentials_accepted", 2),
        ]
        assert [entry["action"] for entry in await desk.audit_of(made)] == [
            "connection.created",
            "connection.credentials_refused",
            "connection.credentials_accepted",
            "connection.updated",
        ]


class TestPlace:
    """Where a connection is it stays: work in hand would otherwise be done in another bucket."""

    async def test_is_never_changed(self, desk: Desk, tenant: Tenant) -> None:
        made = await self._bucket(desk, tenant)
        for key, value in (("bucket", "prod"), ("prefix", ""), ("prefix", "b/"), ("region", "eu-west-1")):
            with pytest.raises(InvalidRequest, match="stays there") as refused:
                await desk.admin.connections.change(
                    tenant.id, "test", made.id, {"label": "not this either"}, credentials={key: SecretStr(value)}
                )
            assert [error.field for error in refused.value.errors] == [f"credentials.{key}"]
        assert await desk.get(made) == made

    async def test_may_be_said_again_with_what_may_change(self, desk: Desk, tenant: Tenant) -> None:
        made = await self._bucket(desk, tenant)
        other = {"public_base_url": "https://cdn.example.org", "secret_access_key": "t" * 40}
        same = {"bucket": "staging", "prefix": "a/"}
        changed = await desk.admin.connections.change(
            tenant.id,
            "test",
            made.id,
            {},
            credentials={key: SecretStr(value) for key, value in {**same, **other}.items()},
        )
        assert changed.credentials.public == {**made.credentials.public, "public_base_url": other["public_base_url"]}
        assert (await open_all(desk, made))["secret_access_key"] == other["secret_access_key"]

    async def _bucket(self, desk: Desk, tenant: Tenant) -> Connection:
        credentials = {
            "access_key_id": "AKIA0000000000000000",
            "secret_access_key": "s" * 40,
            "region": "eu-central-1",
            "bucket": "staging",
            "prefix": "a/",
        }
        sealed = {key: SecretStr(value) for key, value in credentials.items()}
        return (await desk.admin.connections.connect(tenant.id, "test", "s3", sealed, category="storage")).connection


async def test_a_disconnected_one_is_not_changed(desk: Desk, tenant: Tenant) -> None:
    made = await desk.connect(tenant)
    await desk.admin.connections.disconnect(tenant.id, "test", made.id)
    with pytest.raises(NotFound):
        await desk.admin.connections.change(tenant.id, "test", made.id, {"enabled": True})


async def test_anothers_is_not_found(desk: Desk, tenant: Tenant, other_tenant: Tenant) -> None:
    made = await desk.connect(tenant)
    with pytest.raises(NotFound):
        await desk.admin.connections.change(other_tenant.id, "test", made.id, {"enabled": False})
    with pytest.raises(NotFound):
        await desk.admin.connections.change(tenant.id, "live", made.id, {"enabled": False})
    assert await desk.get(made) == made
