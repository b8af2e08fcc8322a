"""The `onerouter` command as an operator types it."""

from collections.abc import Awaitable, Callable

import pytest
from typer.testing import CliRunner

from onerouter_local.ports import free_port
from onerouter_local.testing import Database
from onerouter_server.main import app

CreateDatabase = Callable[[str], Awaitable[Database]]


@pytest.fixture
async def registry_database(database: CreateDatabase) -> Database:
    return await database("registry")


def _run(*arguments: str, **environment: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments, env=environment)
    return result.exit_code, result.output


def test_help_names_every_command() -> None:
    code, output = _run("--help")
    assert code == 0
    for command in (
        "gateway",
        "payments",
        "registry",
        "messaging",
        "storage",
        "webhooks",
        "sandbox",
        "migrate",
        "topics",
        "admin",
        "up",
        "demo",
    ):
        assert command in output


def test_migrate_is_repeatable(registry_database: Database) -> None:
    environment = {
        "ONEROUTER_REGISTRY_ADMIN_DATABASE_URL": registry_database.admin_dsn,
        "ONEROUTER_REGISTRY_DATABASE_URL": registry_database.dsn,
    }
    for _ in range(2):
        code, output = _run("migrate", "registry", **environment)
        assert (code, output) == (0, "registry: the schema is up to date.\n")


def test_migrate_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    code, output = _run("migrate", "payments")
    assert code == 2
    assert "ONEROUTER_PAYMENTS_ADMIN_DATABASE_URL" in output


def test_migrate_knows_who_owns_a_database() -> None:
    code, output = _run("migrate", "gateway")
    assert code == 2
    assert "owns no database" in output


def test_topics_are_created_once(kafka_bootstrap: str) -> None:
    code, output = _run("topics", "--bootstrap-servers", kafka_bootstrap)
    assert (code, output) == (0, "Every topic exists.\n")


def test_missing_settings_are_named_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    code, output = _run("gateway", ONEROUTER_API_KEY_PEPPER="too-short-and-secret")
    assert code == 2
    assert "KAFKA_BOOTSTRAP_SERVERS" in output
    assert "ONEROUTER_API_KEY_PEPPER" in output
    assert "too-short-and-secret" not in output
    assert "Traceback" not in output


def test_healthcheck_fails_when_nothing_answers() -> None:
    assert _run("healthcheck", "--url", f"http://127.0.0.1:{free_port()}/readyz")[0] == 1
    assert _run("healthcheck", "--url", "file:///etc/passwd")[0] == 1


def test_admin_is_handed_over() -> None:
    code, output = _run("admin", "--help")
    assert code == 0
    assert "connection" in output
