"""Apache Kafka itself, from its Maven jars: one KRaft node, no Docker. The reference the tests must also pass on."""

import asyncio
import fcntl
import shutil
import subprocess
from pathlib import Path

from onerouter_local.engines.process import Engine, EngineFailed
from onerouter_local.engines.wire import speaks_kafka
from onerouter_local.ports import LOOPBACK, free_port
from onerouter_local.workspace import CACHE, ROOT

DEFAULT_JARS = CACHE / "kafka" / "libs"
_POM = ROOT / "deploy" / "kafka" / "pom.xml"
_LOG_CONFIG = ROOT / "deploy" / "kafka" / "log4j2.yaml"
_FETCHED = ".complete"


class ApacheKafka(Engine):
    """A combined broker and controller on the loopback interface. Needs Java 17 or newer."""

    name = "kafka"
    about = "Apache Kafka, one KRaft node"
    start_timeout_s = 60.0
    stop_timeout_s = 30.0

    def __init__(self, data_dir: Path, port: int, jars: Path = DEFAULT_JARS) -> None:
        super().__init__(data_dir, port)
        self._jars = jars
        self._controller_port = free_port()

    @property
    def bootstrap_servers(self) -> str:
        """What KAFKA_BOOTSTRAP_SERVERS wants."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def _properties(self) -> Path:
        return self.data_dir / "server.properties"

    async def prepare(self) -> None:
        if not (self._jars / _FETCHED).exists():
            await asyncio.to_thread(fetch_jars, self._jars)
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in self._settings().items()))
        if not (self.data_dir / "log" / "meta.properties").exists():
            await self._format()

    def _settings(self) -> dict[str, str]:
        listener, controller = f"PLAINTEXT://{LOOPBACK}:{self.port}", f"{LOOPBACK}:{self._controller_port}"
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": f"{listener},CONTROLLER://{controller}",
            "advertised.listeners": listener,
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.bootstrap.servers": controller,
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": str(self.data_dir / "log"),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",  # for tests that kill consumers and cannot wait the usual 6 s
            "auto.create.topics.enable": "false",
            # After a crash the controller waits for the old registration to lapse: 9 s by default.
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "500",
        }

    async def _format(self) -> None:
        cluster_id = (await self._tool("random-uuid")).splitlines()[-1].strip()
        await self._tool(
            *("format", "--standalone", "--ignore-formatted", "-t", cluster_id, "-c", str(self._properties))
        )

    async def _tool(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *self._java("-Xmx128m"),
            *("kafka.tools.StorageTool", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output = (await process.communicate())[0].decode(errors="replace")
        if process.returncode != 0:
            raise EngineFailed(f"kafka.tools.StorageTool {arguments[0]} failed.\n{output}")
        return output

    def command(self) -> list[str | Path]:
        return [
            *self._java("-Xms256m", "-Xmx512m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"),
            *("kafka.Kafka", str(self._properties)),
        ]

    def _java(self, *options: str) -> list[str]:
        return [
            *("java", *options, f"-Dkafka.logs.dir={self.data_dir}", f"-Dlog4j2.configurationFile={_LOG_CONFIG}"),
            *("-cp", f"{self._jars}/*"),
        ]

    async def answers(self) -> bool:
        return await speaks_kafka(self.port)


def fetch_jars(target: Path = DEFAULT_JARS) -> None:
    """Copy Kafka's jars into `target` with Maven, once; who comes meanwhile waits.

    Raises EngineFailed when Java or Maven is missing.
    """
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise EngineFailed(f"Apache Kafka needs `{program}`: install a Java 17 runtime and Maven.")
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / _FETCHED).exists():
            _copy_jars(target)


def _copy_jars(target: Path) -> None:
    command = ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies"]
    options = ["-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EngineFailed(f"Maven could not fetch Kafka's jars.\n{done.stdout}{done.stderr}")
    (target / _FETCHED).touch()
