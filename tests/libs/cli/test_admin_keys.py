"""`onerouter admin key`, as an operator types it, on a real database."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from tests.services.registry.conftest import Registry, environment_of_keys, opened
from typer.testing import CliRunner

from onerouter_common.api_keys import parse_key
from onerouter_common.ids import API_KEY, new_id
from onerouter_local.testing import Cluster
from onerouter_registry.api_key.model import ApiKey
from onerouter_server.admin import app


@dataclass(frozen=True)
class Operator:
    registry: Registry
    tenant: str

    async def __call__(self, *arguments: str) -> tuple[int, list[str], str]:
        """Exit code, lines of results, and what else was said."""
        settings = self.registry.settings
        environment = {
            "ONEROUTER_REGISTRY_DATABASE_URL": str(settings.database_url),
            "ONEROUTER_REGISTRY_SECRET": settings.secret.get_secret_value(),
            "ONEROUTER_API_KEY_PEPPER": settings.api_key_pepper.get_secret_value(),
            **environment_of_keys(settings),
        }
        line = ["key", *arguments, "--tenant", self.tenant]
        # In a thread: the command runs an event loop of its own.
        result = await asyncio.to_thread(CliRunner().invoke, app, line, env=environment)
        return result.exit_code, result.stdout.splitlines(), result.stderr

    async def keys(self, environment: str = "test") -> dict[str, ApiKey]:
        return {key.name: key for key in await self.registry.admin.api_keys.list(self.tenant, environment)}


@pytest.fixture(scope="module")
async def registry(postgres: Cluster) -> AsyncIterator[Registry]:
    made = await postgres.create("registry")
    async with opened(made) as one:
        yield one
    await postgres.drop(made)


@pytest.fixture
async def operator(registry: Registry) -> Operator:
    return Operator(registry, (await registry.admin.tenants.create("Acme")).id)


BOUNDS = ("--scopes", "sms:write, sms:read", "--expires", "90d", "--rate-limit-per-s", "5", "--rate-burst", "6")


class TestCreate:
    async def test_prints_the_key_alone_and_stores_what_was_said(self, operator: Operator) -> None:
        lists = ("--allow", "203.0.113.0/24", "--allow", "2001:db8::1", "--quota", "sms=10", "--quota", "email=20")
        code, lines, said = await operator("create", "-e", "live", "--name", "bounded", *BOUNDS, *lists)
        assert code == 0, said
        (printed,) = lines
        parsed = parse_key(printed)
        assert parsed is not None
        assert parsed.environment == "live"
        assert printed not in said
        key = (await operator.keys("live"))["bounded"]
        assert key.scopes == ("sms:read", "sms:write")
        assert (key.rate_limit_per_s, key.rate_burst) == (5, 6)
        assert key.ip_allow_list == ("203.0.113.0/24", "2001:db8::1/128")
        assert key.quotas == {"sms": 10, "email": 20}
        assert key.expires_at is not None
        assert timedelta(days=89) < key.expires_at - datetime.now(UTC) < timedelta(days=90)
        assert key.created_by == "command_line:onerouter admin"

    @pytest.mark.parametrize(
        ("option", "value", "complaint"),
        [
            ("--scopes", "sms:delete", "'sms:delete'"),
            ("--allow", "203.0.113.7/24", "203.0.113.0/24"),
            ("--quota", "sms", "sms=10000"),
            ("--quota", "fax=1", "'fax'"),
            ("--quota", "sms=0", "quotas.sms"),
            ("--expires", "soon", "90d"),
            ("--expires", "999999d", "ten years"),
            ("--rate-burst", "0", "rate_burst"),
        ],
    )
    async def test_says_what_is_wrong(self, operator: Operator, option: str, value: str, complaint: str) -> None:
        code, lines, said = await operator("create", option, value)
        assert (code, lines) == (2, [])
        assert complaint in said
        assert await operator.keys() == {}


class TestList:
    async def test_has_a_line_for_each(self, operator: Operator) -> None:
        await operator("create", "--name", "one", "--quota", "sms=10", "--allow", "10.0.0.0/8")
        code, lines, _ = await operator("list")
        assert code == 0
        (line,) = lines
        cells = line.split("\t")
        assert cells[2:8] == ["one", "active", "*", "100/s, burst 200", "sms=10", "10.0.0.0/8"]


class TestUpdate:
    async def test_changes_what_is_given_and_removes_by_name(self, operator: Operator) -> None:
        await operator("create", "--name", "one", *BOUNDS, "--quota", "sms=10", "--allow", "10.0.0.0/8")
        before = (await operator.keys())["one"]
        code, _, said = await operator("update", before.id, "--name", "two", "--rate-burst", "9", "--scopes", "*")
        assert code == 0, said
        after = (await operator.keys())["two"]
        assert (after.rate_burst, after.scopes) == (9, ("*",))
        assert (after.quotas, after.ip_allow_list, after.expires_at) == (
            before.quotas,
            before.ip_allow_list,
            before.expires_at,
        )
        await operator("update", before.id, "--expires", "never", "--allow", "any", "--quota", "none")
        freed = (await operator.keys())["two"]
        assert (freed.quotas, freed.ip_allow_list, freed.expires_at) == ({}, (), None)

    async def test_needs_something_to_change(self, operator: Operator) -> None:
        code, _, said = await operator("update", new_id(API_KEY))
        assert code == 2
        assert "what to change" in said


class TestRotate:
    async def test_prints_the_new_key(self, operator: Operator) -> None:
        await operator("create", "--name", "one")
        old = (await operator.keys())["one"]
        code, lines, said = await operator("rotate", old.id, "--overlap", "0s")
        assert code == 0, said
        assert parse_key(lines[0]) is not None
        assert old.id in said
        keys = {key.id: key for key in await operator.registry.admin.api_keys.list(operator.tenant, "test")}
        assert keys[old.id].status_at(datetime.now(UTC)) == "expired"
        assert keys[old.id].replaced_by in keys

    @pytest.mark.parametrize("overlap", ["8d", "1w", "-1d", "١d", ""])
    async def test_refuses_an_overlap_that_is_none(self, operator: Operator, overlap: str) -> None:
        await operator("create", "--name", "one")
        old = (await operator.keys())["one"]
        code, lines, said = await operator("rotate", old.id, "--overlap", overlap)
        assert (code, lines) == (2, [])
        assert "overlap" in said


async def test_revoking_is_audited_as_the_command_lines(operator: Operator) -> None:
    await operator("create", "--name", "one")
    key = (await operator.keys())["one"]
    code, _, _ = await operator("revoke", key.id)
    assert code == 0
    database = await asyncpg.connect(operator.registry.database.admin_dsn)
    try:
        rows = await database.fetch(
            "SELECT actor_kind, action, after FROM audit_entries WHERE target_id = $1 ORDER BY sequence", key.id
        )
    finally:
        await database.close()
    assert [(row["actor_kind"], row["action"]) for row in rows] == [
        ("command_line", "api_key.created"),
        ("command_line", "api_key.revoked"),
    ]
    assert json.loads(rows[1]["after"]) == {"status": "revoked"}
