"""The whole stack, as `make up` runs it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from onerouter_local.environment import written_environment
from onerouter_local.stack import Stack
from onerouter_local.testing import new_broker, scratch_directory
from onerouter_local.up import write_env_file

pytestmark = pytest.mark.stack

_WAIT_S = 30


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    with scratch_directory() as directory:
        stack = Stack(directory, durable=False, broker=new_broker(directory))
        try:
            await stack.start()
            yield stack
        finally:
            await stack.discard()


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def _connect(dsn: str) -> asyncpg.Connection[asyncpg.Record]:
    """Connect as soon as the server allows it."""
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            return await asyncpg.connect(dsn, timeout=2)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


async def test_every_service_is_ready(stack: Stack) -> None:
    async with httpx.AsyncClient() as client:
        for process in stack.services.values():
            assert (await client.get(f"{process.spec.url}/readyz")).status_code == 200


async def test_the_demo_key_works(stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {stack.secrets.demo_api_key}"}
    async with httpx.AsyncClient(base_url=stack.addresses.url("gateway"), headers=headers) as client:
        answer = await client.get("/v1/payments")
    assert answer.status_code == 200
    assert answer.json()["data"] == []


async def test_a_killed_service_comes_back(stack: Stack) -> None:
    process = stack.services["registry"]
    restarts = process.restarts
    process.kill()
    await _until(lambda: process.restarts > restarts and process.serving.is_set())


async def test_a_crashed_engine_comes_back_with_its_data(stack: Stack) -> None:
    before = stack.postgres.pid
    assert before is not None
    psutil.Process(before).kill()
    values = written_environment(stack.addresses, stack.secrets)
    connection = await _connect(values["ONEROUTER_PAYMENTS_DATABASE_URL"])
    assert stack.postgres.pid not in {None, before}
    try:
        assert await connection.fetchval("SELECT to_regclass('operations') IS NOT NULL")
    finally:
        await connection.close()


def test_the_environment_file_names_everything(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "env"
    write_env_file(path, stack)
    assert path.stat().st_mode & 0o777 == 0o600
    written = dict(line.split("=", 1) for line in path.read_text().splitlines())
    assert set(written) == {
        "ONEROUTER_BASE_URL",
        "ONEROUTER_API_KEY",
        "ONEROUTER_DEMO_EMAIL",
        "ONEROUTER_DEMO_PASSWORD",
        "ONEROUTER_WEBHOOKS_URL",
        "ONEROUTER_SANDBOX_URL",
        "KAFKA_BOOTSTRAP_SERVERS",
        "REDIS_URL",
        "ONEROUTER_REGISTRY_DATABASE_URL",
        "ONEROUTER_PAYMENTS_DATABASE_URL",
        "ONEROUTER_MESSAGING_DATABASE_URL",
        "ONEROUTER_STORAGE_DATABASE_URL",
        "ONEROUTER_WEBHOOKS_DATABASE_URL",
    }
    assert written["ONEROUTER_API_KEY"].startswith("unf_test_")


async def test_the_demo_person_signs_in_owns_the_demo_tenant_and_operates(stack: Stack) -> None:
    secrets = stack.secrets
    async with httpx.AsyncClient(base_url=stack.addresses.url("registry")) as browser:
        credentials = {"email": secrets.demo_email, "password": secrets.demo_password}
        session = (await browser.post("/api/auth/sign-in", json=credentials)).json()
        assert session["user"]["is_operator"] is True
        assert (session["tenant_id"], session["role"]) == (secrets.demo_tenant, "owner")
        assert (await browser.get("/api/admin/tenants")).status_code == 200


async def test_a_second_start_finds_the_same_tenant_and_nothing_is_left_running(stack: Stack) -> None:
    """The last one here: the stack that the others used is stopped, and started again from what it left."""
    assert psutil.Process().children(recursive=True)
    pids = _pids(stack)
    await stack.stop()
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    async with Stack(stack.data_dir, durable=False, broker=new_broker(stack.data_dir)) as second:
        assert second.secrets.demo_api_key == stack.secrets.demo_api_key
        headers = {"Authorization": f"Bearer {second.secrets.demo_api_key}"}
        async with httpx.AsyncClient(base_url=second.addresses.url("gateway"), headers=headers) as client:
            assert (await client.get("/v1/payments")).status_code == 200
        pids = _pids(second)
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


def _pids(stack: Stack) -> list[int]:
    """Of everything that runs; all of it must."""
    pids = [process.pid for process in stack.services.values()] + [engine.pid for engine in stack.engines]
    assert None not in pids
    return [pid for pid in pids if pid is not None]
