"""`onerouter admin person`, as an operator types it, on a real database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from pydantic import SecretStr
from tests.services.registry.acting import as_owner
from tests.services.registry.conftest import Registry, environment_of_keys, opened
from typer.testing import CliRunner

from onerouter_common.errors import InvalidRequest, Unauthenticated
from onerouter_local.testing import Cluster
from onerouter_registry.access.origin import Origin
from onerouter_registry.audit.model import Filter
from onerouter_server.admin import app

ORIGIN = Origin("203.0.113.7", "Browser/1.0", "req_1")
PASSWORD = SecretStr("three words far apart")


@dataclass(frozen=True)
class Operator:
    registry: Registry

    async def __call__(self, *arguments: str) -> tuple[int, list[str], str]:
        """Exit code, lines of results, and what else was said."""
        settings = self.registry.settings
        environment = {
            "ONEROUTER_REGISTRY_DATABASE_URL": str(settings.database_url),
            "ONEROUTER_REGISTRY_SECRET": settings.secret.get_secret_value(),
            "ONEROUTER_API_KEY_PEPPER": settings.api_key_pepper.get_secret_value(),
            "ONEROUTER_PUBLIC_URL": "https://onerouter.test",
            **environment_of_keys(settings),
        }
        # In a thread: the command runs an event loop of its own.
        result = await asyncio.to_thread(CliRunner().invoke, app, ["person", *arguments], env=environment)
        return result.exit_code, result.stdout.splitlines(), result.stderr

    async def choose_password(self, link: str) -> None:
        token = SecretStr(link.partition("#token=")[2])
        await self.registry.admin.people.password_reset.carry_out(token, PASSWORD, ORIGIN)

    async def sign_in(self, email: str) -> str | None:
        """The tenant they work on then."""
        people = self.registry.admin.people
        signed_in = await people.sign_in.with_password(email, PASSWORD, ORIGIN, None)
        session = await people.sessions.find(signed_in.session.token)
        assert session is not None
        return session.tenant_id


@pytest.fixture(scope="module")
async def operator(postgres: Cluster) -> AsyncIterator[Operator]:
    made = await postgres.create("registry")
    async with opened(made) as one:
        yield Operator(one)
    await postgres.drop(made)


class TestCreate:
    async def test_prints_a_link_with_which_they_choose_their_password_once(self, operator: Operator) -> None:
        tenant = await operator.registry.admin.tenants.create("Acme")
        code, (link,), said = await operator("create", "Ada@Example.com", "--tenant", tenant.id, "--role", "admin")
        assert code == 0
        assert link.startswith("https://onerouter.test/reset-password#token=")
        assert link not in said
        await operator.choose_password(link)
        assert await operator.sign_in("ada@example.com") == tenant.id
        with pytest.raises(InvalidRequest, match="was used already"):
            await operator.choose_password(link)

    async def test_makes_an_operator_where_it_is_said(self, operator: Operator) -> None:
        await operator("create", "op@example.com", "--operator")
        assert (await operator.registry.admin.people.users.get_by_email("op@example.com")).is_operator

    async def test_says_what_is_wrong(self, operator: Operator) -> None:
        assert (await operator("create", "twice@example.com"))[0] == 0
        code, lines, said = await operator("create", "twice@example.com")
        assert (code, lines) == (2, [])
        assert "account with this email" in said
        assert (await operator("create", "not an address"))[0] == 2
        assert (await operator("create", "r@example.com", "--role", "king"))[0] == 2
        code, _, said = await operator("create", "n@example.com", "--tenant", "ten_nobody")
        assert (code, "There is no tenant" in said) == (2, True)


class TestManaging:
    async def test_lists_makes_operators_and_shuts_out(self, operator: Operator) -> None:
        _, (link,), _ = await operator("create", "eve@example.com")
        await operator.choose_password(link)
        eve = await operator.registry.admin.people.users.get_by_email("eve@example.com")
        await operator("make-operator", "eve@example.com", "--user-id", eve.id)
        assert [row[3] for row in await self._rows(operator) if row[1] == "eve@example.com"] == ["yes"]
        await operator("make-operator", "eve@example.com", "--revoke")
        await operator("disable", "eve@example.com")
        (row,) = [row for row in await self._rows(operator) if row[1] == "eve@example.com"]
        assert (row[3], row[5]) == ("", "disabled")
        with pytest.raises(Unauthenticated):
            await operator.sign_in("eve@example.com")
        assert (await operator("reset-password", "eve@example.com"))[0] == 2
        await operator("disable", "eve@example.com", "--enable")
        await operator.sign_in("eve@example.com")

    async def test_makes_no_operator_of_who_may_be_someone_else(self, operator: Operator) -> None:
        """Anyone can sign up with an operator-to-be's address, or be let in by an issuer."""
        users = operator.registry.admin.people.users
        squatter = await users.create("squatted@example.com")
        code, _, said = await operator("make-operator", "squatted@example.com")
        assert (code, squatter.id in said) == (2, True)
        await as_owner(operator.registry, "UPDATE users SET email_verified_at = now() WHERE id = $1", squatter.id)
        await as_owner(
            operator.registry,
            "INSERT INTO identities (issuer, subject, id, user_id, created_at) VALUES ($1, 's', 'idn_1', $2, now())",
            "https://issuer.example",
            squatter.id,
        )
        code, _, said = await operator("make-operator", "squatted@example.com")
        assert (code, "https://issuer.example" in said) == (2, True)
        (row,) = [row for row in await self._rows(operator) if row[0] == squatter.id]
        assert row[7:] == ["proved", "https://issuer.example"]
        assert (await operator("make-operator", "squatted@example.com", "--user-id", "usr_another"))[0] == 2
        assert not (await users.get(squatter.id)).is_operator
        assert (await operator("make-operator", "squatted@example.com", "--user-id", squatter.id))[0] == 0
        assert (await users.get(squatter.id)).is_operator
        await as_owner(operator.registry, "DELETE FROM identities WHERE user_id = $1", squatter.id)
        await operator("make-operator", "squatted@example.com", "--revoke")
        assert (await operator("make-operator", "squatted@example.com"))[0] == 0

    async def test_a_reset_link_replaces_the_one_before(self, operator: Operator) -> None:
        _, (first,), _ = await operator("create", "grace@example.com")
        _, (second,), _ = await operator("reset-password", "grace@example.com")
        with pytest.raises(InvalidRequest, match="replaced by a newer one"):
            await operator.choose_password(first)
        await operator.choose_password(second)

    async def test_all_of_it_is_audited_as_the_command_line(self, operator: Operator) -> None:
        await operator("create", "audited@example.com", "--operator")
        entries = await operator.registry.admin.audit_trail.of_chain("platform", Filter(), limit=50, before=None)
        assert {"user.created", "user.operator_changed", "user.password_link_made"} <= {
            entry.action for entry in entries.entries if entry.actor_kind == "command_line"
        }

    async def _rows(self, operator: Operator) -> list[list[str]]:
        _, lines, _ = await operator("list")
        return [line.split("\t") for line in lines]
