"""The process is killed between the wire call and its answer: the next one looks it up, and nothing happens twice."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
from tests.services.storage.stack import around, settings_of
from tests.services.storage.test_objects import a_key, view

from onerouter_local.ports import free_port
from onerouter_storage.settings import PREFIX

if TYPE_CHECKING:
    from onerouter_local.testing import Cluster

_SHARED = {
    "mode": "ONEROUTER_MODE",
    "kafka_bootstrap_servers": "KAFKA_BOOTSTRAP_SERVERS",
    "internal_tokens": "ONEROUTER_INTERNAL_TOKENS",
    "credential_keys_test": "ONEROUTER_CREDENTIAL_KEYS_TEST",
    "credential_keys_live": "ONEROUTER_CREDENTIAL_KEYS_LIVE",
    "provider_base_urls": "ONEROUTER_PROVIDER_BASE_URLS",
}


async def test_a_put_that_was_made_is_found_and_not_made_again(postgres: "Cluster", kafka_bootstrap: str) -> None:
    database = await postgres.create("storage")
    async with around(kafka_bootstrap) as (stack, registry, sandbox):
        environment = environment_of(
            settings_of(database, kafka_bootstrap, registry, sandbox, lease_ttl_s=2.0, provider_timeout_s=30.0)
        )
        key = a_key()
        async with process(environment) as (first, stack.storage):
            await stack.fault("timeout_after_effect", "PutObject", hold_s=60)
            command = await stack.begin_put(key, b"once")
            async with asyncio.timeout(60):
                while not await stack.effects("object.put", command.operation_id):
                    await asyncio.sleep(0.05)
            first.kill()
            await first.wait()
        async with process(environment) as (_, stack.storage):
            put = view(await stack.reply_to(command))
            assert (put["status"], put["operation_id"], put["version"]) == ("stored", command.operation_id, 1)
            attempts = (await stack.read(f"/operations/{command.operation_id}"))["attempts"]
        assert [one["kind"] for one in attempts] == ["call", "lookup"]
        assert await stack.effects("object.put", command.operation_id) == 1
        assert await stack.content_at(key) == b"once"
        await stack.event(put["id"], 1)
        assert len(stack.told_of(put["id"])) == 1
    await postgres.drop(database)


def environment_of(settings: Mapping[str, Any]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    given = {**settings, "host": "127.0.0.1", "port": free_port(), "metrics_port": free_port()}
    return {**kept, **{_SHARED.get(name, f"{PREFIX}{name.upper()}"): _written(value) for name, value in given.items()}}


def _written(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)


@asynccontextmanager
async def process(environment: dict[str, str]) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    """The service as it is deployed, once it is ready; killed at the end unless it was before."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "onerouter_server.main", "storage", env=environment
    )
    url = f"http://127.0.0.1:{environment[f'{PREFIX}PORT']}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            await _ready(started, client)
            yield started, client
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


async def _ready(started: asyncio.subprocess.Process, client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(90):
        while started.returncode is None:
            with contextlib.suppress(httpx.TransportError):
                if (await client.get("/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.05)
    raise AssertionError("the service did not start")
