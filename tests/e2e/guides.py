"""A guide of docs/, carried out word for word."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from tests.docs.guides import script
from tests.e2e.world import World

_STRICT = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@"; }\n'


async def carried_out(world: World, folder: Path, guide: str) -> dict[str, dict[str, Any]]:
    """The last answer of each name. Fails with all that was answered when a command does."""
    environment = os.environ | {
        "ONEROUTER_BASE_URL": str(world.api.base_url).rstrip("/"),
        "ONEROUTER_API_KEY": world.secrets[0],
        "ONEROUTER_SANDBOX_URL": str(world.sandbox.base_url).rstrip("/"),
    }
    running = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        _STRICT + script(guide),
        cwd=folder,
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
    answers = {path.stem: path.read_text() for path in folder.glob("*.json")}
    assert running.returncode == 0, f"{told.decode()}\n{answers}"
    return {name: json.loads(text) for name, text in answers.items()}
