"""A service that crashes comes back; nothing outlives its supervisor."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from onerouter_local.environment import Addresses, service_environment
from onerouter_local.ports import LOOPBACK, free_port
from onerouter_local.secret_store import LocalSecrets
from onerouter_local.services import ServiceProcess, ServiceSpec, State
from onerouter_local.testing import scratch_directory

_WAIT_S = 100


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A directory that PostgreSQL's account can reach, unlike pytest's own."""
    with scratch_directory() as directory:
        yield directory


@dataclass
class Heard:
    """A watcher that remembers."""

    lines: list[str] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)
    readiness: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def line(self, service: str, line: str) -> None:
        self.lines.append(line)

    def ready(self, service: str, url: str, seconds: float) -> None:
        self.readiness.put_nowait(service)

    def ended(self, service: str, how: str, again_in_s: float) -> None:
        self.endings.append(how)


def _sandbox(directory: Path, **extra: str) -> tuple[ServiceProcess, Heard]:
    port = free_port()
    addresses = Addresses.choose(usual=False, fixed={"sandbox": port})
    environment = service_environment("sandbox", port, addresses, LocalSecrets(), data_dir=directory, extra=extra)
    heard = Heard()
    return ServiceProcess(ServiceSpec("sandbox", "sandbox", port, environment), directory / "sandbox.log", heard), heard


async def test_a_killed_service_is_started_again(tmp_path: Path) -> None:
    process, heard = _sandbox(tmp_path)
    process.start()
    try:
        await asyncio.wait_for(heard.readiness.get(), _WAIT_S)
        first = process.pid
        process.kill()
        await asyncio.wait_for(heard.readiness.get(), _WAIT_S)
        assert heard.endings == ["was killed by SIGKILL"]
        assert process.pid not in {None, first}
        assert process.state is State.READY
        assert process.restarts == 1
    finally:
        await process.stop()
    assert process.pid is None
    assert process.state is State.STOPPED


async def test_settings_that_do_not_work_are_said_in_the_log(tmp_path: Path) -> None:
    process, heard = _sandbox(tmp_path, ONEROUTER_SANDBOX_CALLBACK_TIMEOUT_S="-1")
    process.start()
    try:
        deadline = time.monotonic() + _WAIT_S
        while not heard.endings:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
    finally:
        await process.stop()
    assert heard.endings[0] == "ended with exit code 2"
    assert "ONEROUTER_SANDBOX_CALLBACK_TIMEOUT_S" in (tmp_path / "sandbox.log").read_text()


async def test_a_stopped_service_stays_stopped(tmp_path: Path) -> None:
    process, heard = _sandbox(tmp_path)
    process.start()
    await asyncio.wait_for(heard.readiness.get(), _WAIT_S)
    await process.stop()
    assert heard.endings == []
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(process.spec.url)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans for us on Linux only")
def test_nothing_outlives_a_supervisor_that_is_killed(scratch: Path) -> None:
    """A process that holds PostgreSQL, Valkey, the broker and a service gets SIGKILL: all of them must go."""
    script = textwrap.dedent(f"""
        import asyncio, sys
        from pathlib import Path
        from onerouter_local.engines import LocalBroker, Postgres, Valkey
        from onerouter_local.environment import Addresses, service_environment
        from onerouter_local.reporter import Silent
        from onerouter_local.secret_store import LocalSecrets
        from onerouter_local.services import ServiceProcess, ServiceSpec

        async def main():
            directory, secrets = Path({str(scratch)!r}), LocalSecrets()
            addresses = Addresses.choose(usual=False, fixed={{}})
            ports = addresses.ports
            engines = [
                Postgres(directory / "pg", ports["postgres"], "password", durable=False),
                Valkey(directory / "valkey", ports["valkey"], "password"),
                LocalBroker(directory / "broker", ports["broker"]),
            ]
            for engine in engines:
                await engine.start()
            environment = service_environment(
                "sandbox", ports["sandbox"], addresses, secrets, data_dir=directory, extra={{}}
            )
            spec = ServiceSpec("sandbox", "sandbox", ports["sandbox"], environment)
            service = ServiceProcess(spec, directory / "sandbox.log", Silent())
            service.start()
            await service.serving.wait()
            print("up", flush=True)
            await asyncio.Event().wait()

        asyncio.run(main())
    """)
    supervisor = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    output = supervisor.stdout
    assert output is not None
    try:
        assert output.readline() == b"up\n"
        children = psutil.Process(supervisor.pid).children(recursive=True)
        assert len(children) >= 5
    finally:
        os.kill(supervisor.pid, signal.SIGKILL)
        supervisor.wait()
        output.close()
    _, alive = psutil.wait_procs(children, timeout=15)
    assert [process.cmdline() for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_usual_ports_are_left_alone_when_taken() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port


def test_secrets_of_a_stack_from_before_still_open_what_it_sealed(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text('{"credential_keys": "local1:old", "callback_keys": "local1:other"}')
    loaded = LocalSecrets.load(path)
    assert (loaded.credential_keys_test, loaded.callback_keys_test) == ("local1:old", "local1:other")
    assert loaded.credential_keys_live not in ("local1:old", "local1:other")
    assert LocalSecrets.load(path) == loaded


def test_secrets_are_kept_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = LocalSecrets.load(path)
    assert LocalSecrets.load(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert LocalSecrets.load(tmp_path / "other.json").internal_token != first.internal_token
