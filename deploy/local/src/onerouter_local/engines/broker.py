"""The embedded Kafka-compatible broker: noida-db behind our long-polling front."""

import sys
from pathlib import Path

from onerouter_local.engines.process import Engine
from onerouter_local.engines.wire import speaks_kafka
from onerouter_local.ports import LOOPBACK


class LocalBroker(Engine):
    """A broker for development: it keeps its records in memory and writes them to one file.

    It is no reference for durability: `kill()` ends the front at once, and the broker behind it by SIGTERM.
    """

    name = "broker"
    about = "Kafka-compatible broker, for development"

    @property
    def bootstrap_servers(self) -> str:
        """What KAFKA_BOOTSTRAP_SERVERS wants."""
        return f"{LOOPBACK}:{self.port}"

    async def prepare(self) -> None:
        """Nothing: the broker makes its own files."""

    def command(self) -> list[str | Path]:
        return [
            *(sys.executable, "-m", "onerouter_local.longpoll"),
            *("--port", str(self.port), "--data-dir", self.data_dir / "records"),
        ]

    async def answers(self) -> bool:
        return await speaks_kafka(self.port)
