"""npm's `standardwebhooks` and `svix` verify every delivery through rotations, and agree with those of Python."""

import asyncio
import base64
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.node_packages import installed
from tests.services.webhooks.endpoint.rotating import delivered, rotate, verifies, verifies_by_key

from ..conftest import Got, Receiver, Running

pytestmark = pytest.mark.long  # npm installs them the first time


class Verifiers:
    """A program of node that both libraries run in."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def verifies(self, secret: str, got: Got) -> bool:
        """Both, which must agree."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        asked = {"secret": secret, "headers": got.headers, "body": base64.b64encode(got.body).decode()}
        stdin.write(json.dumps(asked).encode() + b"\n")
        await stdin.drain()
        async with asyncio.timeout(60):
            line = await stdout.readline()
        assert line, "the program has ended; its complaint stands above"
        said: dict[str, bool] = json.loads(line)
        assert said.keys() == {"standardwebhooks", "svix"}
        (verdict,) = set(said.values())
        return verdict


@pytest.fixture
async def verifiers(pytestconfig: pytest.Config) -> AsyncIterator[Verifiers]:
    source, cache = Path(__file__).parent / "node_verifiers", pytestconfig.rootpath / ".cache"
    node, home = await asyncio.to_thread(installed, source, cache, "verifiers")
    process = await asyncio.create_subprocess_exec(
        node, str(home / "verify.mjs"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield Verifiers(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_each_live_secret_verifies_and_no_other(
    service: Running, receiver: Receiver, verifiers: Verifiers
) -> None:
    created = await service.create_endpoint(receiver.url)
    secrets = [created["secret"]]
    for _ in range(9):
        secrets.append((await rotate(service, created["id"]))["secret"])
        got = await delivered(service, receiver)
        for secret in secrets:
            assert await verifiers.verifies(secret, got)
            assert verifies(secret, got)
        assert verifies_by_key(created["public_key"], got)
        assert len(got.headers["webhook-signature"].split(" ")) == len(secrets) + 1  # v1a is passed over
    only = await rotate(service, created["id"], expire_old_after_s=0)
    got = await delivered(service, receiver)
    assert await verifiers.verifies(only["secret"], got)
    for secret in secrets:
        assert not await verifiers.verifies(secret, got)
    assert verifies_by_key(created["public_key"], got)


async def test_what_was_changed_on_the_way_does_not_verify(
    service: Running, receiver: Receiver, verifiers: Verifiers
) -> None:
    created = await service.create_endpoint(receiver.url)
    got = await delivered(service, receiver)
    secret = created["secret"]
    assert await verifiers.verifies(secret, got)
    for name, value in (("webhook-id", "evt_another"), ("webhook-timestamp", "1614265330")):
        assert not await verifiers.verifies(secret, Got({**got.headers, name: value}, got.body, got.at))
    assert not await verifiers.verifies(secret, Got(got.headers, got.body.replace(b"499", b"999"), got.at))
