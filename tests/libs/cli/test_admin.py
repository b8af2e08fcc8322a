"""`onerouter admin tenant`, `provider` and `audit` on a real database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from tests.services.registry.acting import as_owner
from tests.services.registry.conftest import CREDENTIALS, Registry, opened
from tests.services.registry.test_changes import run_admin_here

from onerouter_local.testing import Cluster
from onerouter_registry.audit.model import Filter
from onerouter_registry.tenant.model import Tenant


@pytest.fixture(scope="module")
async def registry(postgres: Cluster) -> AsyncIterator[Registry]:
    made = await postgres.create("registry")
    async with opened(made) as one:
        yield one
    await postgres.drop(made)


@pytest.fixture
async def tenant(registry: Registry) -> Tenant:
    return await registry.admin.tenants.create("Acme")


async def done(registry: Registry, *arguments: str) -> str:
    """What it prints; it must succeed."""
    code, out, err = await run_admin_here(registry, *arguments)
    assert code == 0, err
    return out


class TestTenant:
    async def test_a_life(self, registry: Registry) -> None:
        tenant_id = (await done(registry, "tenant", "create", "Acme & Sons", "--plan", "growth")).strip()
        await done(registry, "tenant", "plan", tenant_id, "starter", "--requests-per-minute", "150")
        await done(registry, "tenant", "suspend", tenant_id, "--reason", "Invoice 7")
        (line,) = (await done(registry, "tenant", "list", "--search", "acme & s", "--status", "suspended")).splitlines()
        assert line.split("\t")[:8] == [tenant_id, "Acme & Sons", "suspended", "starter", "150", "0", "0", "0"]
        await done(registry, "tenant", "resume", tenant_id)
        await done(registry, "tenant", "delete", tenant_id, "--grace-days", "2", "--confirm", "Acme & Sons")
        assert (await registry.admin.tenants.get(tenant_id)).status == "deleting"
        await done(registry, "tenant", "undelete", tenant_id)
        assert (await registry.admin.tenants.get(tenant_id)).status == "active"
        entries = (await registry.admin.audit_trail.of_chain(tenant_id, Filter(), limit=100)).entries
        assert len(entries) == 6
        assert {(entry.actor_kind, entry.actor_id) for entry in entries} == {("command_line", "onerouter admin")}

    async def test_another_name_deletes_nothing(self, registry: Registry, tenant: Tenant) -> None:
        code, _, err = await run_admin_here(registry, "tenant", "delete", tenant.id, "--confirm", "acme")
        assert code == 2
        assert "not its name" in err
        assert (await registry.admin.tenants.get(tenant.id)).status == "active"

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("plan", "{id}", "gold"), "starter, growth, scale"),
            (("suspend", "ten_nobody", "--reason", "x"), "There is no tenant ten_nobody."),
            (("suspend", "{id}", "--reason", " "), "reason"),
        ],
    )
    async def test_says_what_is_wrong(
        self, registry: Registry, tenant: Tenant, arguments: tuple[str, ...], says: str
    ) -> None:
        code, _, err = await run_admin_here(registry, "tenant", *(one.format(id=tenant.id) for one in arguments))
        assert code == 2
        assert says in err
        assert "Traceback" not in err


async def test_provider_off_and_on(registry: Registry) -> None:
    await done(registry, "provider", "disable", "payments", "razorpay", "--reason", "It double-charges.")
    await done(registry, "provider", "disable", "payments", "--reason", "Maintenance")
    lines = [line.split("\t") for line in (await done(registry, "provider", "list")).splitlines()]
    states = {(line[0], line[1]): (line[2], line[4], line[5]) for line in lines}
    assert states[("payments", "razorpay")] == ("off", "onerouter admin", "It double-charges.")
    assert states[("payments", "*")] == ("off", "onerouter admin", "Maintenance")
    await done(registry, "provider", "enable", "payments")
    await done(registry, "provider", "enable", "payments", "razorpay")
    lines = [line.split("\t") for line in (await done(registry, "provider", "list")).splitlines()]
    assert {line[2] for line in lines} == {"on"}
    code, _, err = await run_admin_here(registry, "provider", "disable", "payments", "nobody", "--reason", "x")
    assert (code, "payments/nobody" in err) == (2, True)


class TestAudit:
    async def test_verify_prints_heads_that_a_later_one_is_held_to(
        self, registry: Registry, tenant: Tenant, tmp_path: Path
    ) -> None:
        await registry.admin.tenants.suspend(tenant.id, "x")
        kept = await done(registry, "audit", "verify")
        chains = dict(line.split("\t") for line in kept.splitlines())
        assert chains[tenant.id].startswith("2:")
        alone = await done(registry, "audit", "verify", "--tenant", tenant.id, "--head", chains[tenant.id])
        assert alone.split() == [tenant.id, chains[tenant.id]]
        heads = tmp_path / "heads"
        await asyncio.to_thread(heads.write_text, kept)
        assert await done(registry, "audit", "verify", "--heads", str(heads)) == kept
        # The last entry is cut off, and the head with it.
        for statement in (
            "ALTER TABLE audit_entries DISABLE TRIGGER USER",
            f"DELETE FROM audit_entries WHERE tenant_id = '{tenant.id}' AND sequence = 2",
            "ALTER TABLE audit_entries ENABLE TRIGGER USER",
            "UPDATE audit_heads h SET sequence = 1, hash = e.hash FROM audit_entries e "
            f"WHERE h.tenant_id = '{tenant.id}' AND e.tenant_id = h.tenant_id AND e.sequence = 1",
        ):
            await as_owner(registry, statement)
        await done(registry, "audit", "verify", "--tenant", tenant.id)
        for arguments in (
            ("--tenant", tenant.id, "--head", chains[tenant.id]),
            ("--heads", str(heads)),
        ):
            code, out, err = await run_admin_here(registry, "audit", "verify", *arguments)
            assert code == 1
            assert tenant.id not in out
            assert f"{tenant.id}: Cut off after 1: the head that was given is 2." in " ".join(err.split())

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("--tenant", "ten_nobody"), "There is no audit log of ten_nobody."),
            (("--head", "3:" + "0" * 64), "--heads"),
            (("--tenant", "platform", "--head", "x"), "is not a head"),
            (("--heads", "/nowhere"), "cannot be read"),
        ],
    )
    async def test_verify_says_what_is_wrong(self, registry: Registry, arguments: tuple[str, ...], says: str) -> None:
        code, out, err = await run_admin_here(registry, "audit", "verify", *arguments)
        assert (code, out) == (2, "")
        assert says in " ".join(err.split())
        assert "Traceback" not in err

    async def test_list(self, registry: Registry, tenant: Tenant) -> None:
        await registry.admin.tenants.suspend(tenant.id, "Invoice 7")
        lines = (await done(registry, "audit", "list", "--tenant", tenant.id)).splitlines()
        assert [line.split("\t")[4] for line in lines] == ["tenant.suspended", "tenant.created"]
        (line,) = (
            await done(registry, "audit", "list", "--action", "tenant.susp", "--target", tenant.id, "--json")
        ).splitlines()
        entry = orjson.loads(line)
        assert entry["after"]["status_reason"] == "Invoice 7"
        assert entry["at"].endswith("Z")
        assert "hash" not in entry
        many = (await done(registry, "audit", "list", "--limit", "1")).splitlines()
        assert len(many) == 1


class TestConnection:
    async def test_is_given_a_rate_and_loses_it_again(self, registry: Registry, tenant: Tenant, tmp_path: Path) -> None:
        credentials = tmp_path / "credentials.json"
        credentials.write_bytes(orjson.dumps({key: value.get_secret_value() for key, value in CREDENTIALS.items()}))
        where = ("--tenant", tenant.id)
        account = ("--provider", "razorpay", "--credentials-file", str(credentials), "--rate-per-s", "2.5")
        made = (await done(registry, "connection", "add", *where, *account)).splitlines()[0]
        assert await self.rate(registry, tenant) == "2.5"
        for given, shown in (("40", "40"), ("0", "-")):
            await done(registry, "connection", "update", made, *where, "--rate-per-s", given)
            assert await self.rate(registry, tenant) == shown
        code, _, err = await run_admin_here(registry, "connection", "update", made, *where, "--rate-per-s", "20000")
        assert code != 0
        assert "rate_per_s" in err

    async def rate(self, registry: Registry, tenant: Tenant) -> str:
        (line,) = (await done(registry, "connection", "list", "--tenant", tenant.id)).splitlines()
        return line.split("\t")[6]
