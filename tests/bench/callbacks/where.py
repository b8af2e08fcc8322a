"""Where a callback's time goes in the service's process, from its sampled stacks: each sample is its innermost frame's that
somebody here knows."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

_KNOWN: Final[Sequence[tuple[str, Sequence[str]]]] = (
    ("signature verified", ("/webhook.py:verify", "callback/verification.py")),
    ("read: who, what, in our words", ("callback/reading.py", "/webhook.py:")),
    ("connection's secrets opened, body sealed", ("callback/sealing.py", "onerouter_common/secrets/")),
    ("statements: built, sent, answered", ("/asyncpg/", "asyncpg/", "callback/repository.py", "group_commit.py")),
    ("Kafka: published, and consumers that wait", ("callback/publisher.py", "onerouter_common/broker.py", "kafka")),
    ("HTTP: uvicorn", ("uvicorn/",)),
    ("FastAPI, Starlette, the route", ("fastapi/", "starlette/", "onerouter_common/web/", "callback/endpoints.py")),
    ("spans, counters, log lines", ("telemetry", "prometheus", "structlog", "onerouter_common/logging.py")),
    ("the use case itself, ids", ("onerouter_webhooks/callback/", "onerouter_common/")),
)
_REST: Final = "the loop and what else runs in it"
_START: Final = "importlib"


def divide(lines: Iterable[str]) -> list[tuple[str, float]]:
    """Shares of the samples (`a;b;c 12`), the largest first; the time to start is left out."""
    counts: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        if _START not in stack:
            counts[_whose(stack.split(";"))] += int(count)
    total = counts.total()
    return [(name, count / total) for name, count in counts.most_common()]


def _whose(stack: Sequence[str]) -> str:
    for frame in reversed(stack):
        for name, marks in _KNOWN:
            if any(mark in frame for mark in marks):
                return name
    return _REST
