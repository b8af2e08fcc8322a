"""Every topic, declared once: created by `onerouter topics`, never by the broker on its own."""

from dataclasses import dataclass
from typing import Final

REPLIES: Final = "replies.v1"
OPERATIONS: Final = "operations.v1"
REGISTRY_CHANGES: Final = "registry.changes.v1"

CATEGORIES: Final = ("payments", "sms", "email", "storage")
"""Categories with a worker. A new one is added here with its service."""

REGISTRY: Final = "registry"
WEBHOOKS: Final = "webhooks"
EVENT_SOURCES: Final = (*CATEGORIES, REGISTRY, WEBHOOKS)
"""Who has events for tenants, each on a topic of its own: the workers, the registry on connections, and webhooks on
endpoints that fail."""

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS


def commands(category: str) -> str:
    return f"commands.{category}.v1"


def dead_commands(category: str) -> str:
    return f"commands.{category}.dead.v1"


def dead_of(topic: str) -> str:
    """Where what cannot be read of `commands(…)`, `callbacks(…)` or `events(…)` is put."""
    return f"{topic.removesuffix('.v1')}.dead.v1"


def callbacks(category: str) -> str:
    return f"callbacks.{category}.v1"


def dead_callbacks(category: str) -> str:
    return f"callbacks.{category}.dead.v1"


def events(source: str) -> str:
    return f"events.{source}.v1"


def dead_events(source: str) -> str:
    return f"events.{source}.dead.v1"


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    partitions: int
    retention_ms: int
    compacted: bool = False

    @property
    def configuration(self) -> dict[str, str]:
        if self.compacted:  # only closed segments are: heartbeats would pile up for a week
            return {"cleanup.policy": "compact", "segment.ms": str(_HOUR_MS)}
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}


def _of_category(category: str) -> tuple[Topic, ...]:
    return (
        Topic(commands(category), 12, 7 * _DAY_MS),
        Topic(dead_commands(category), 1, 30 * _DAY_MS),
        Topic(callbacks(category), 12, 7 * _DAY_MS),
        Topic(dead_callbacks(category), 1, 30 * _DAY_MS),
        *_of_events(category, 12),
    )


def _of_events(source: str, partitions: int) -> tuple[Topic, ...]:
    return (Topic(events(source), partitions, 7 * _DAY_MS), Topic(dead_events(source), 1, 30 * _DAY_MS))


TOPICS: Final[tuple[Topic, ...]] = (
    *(topic for category in CATEGORIES for topic in _of_category(category)),
    *_of_events(REGISTRY, 3),
    *_of_events(WEBHOOKS, 3),
    # A gateway reads one partition; more gateways than partitions share, which costs reading, never a reply.
    Topic(REPLIES, 32, 10 * 60_000),
    Topic(OPERATIONS, 6, 7 * _DAY_MS),
    Topic(REGISTRY_CHANGES, 1, 7 * _DAY_MS, compacted=True),
)
