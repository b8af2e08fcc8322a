"""What the outbox holds, as the producer takes it."""

from onerouter_common.broker import Headers
from onerouter_registry.outbox.repository import Pending


def to_record(pending: Pending) -> tuple[str, bytes, str, Headers]:
    """`(topic, value, key, headers)`."""
    headers = [(name, value.encode()) for name, value in pending.headers.items()]
    return pending.topic, pending.value, pending.key, headers
