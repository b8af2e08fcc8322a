"""What benches look at beside their own clock: processes' CPU time, PostgreSQL's statements, a service's stacks."""

import os
import shutil
from pathlib import Path
from typing import Any, Final

import psutil

from onerouter_local.engines import Postgres

_SAMPLER: Final = Path(__file__).parent / "sampler"


class Counting(Postgres):
    """With pg_stat_statements."""

    def command(self) -> list[str | Path]:
        return [*super().command(), "--shared_preload_libraries=pg_stat_statements"]


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, of its children, and of those of them that have ended."""
    process = psutil.Process(pid)
    times = process.cpu_times()
    if pid == os.getpid():  # whose children are all of these
        return float(times.user + times.system)
    total = float(times.user + times.system + times.children_user + times.children_system)
    for child in process.children(recursive=True):
        try:
            own = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += float(own.user + own.system)
    return total


def sampled(profile: Path) -> dict[str, str]:
    """Environment of a process whose stacks are to be sampled into that file."""
    return {"PYTHONPATH": str(_SAMPLER), "BENCH_SAMPLES": str(profile)}


async def keep_statements(admin: Any, profile: Path) -> None:
    """What took PostgreSQL's time since `pg_stat_statements` was made, beside the profile."""
    rows = await admin.fetch(
        "SELECT calls, rows, round(total_exec_time) AS ms, wal_bytes, left(regexp_replace(query, '\\s+', ' ', 'g'), 160) "
        "AS query FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 25"
    )
    lines = [
        f"{row['ms']:>8} ms {row['calls']:>8} calls {row['rows']:>9} rows {row['wal_bytes']:>12} B  {row['query']}"
        for row in rows
    ]
    profile.with_name(f"{profile.name}.sql.txt").write_text("\n".join(lines) + "\n")


def kafka_is_there() -> bool:
    """Whether Apache Kafka can be run: Java and Maven are installed."""
    return bool(shutil.which("java") and shutil.which("mvn"))
