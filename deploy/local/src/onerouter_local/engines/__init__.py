"""Real engines from wheels and jars, each a child process with a data directory of its own.

Every engine has the same life: `await start()`, `await stop()`, `await restart()`, `kill()` (SIGKILL), and a `pid`.
They end when the process that started them ends, however it ends.
"""

from onerouter_local.engines.broker import LocalBroker
from onerouter_local.engines.kafka import ApacheKafka
from onerouter_local.engines.postgres import Postgres
from onerouter_local.engines.process import Engine, EngineFailed
from onerouter_local.engines.valkey import Valkey

__all__ = ["ApacheKafka", "Engine", "EngineFailed", "LocalBroker", "Postgres", "Valkey"]
