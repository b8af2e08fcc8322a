"""`onerouter admin routing` on a real registry database."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import PostgresDsn, SecretStr
from tests.services.registry.conftest import CREDENTIALS, environment_of_keys, keyring
from typer.testing import CliRunner

from onerouter_local.testing import Database
from onerouter_registry.admin import ManagementSettings, open_admin
from onerouter_server.main import app


@dataclass(frozen=True)
class Operator:
    """Someone at a terminal, with a tenant that has one connection."""

    environment: dict[str, str]
    tenant: str
    connection: str

    def __call__(self, *arguments: str, text: str | None = None) -> tuple[int, str, str]:
        command = ["admin", "routing", arguments[0], "--tenant", self.tenant, *arguments[1:]]
        result = CliRunner().invoke(app, command, env=self.environment, input=text)
        return result.exit_code, result.stdout, result.stderr

    def json(self, *arguments: str) -> dict[str, Any]:
        code, output, errors = self(*arguments)
        assert code == 0, errors
        found: dict[str, Any] = json.loads(output)
        return found


@pytest.fixture
async def registry_database(database: Callable[[str], Awaitable[Database]]) -> Database:
    return await database("registry")


@pytest.fixture
def operator(registry_database: Database) -> Operator:
    settings = ManagementSettings(
        database_url=PostgresDsn(registry_database.dsn),
        credential_keys_test=keyring("kek-1"),
        credential_keys_live=keyring("kek-2"),
        callback_keys_test=keyring("cbk-1"),
        callback_keys_live=keyring("cbk-2"),
        api_key_pepper=SecretStr(secrets.token_hex(32)),
        secret=SecretStr(secrets.token_hex(32)),
    )

    async def prepare() -> tuple[str, str]:
        async with open_admin(settings) as admin:
            tenant = await admin.tenants.create("Acme")
            connected = await admin.connections.connect(tenant.id, "test", "razorpay", CREDENTIALS)
            return tenant.id, connected.connection.id

    environment = {
        "ONEROUTER_REGISTRY_DATABASE_URL": registry_database.dsn,
        "ONEROUTER_API_KEY_PEPPER": settings.api_key_pepper.get_secret_value(),
        "ONEROUTER_REGISTRY_SECRET": settings.secret.get_secret_value(),
        **environment_of_keys(settings),
    }
    return Operator(environment, *asyncio.run(prepare()))


def test_a_policy_is_set_shown_and_explained(operator: Operator) -> None:
    rule = {"name": "rupees", "when": {"currency": ["INR"]}, "failover": [operator.connection]}
    code, _, notes = operator("set", "-", text=json.dumps({"rules": [rule], "version": 0}))
    assert (code, "version 1" in notes) == (0, True)
    shown = operator.json("show")
    assert (shown["version"], shown["rules"][0]["name"]) == (1, "rupees")
    assert shown["updated_by"] == "command_line:onerouter admin"
    explained = operator.json("explain", "--currency", "INR", "--amount", "499.00", "--metadata", "a=b")
    assert (explained["rule"], explained["connection"]["connection_id"]) == ("rupees", operator.connection)
    assert operator.json("explain", "--currency", "EUR")["by"] == "priority"


def test_what_is_wrong_is_said_in_sentences(operator: Operator) -> None:
    for policy, said in (
        ('{"rules": [{"name": "r", "failover": ["con_nobody"]}]}', "rules.0.failover.0 is not a connection"),
        ('{"rules": [{}]}', "rules.0.name: Field required"),
        ('{"version": 7}', "The policy has changed"),
        ("not json", "the policy: Invalid JSON"),
    ):
        code, output, errors = operator("set", "-", text=policy)
        assert (code, output) == (2, "")
        assert said in errors
    assert operator("set", "/nowhere/policy.json")[0] == 2
    assert operator("explain", "--metadata", "novalue")[0] == 2
