"""The operator's way to new keys: every process opens both before the new one comes first."""

import asyncio
import sys
from pathlib import Path
from typing import Final

from onerouter_common.secrets import KeyRing
from onerouter_local.secret_store import LocalSecrets
from onerouter_local.stack import Stack

RINGS: Final = ("credential_keys_test", "credential_keys_live", "callback_keys_test", "callback_keys_live")
NEW_KEY: Final = "next"


def prepare_rotation(directory: Path) -> None:
    """Step 1 of the rotation, before the stack starts: the new key stands second in every ring."""
    path = directory / "secrets.json"
    secrets = LocalSecrets.load(path)
    for name in RINGS:
        setattr(secrets, name, f"{getattr(secrets, name)},{KeyRing.generate(NEW_KEY)}")
    secrets.save(path)


async def rotate_keys(stack: Stack, *arguments: str) -> str:
    """Step 2: `onerouter admin rotate-keys` with the new key first. What it said."""
    environment = dict(stack.services["registry"].spec.environment)
    for name in RINGS:
        variable = f"ONEROUTER_{name.upper()}"
        environment[variable] = ",".join(reversed(environment[variable].split(",")))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "onerouter_server.main", "admin", "rotate-keys", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, said.decode()
    return said.decode()
