"""A callback as it is stored: what came as a whole, and a record for the worker of each thing it tells."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["read", "partial", "unhandled", "unparsed", "handshake"]
"""What became of the whole. `partial`: some of a batch was understood. `handshake`: a question before the provider calls."""


@dataclass(frozen=True, slots=True)
class Source:
    """Whose callback it is; taken from the registry, never from the body."""

    id: str
    """Ours for this callback as a whole."""
    tenant_id: str
    environment: str
    connection_id: str
    provider: str
    category: str
    received_at: datetime

    @property
    def owner(self) -> tuple[str, str]:
        return (self.tenant_id, self.environment)


@dataclass(frozen=True, slots=True)
class InboundRecord:
    """One thing that a callback tells, as the worker gets it."""

    id: str
    """Ours: the worker drops a second copy by it."""
    event_key: str
    """The provider's id of the event: told again, also in another callback of the connection, it adds nothing."""
    resource_key: str
    callback: bytes


@dataclass(frozen=True, slots=True)
class AskedFirst:
    """A provider's question before it calls back; `sealed` is the token to answer with."""

    subject: str
    sealed: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class InboundEvent:
    """One verified callback with all it tells. `sealed`: its headers and body (`sealing.py`)."""

    source: Source
    dedupe_key: str
    kind: str
    state: State
    sealed: bytes
    records: tuple[InboundRecord, ...] = ()
    asked_first: AskedFirst | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What was new of a callback."""

    is_new: bool
    record_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Unpublished:
    """A normalized callback that the log does not have yet."""

    id: str
    category: str
    provider: str
    resource_key: str
    callback: bytes
    received_at: datetime
