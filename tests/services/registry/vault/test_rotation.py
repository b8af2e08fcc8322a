"""Keys are made new while others seal and open; nothing is lost, wherever it is interrupted."""

import asyncio
import base64
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from tests.services.registry.conftest import CREDENTIALS, KEY_SECRET, WEBHOOK_SECRET, Registry, environment_of_keys
from tests.services.registry.vault.rings import (
    active_and_retired,
    administered,
    connect,
    revealed,
    sql,
    with_new_keys,
    with_old_keys_first,
    with_only_new_keys,
    wrappers,
)

from onerouter_common.errors import InvalidRequest, Overloaded
from onerouter_common.ids import USER, new_id
from onerouter_common.secrets import KeyRing
from onerouter_registry.actor import COMMAND_LINE
from onerouter_registry.admin import Admin
from onerouter_registry.audit.chain import PLATFORM
from onerouter_registry.person.sealing import SealedByKeyRing, SealedSecret
from onerouter_registry.settings import Settings
from onerouter_registry.tenant.model import Tenant
from onerouter_registry.vault.rotation.model import Outcome, Stage

pytestmark = pytest.mark.long

FIELDS = {"key_id": "rzp_test_1DP5mmOlF5G5ag", "key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET}


class Crashed(Exception):
    pass


def crash_at(times: int) -> Callable[[Stage, int], None]:
    """A progress that ends the run after so many batches."""
    left = [times]

    def progress(stage: Stage, number: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Crashed

    return progress


async def rotate(registry: Registry, settings: Settings, environment: str = "test", **how: Any) -> Outcome:
    async with administered(registry, settings) as admin:
        return await admin.rotation.run(environment, by=COMMAND_LINE, **how)


def _that_starts(settings: Settings, rings: Mapping[str, SecretStr]) -> Settings:
    """These rings, judged as a process does when it starts."""
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    return Settings(**{**values, **rings})


async def add_person(registry: Registry, settings: Settings) -> tuple[str, SecretStr]:
    user_id, secret = new_id(USER), SecretStr(secrets.token_hex(16))
    async with administered(registry, settings) as admin:
        sealed = await SealedByKeyRing(admin.rotation._vault.people_ring).seal(user_id, secret)
    await sql(
        registry,
        "INSERT INTO users (id, email, name, totp_key, totp_secret, created_at, updated_at) "
        "VALUES ($1, $1, 'Ada', $2, $3, now(), now())",
        *(user_id, sealed.key, sealed.secret),
    )
    return user_id, secret


async def second_factor(registry: Registry, settings: Settings, user_id: str) -> SecretStr:
    [row] = await sql(registry, "SELECT totp_key, totp_secret FROM users WHERE id = $1", user_id)
    async with administered(registry, settings) as admin:
        ring = admin.rotation._vault.people_ring
        return await SealedByKeyRing(ring).open(user_id, SealedSecret(row["totp_key"], row["totp_secret"]))


class TestRewrapping:
    async def test_afterwards_the_old_key_is_not_needed(self, registry: Registry, tenant: Tenant) -> None:
        connection, token = await connect(registry, tenant.id)
        live, _ = await connect(registry, tenant.id, "live")
        settings = with_new_keys(registry.settings)
        outcome = await rotate(registry, settings)
        assert (outcome.done, outcome.lost) == ({Stage.DATA_KEYS: 2}, [])
        assert (await wrappers(registry, "test"), await wrappers(registry, "live")) == ({"new"}, {"kek-1", "cbk-1"})
        await rotate(registry, settings, "live")
        async with administered(registry, with_only_new_keys(settings)) as admin:
            assert await revealed(admin, connection) == {**FIELDS, "#token": token}
            assert (await revealed(admin, live))["key_secret"] == KEY_SECRET

    async def test_a_ring_that_wrapped_both_environments_is_parted(self, registry: Registry, tenant: Tenant) -> None:
        """As docs/operations.md says it: no key may be in two rings, so test gets a new one while live's is absent."""
        old = {kind: getattr(registry.settings, f"{kind}_test") for kind in ("credential_keys", "callback_keys")}
        one_ring = registry.settings.model_copy(update={f"{kind}_live": ring for kind, ring in old.items()})
        async with administered(registry, one_ring) as admin:
            shared = Registry(one_ring, admin, registry.database)
            made, token = await connect(shared, tenant.id)
            live, _ = await connect(shared, tenant.id, "live")
        new = {kind: KeyRing.generate(f"new-{kind}") for kind in old}
        parting = {f"{kind}_test": SecretStr(f"{new[kind]},{ring.get_secret_value()}") for kind, ring in old.items()}
        parted = {f"{kind}_test": SecretStr(ring) for kind, ring in new.items()}
        kept = {f"{kind}_live": ring for kind, ring in old.items()}
        outcome = await rotate(registry, _that_starts(registry.settings, parting))
        assert (outcome.done, outcome.lost) == ({Stage.DATA_KEYS: 2}, [])
        async with administered(registry, _that_starts(registry.settings, parted | kept)) as admin:
            assert await revealed(admin, made) == {**FIELDS, "#token": token}
            assert (await revealed(admin, live))["key_secret"] == KEY_SECRET

    async def test_what_they_seal_is_not_touched(self, registry: Registry, tenant: Tenant) -> None:
        connection, _ = await connect(registry, tenant.id)
        keys = await active_and_retired(registry)
        await rotate(registry, with_new_keys(registry.settings))
        after = await registry.admin.connections.get(tenant.id, "test", connection.id)
        assert after.credentials == connection.credentials
        assert await active_and_retired(registry) == keys

    async def test_a_second_run_has_nothing_to_do(self, registry: Registry, tenant: Tenant) -> None:
        await connect(registry, tenant.id)
        settings = with_new_keys(registry.settings)
        await rotate(registry, settings)
        written = await sql(registry, "SELECT count(*) AS n FROM audit_entries")
        assert (await rotate(registry, settings)).done == {}
        assert await sql(registry, "SELECT count(*) AS n FROM audit_entries") == written

    async def test_it_is_audited_and_the_caches_are_told(self, registry: Registry, tenant: Tenant) -> None:
        await connect(registry, tenant.id)
        await sql(registry, "DELETE FROM outbox")
        await rotate(registry, with_new_keys(registry.settings))
        [entry] = await sql(registry, "SELECT * FROM audit_entries WHERE tenant_id = $1", PLATFORM)
        assert (entry["action"], entry["environment"]) == ("data_keys.rewrapped", "test")
        assert (entry["actor_kind"], entry["actor_id"]) == ("command_line", "onerouter admin")
        keys = {row["key"] for row in await sql(registry, "SELECT key FROM outbox")}
        assert keys == {f"{tenant.id}/test/data_keys/{purpose}" for purpose in ("credentials", "callbacks")}

    async def test_one_that_is_lost_does_not_stop_the_others(
        self, registry: Registry, tenant: Tenant, other_tenant: Tenant
    ) -> None:
        for owner in (tenant, other_tenant):
            await connect(registry, owner.id)
        await sql(
            registry, "UPDATE data_keys SET wrapped = replace(wrapped, 'kek-1', 'gone') WHERE tenant_id = $1", tenant.id
        )
        outcome = await rotate(registry, with_new_keys(registry.settings), batch=1)
        assert outcome.done == {Stage.DATA_KEYS: 3}
        [said] = outcome.lost
        assert tenant.id in said
        assert "'gone', which is not in the keyring" in said

    async def test_peoples_keys_too(self, registry: Registry) -> None:
        user_id, secret = await add_person(registry, registry.settings)
        settings = with_new_keys(registry.settings)
        assert (await rotate(registry, settings, "test")).done == {}
        assert (await rotate(registry, settings, "live")).done == {Stage.PEOPLES_KEYS: 1}
        assert await second_factor(registry, with_only_new_keys(settings), user_id) == secret

    async def test_while_the_kms_is_away_nothing_changes(self, registry: Registry, tenant: Tenant) -> None:
        connection, _ = await connect(registry, tenant.id)
        rings = {
            name: SecretStr(f"kms:aws-kms:alias/{name},{getattr(registry.settings, name).get_secret_value()}")
            for name in ("credential_keys_test", "callback_keys_test")
        }
        away = {"kms_region": "eu-central-1", "kms_endpoint_url": "http://127.0.0.1:1", "kms_timeout_s": 1.0}
        with pytest.raises(Overloaded):
            await rotate(registry, registry.settings.model_copy(update={**rings, **away}))
        assert await wrappers(registry, "test") == {"kek-1", "cbk-1"}
        assert (await revealed(registry.admin, connection))["key_secret"] == KEY_SECRET


class TestReencryption:
    async def test_everything_is_sealed_anew_and_the_old_data_keys_are_gone(
        self, registry: Registry, tenant: Tenant
    ) -> None:
        connection, token = await connect(registry, tenant.id)
        before = await active_and_retired(registry)
        settings = with_new_keys(registry.settings)
        outcome = await rotate(registry, settings, reencrypt=True)
        assert outcome.done == {Stage.CONNECTIONS: 1, Stage.CALLBACK_TOKENS: 1}
        assert (outcome.deleted, outcome.resumed, outcome.busy, outcome.lost) == (2, False, 0, [])
        after = await active_and_retired(registry)
        assert len(after[True]) == 2
        assert not after[True] & before[True]
        assert not after[False]
        stored = await registry.admin.connections.get(tenant.id, "test", connection.id)
        assert stored.version == connection.version
        for field, sealed in connection.credentials.api.items():
            assert stored.credentials.api[field] != sealed
        async with administered(registry, with_only_new_keys(settings)) as admin:
            assert await revealed(admin, connection) == {**FIELDS, "#token": token}

    async def test_the_other_environment_is_left_alone(self, registry: Registry, tenant: Tenant) -> None:
        live, _ = await connect(registry, tenant.id, "live")
        await rotate(registry, with_new_keys(registry.settings), "test", reencrypt=True)
        after = await registry.admin.connections.get(tenant.id, "live", live.id)
        assert after.credentials == live.credentials

    async def test_second_factors_too(self, registry: Registry) -> None:
        user_id, secret = await add_person(registry, registry.settings)
        [before] = await sql(registry, "SELECT totp_secret FROM users")
        settings = with_new_keys(registry.settings)
        outcome = await rotate(registry, settings, "live", reencrypt=True)
        assert outcome.done == {Stage.PEOPLE: 1}
        [after] = await sql(registry, "SELECT totp_secret FROM users")
        assert after["totp_secret"].split(".")[1] != before["totp_secret"].split(".")[1]
        assert await second_factor(registry, with_only_new_keys(settings), user_id) == secret

    async def test_audited_and_told(self, registry: Registry, tenant: Tenant) -> None:
        connection, _ = await connect(registry, tenant.id)
        await sql(registry, "DELETE FROM outbox")
        await rotate(registry, with_new_keys(registry.settings), reencrypt=True)
        entries = await sql(
            registry, "SELECT action FROM audit_entries WHERE tenant_id = $1 ORDER BY sequence", PLATFORM
        )
        assert [entry["action"] for entry in entries] == [
            "data_keys.retired",
            "data.reencrypted",
            "data.reencrypted",
            "data_keys.deleted",
        ]
        assert {row["key"] for row in await sql(registry, "SELECT key FROM outbox")} == {connection.id}

    @pytest.mark.parametrize("batches", range(7))
    async def test_interrupted_anywhere_it_goes_on_where_it_was(
        self, registry: Registry, tenant: Tenant, other_tenant: Tenant, batches: int
    ) -> None:
        made = [
            await connect(registry, owner.id, "live", label)
            for owner in (tenant, other_tenant)
            for label in ("one", "two")
        ]
        people = [await add_person(registry, registry.settings) for _ in range(2)]
        settings = with_new_keys(registry.settings)
        with pytest.raises(Crashed):
            await rotate(registry, settings, "live", reencrypt=True, batch=1, progress=crash_at(batches))
        halfway = await active_and_retired(registry)
        assert halfway[False], "nothing to go on with: the test is about nothing"
        for connection, token in made:  # whoever serves opens all of it meanwhile
            async with administered(registry, settings) as admin:
                assert (await revealed(admin, connection))["#token"] == token
        outcome = await rotate(registry, settings, "live", reencrypt=True)
        assert outcome.resumed == (batches < 7)
        after = await active_and_retired(registry)
        assert not after[False]
        assert len(after[True]) == 4
        assert halfway[True] <= after[True]
        async with administered(registry, with_only_new_keys(settings)) as admin:
            for connection, token in made:
                assert await revealed(admin, connection) == {
                    **FIELDS,
                    "key_id": "rzp_live_1DP5mmOlF5G5ag",
                    "#token": token,
                }
        for user_id, secret in people:
            assert await second_factor(registry, with_only_new_keys(settings), user_id) == secret

    async def test_a_row_that_somebody_holds_waits_for_the_next_run(
        self, registry: Registry, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("onerouter_registry.vault.rotation.reencryption._PASS_WAIT_S", 0.0)
        held, token = await connect(registry, tenant.id, label="held")
        await connect(registry, tenant.id, label="free")
        settings = with_new_keys(registry.settings)
        holder = await asyncpg.connect(registry.database.admin_dsn)
        async with holder.transaction():
            await holder.execute("SELECT FROM connections WHERE id = $1 FOR UPDATE", held.id)
            outcome = await rotate(registry, settings, reencrypt=True)
        await holder.close()
        assert outcome.busy > 0
        async with administered(registry, settings) as admin:
            assert await revealed(admin, held) == {**FIELDS, "#token": token}  # with its old data key still
        again = await rotate(registry, settings, reencrypt=True)
        assert (again.resumed, again.busy, again.done) == (True, 0, {Stage.CONNECTIONS: 1})
        async with administered(registry, with_only_new_keys(settings)) as admin:
            assert await revealed(admin, held) == {**FIELDS, "#token": token}
        assert not (await active_and_retired(registry))[False]

    async def test_a_moved_ciphertext_is_named_and_left(self, registry: Registry, tenant: Tenant) -> None:
        one, _ = await connect(registry, tenant.id, label="one")
        two, token = await connect(registry, tenant.id, label="two")
        await sql(
            registry,
            "UPDATE connections SET credentials = (SELECT credentials FROM connections WHERE id = $2) WHERE id = $1",
            *(one.id, two.id),
        )
        settings = with_new_keys(registry.settings)
        outcome = await rotate(registry, settings, reencrypt=True)
        assert len(outcome.lost) == 1
        assert one.id in outcome.lost[0]
        assert "key_secret" in outcome.lost[0]
        async with administered(registry, with_only_new_keys(settings)) as admin:
            assert await revealed(admin, two) == {**FIELDS, "#token": token}
        assert len((await active_and_retired(registry))[False]) == 1  # kept: something is sealed with it

    async def test_while_others_connect_and_change_and_another_run_goes(
        self, registry: Registry, tenant: Tenant
    ) -> None:
        settings = with_new_keys(registry.settings)
        made = [await connect(registry, tenant.id, label=f"before {n}") for n in range(6)]

        async def busy(serving: Admin, number: int) -> None:
            made.append(await connect(replace(registry, admin=serving), tenant.id, label=f"meanwhile {number}"))
            mine = made[number][0]
            secret = SecretStr(f"another-secret-number-{number:04}")
            await serving.connections.update_credentials(tenant.id, "test", mine.id, {"key_secret": secret})
            expected[mine.id] = secret.get_secret_value()

        expected: dict[str, str] = {}
        async with (
            administered(registry, settings) as admin,
            administered(registry, with_old_keys_first(settings)) as serving,
        ):

            async def run() -> None:
                for _ in range(3):
                    await admin.rotation.run("test", reencrypt=True, batch=2)

            await asyncio.gather(run(), run(), *(busy(serving, number) for number in range(6)))
            while not (outcome := await admin.rotation.run("test", reencrypt=True)).deleted:
                assert not outcome.lost
        async with administered(registry, with_only_new_keys(settings)) as admin:
            for connection, token in made:
                opened = await revealed(admin, connection)
                assert opened["#token"] == token
                assert opened["key_secret"] == expected.get(connection.id, KEY_SECRET)


class TestPlan:
    async def test_counts_what_there_is_to_do(self, registry: Registry, tenant: Tenant) -> None:
        await connect(registry, tenant.id, "live")
        await add_person(registry, registry.settings)
        settings = with_new_keys(registry.settings)
        async with administered(registry, settings) as admin:
            assert await admin.rotation.plan("live", reencrypt=False) == {Stage.DATA_KEYS: 2, Stage.PEOPLES_KEYS: 1}
            assert await admin.rotation.plan("live", reencrypt=True) == {
                Stage.PEOPLE: 1,
                Stage.CONNECTIONS: 1,
                Stage.CALLBACK_TOKENS: 1,
            }
            assert await admin.rotation.plan("test", reencrypt=True) == {}
            await admin.rotation.run("live")
            assert await admin.rotation.plan("live", reencrypt=False) == {}

    @pytest.mark.parametrize("how", [{"batch": 0}, {"batch": 5_000}, {"environment": "both"}])
    async def test_what_makes_no_sense_is_refused(self, registry: Registry, how: dict[str, Any]) -> None:
        with pytest.raises(InvalidRequest):
            await registry.admin.rotation.run(how.pop("environment", "test"), **how)


class TestCommand:
    async def test_a_dry_run_then_the_real_one(self, registry: Registry, tenant: Tenant) -> None:
        connection, token = await connect(registry, tenant.id)
        settings = with_new_keys(registry.settings)
        status, out, err = await run_command(settings, "--dry-run")
        assert (status, out.splitlines()) == (0, ["test\tdata keys\t2"]), err
        assert await wrappers(registry, "test") == {"kek-1", "cbk-1"}
        status, out, err = await run_command(settings, "--reencrypt", "--environment", "test", "--batch", "1")
        assert status == 0, err
        assert "test: 1 connections, 1 callback addresses, 2 old data keys deleted." in err
        async with administered(registry, with_only_new_keys(settings)) as admin:
            assert await revealed(admin, connection) == {**FIELDS, "#token": token}

    async def test_what_is_lost_is_said_and_fails(self, registry: Registry, tenant: Tenant) -> None:
        await connect(registry, tenant.id)
        settings = with_new_keys(registry.settings, keep=False)
        status, _, err = await run_command(settings, "-e", "test")
        assert status == 2
        assert "2 could not be opened" in err
        assert base64.b64decode(settings.credential_keys_test.get_secret_value().partition(":")[2]).hex() not in err

    async def test_keys_shared_by_two_rings_are_refused(self, registry: Registry) -> None:
        same = {"credential_keys_live": registry.settings.credential_keys_test}
        status, _, err = await run_command(registry.settings.model_copy(update=same))
        assert status == 2
        assert "share a key" in err


async def run_command(settings: Settings, *arguments: str) -> tuple[int, str, str]:
    """`onerouter admin rotate-keys …` as a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from onerouter_server.admin import app; app()", "rotate-keys", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("ONEROUTER_")},
            "ONEROUTER_REGISTRY_DATABASE_URL": str(settings.database_url),
            "ONEROUTER_REGISTRY_SECRET": settings.secret.get_secret_value(),
            "ONEROUTER_API_KEY_PEPPER": settings.api_key_pepper.get_secret_value(),
            **environment_of_keys(settings),
        },
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


def test_the_credentials_are_what_the_tests_say() -> None:
    assert {name: value.get_secret_value() for name, value in CREDENTIALS.items()} == FIELDS
