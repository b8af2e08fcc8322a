"""The Svix server as its makers say to run it, and the queue it needs."""

import asyncio
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

from onerouter_local.children import spawn
from onerouter_local.engines import Valkey
from onerouter_local.engines.process import Engine, ended
from onerouter_local.ports import LOOPBACK

SERVER: Final = "SVIX_SERVER"
"""Environment variable: the path of a built `svix-server`."""
HOW_TO_GET: Final = f"""{SERVER} is not the path of a Svix server, which is what this compares with.
To build one (Rust 1.88 or newer, pkg-config and OpenSSL's headers):

    git clone https://github.com/svix/svix-webhooks && cd svix-webhooks/server
    cargo build --release --locked -p svix-server --bin svix-server
    {SERVER}=$PWD/target/release/svix-server python -m tests.bench.svix
"""
_TOKEN_S: Final = 60.0
_DOCUMENTED: Final[Mapping[str, str]] = {
    "SVIX_QUEUE_TYPE": "redis",
    # What they recommend for one instance; nothing is asked of Redis then but the queue.
    "SVIX_CACHE_TYPE": "memory",
    "SVIX_WHITELIST_SUBNETS": f"[{LOOPBACK}/32]",
    "SVIX_WHITELABEL_HEADERS": "true",
    "SVIX_ENVIRONMENT": "prod",
    # Their own setting knows no level above info, at which each delivery writes several lines.
    "RUST_LOG": "warn",
}
"""Beside addresses and secrets; all else is its default: 500 tasks at once, 100 connections to the database, 100 to Redis."""


class Role(StrEnum):
    """Which half of the server runs."""

    BOTH = "both"
    API = "api"
    WORKER = "worker"


class DurableValkey(Valkey):
    """With the persistence that Svix's own compose file turns on: what was pushed is on disk within a second."""

    async def prepare(self) -> None:
        await super().prepare()
        with self._config.open("a") as config:
            config.write("save 60 500\nappendonly yes\nappendfsync everysec\nmaxmemory 0\n")


class SvixServer(Engine):
    """One process of it. `settings`: environment beyond what is documented."""

    name = "svix"
    about = "Svix server"
    start_timeout_s = 120.0
    """It migrates its database first."""

    def __init__(
        self, binary: Path, data_dir: Path, port: int, *, dsn: str, redis: str, secret: str, settings: Mapping[str, str]
    ) -> None:
        super().__init__(data_dir, port)
        self.role = Role.BOTH
        self._binary = binary
        self._environment = {
            **_DOCUMENTED,
            "PATH": os.environ.get("PATH", os.defpath),
            "SVIX_LISTEN_ADDRESS": f"{LOOPBACK}:{port}",
            "SVIX_DB_DSN": dsn,
            "SVIX_REDIS_DSN": redis,
            "SVIX_JWT_SECRET": secret,
            "SVIX_MAIN_SECRET": secret,
            **settings,
        }

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    async def start_as(self, role: Role) -> None:
        self.role = role
        await self.start()

    async def prepare(self) -> None:
        """Nothing lies in its directory but the log."""

    def command(self) -> list[str | Path]:
        return [self._binary, "--run-migrations"]

    def environment(self) -> Mapping[str, str]:
        return self._environment | {
            "SVIX_API_ENABLED": _said(self.role is not Role.WORKER),
            "SVIX_WORKER_ENABLED": _said(self.role is not Role.API),
        }

    async def answers(self) -> bool:
        if self.role is Role.WORKER:
            return True  # it listens to nobody: what it delivers shows that it runs
        _, writer = await asyncio.open_connection(LOOPBACK, self.port)
        writer.close()
        await writer.wait_closed()
        return True

    async def token(self) -> str:
        """For its API, by its own command. Raises RuntimeError when it gives none."""
        said = self.data_dir / "token"
        with said.open("wb") as output:
            process = spawn([self._binary, "jwt", "generate"], env=self.environment(), output=output)
        done = await ended(process, _TOKEN_S)
        text = said.read_text()
        if not done or process.returncode != 0 or "(Bearer): " not in text:
            raise RuntimeError(f"no token from {self._binary.name}: {text}")
        return text.partition("(Bearer): ")[2].strip()


def find_server() -> Path | None:
    """The binary that the environment names; None where it is none."""
    path = Path(os.environ.get(SERVER, ""))
    return path.resolve() if path.is_file() and os.access(path, os.X_OK) else None


def _said(value: bool) -> str:
    return "true" if value else "false"
