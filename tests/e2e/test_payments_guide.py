"""docs/payments.md, carried out word for word."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.docs.payments_guide import script
from tests.e2e.world import World, until

_STRICT = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@"; }\n'


@pytest.mark.timeout(240)  # it starts a hundred small programs, which a busy machine does slowly
async def test_its_examples_do_what_they_say(world: World, tmp_path: Path) -> None:
    environment = os.environ | {
        "ONEROUTER_BASE_URL": str(world.api.base_url).rstrip("/"),
        "ONEROUTER_API_KEY": world.secrets[0],
        "ONEROUTER_SANDBOX_URL": str(world.sandbox.base_url).rstrip("/"),
    }
    running = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        _STRICT + script(),
        cwd=tmp_path,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(120):
            told, _ = await running.communicate()
    finally:
        if running.returncode is None:
            running.kill()
    answers = {path.stem: path.read_text() for path in tmp_path.glob("*.json")}
    assert running.returncode == 0, f"{told.decode()}\n{answers}"

    def answered(name: str) -> dict[str, Any]:
        return dict(json.loads(answers[name]))

    world.secrets.append(answered("endpoint")["secret"])
    assert answered("payment")["status"] == "succeeded"
    assert (answered("captured")["status"], answered("captured")["amount_received_minor"]) == ("succeeded", 1_500)
    assert answered("canceled")["status"] == "canceled"
    assert (answered("refund")["status"], answered("refund")["amount_minor"]) == ("succeeded", 19_900)
    assert answered("method")["status"] == "removed"
    assert answered("subscription")["cancel_at_cycle_end"] is True
    assert answered("link")["status"] == "canceled"
    assert answered("vendor")["split_config"]["percent"] == "85"
    assert [part["amount_minor"] for part in answered("split")["splits"]] == [90_000, 10_000]
    assert answered("fees")["fee_minor"] >= 10_000
    assert answered("timeline")["data"]
    assert answered("served")["id"] == answered("old")["id"]
    path = f"/v1/payments/{answered('payment')['id']}"

    async def is_disputed() -> bool:
        return bool((await world.api.get(path)).json()["disputes"])

    await until(is_disputed, "the dispute")
