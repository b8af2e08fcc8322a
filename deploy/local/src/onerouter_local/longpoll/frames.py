"""Kafka frames as far as the front must understand them.

Request header: api_key int16, api_version int16, correlation_id int32, client_id nullable string. Only the versions
before "flexible" encoding are read: the front caps what the broker offers accordingly (`cap_versions`).
Source: https://kafka.apache.org/protocol
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

PRODUCE, FETCH, METADATA, FIND_COORDINATOR, API_VERSIONS, END_TXN, DESCRIBE_CLUSTER = 0, 1, 3, 10, 18, 26, 60
JOIN_GROUP, LEAVE_GROUP, SYNC_GROUP = 11, 13, 14
ADVERTISING = frozenset({METADATA, FIND_COORDINATOR, DESCRIBE_CLUSTER})
"""Answers that name the broker's own host and port."""

_LAST_INFLEXIBLE = {PRODUCE: 8, FETCH: 11, JOIN_GROUP: 5, LEAVE_GROUP: 2, SYNC_GROUP: 3}
_FIRST_COMPACT_API_VERSIONS = 3
_REBALANCE_IN_PROGRESS = 27

Partition = tuple[str, int]


class Reader:
    """Reads big-endian fields one after the other."""

    def __init__(self, frame: bytes, at: int = 0) -> None:
        self._frame = frame
        self.at = at

    def int16(self) -> int:
        return self._unpack(">h", 2)

    def int32(self) -> int:
        return self._unpack(">i", 4)

    def string(self) -> str | None:
        size = self.int16()
        if size < 0:
            return None
        self.at += size
        return self._frame[self.at - size : self.at].decode()

    def skip(self, size: int) -> None:
        self.at += max(size, 0)

    def _unpack(self, form: str, size: int) -> int:
        value: int = struct.unpack_from(form, self._frame, self.at)[0]
        self.at += size
        return value


@dataclass(frozen=True, slots=True)
class Request:
    """One request frame without its length prefix."""

    frame: bytes
    api_key: int
    version: int

    @classmethod
    def parse(cls, frame: bytes) -> "Request":
        api_key, version = struct.unpack_from(">hh", frame)
        return cls(frame, api_key, version)

    def body(self) -> Reader:
        reader = Reader(self.frame, at=8)
        reader.string()  # client id
        return reader


@dataclass(frozen=True, slots=True)
class FetchTerms:
    """How long a Fetch may be held, and for which partitions (none: those of its fetch session)."""

    max_wait_s: float
    min_bytes: int
    partitions: frozenset[Partition]

    @classmethod
    def parse(cls, request: Request) -> "FetchTerms":
        body, version = request.body(), request.version
        body.skip(4)  # replica id
        max_wait_ms, min_bytes = body.int32(), body.int32()
        body.skip((4 if version >= 3 else 0) + (1 if version >= 4 else 0) + (8 if version >= 7 else 0))
        per_partition = 8 + 4 + (4 if version >= 9 else 0) + (8 if version >= 5 else 0)
        return cls(max_wait_ms / 1000, min_bytes, frozenset(_partitions(body, per_partition)))


@dataclass(frozen=True, slots=True)
class ProduceTerms:
    """Whether the broker answers at all, and which partitions get records."""

    answered: bool
    partitions: frozenset[Partition]

    @classmethod
    def parse(cls, request: Request) -> "ProduceTerms":
        body = request.body()
        if request.version >= 3:
            body.string()  # transactional id
        acks = body.int16()
        body.skip(4)  # timeout
        return cls(acks != 0, frozenset(_partitions(body, None)))


def _partitions(body: Reader, size: int | None) -> Iterator[Partition]:
    """Topics with partitions; what follows each partition number has `size` bytes, or is a byte string (None)."""
    for _ in range(body.int32()):
        topic = body.string() or ""
        for _ in range(body.int32()):
            yield topic, body.int32()
            body.skip(body.int32() if size is None else size)


def is_empty_fetch(response: bytes, version: int) -> bool:
    """Whether a Fetch answer carries neither records nor an error."""
    reader = Reader(response, at=4 + (4 if version >= 1 else 0))  # correlation id, throttle time
    if version >= 7:
        if reader.int16() != 0:
            return False
        reader.skip(4)  # session id
    for _ in range(reader.int32()):
        reader.string()
        for _ in range(reader.int32()):
            reader.skip(4)
            if reader.int16() != 0:
                return False
            reader.skip(8 + (8 if version >= 4 else 0) + (8 if version >= 5 else 0))
            if version >= 4:
                reader.skip(16 * max(reader.int32(), 0))  # aborted transactions
            reader.skip(4 if version >= 11 else 0)
            if reader.int32() > 0:
                return False
    return True


def with_assignment(response: bytes, version: int) -> bytes:
    """A SyncGroup answer that has an assignment or says why not.

    To a member that joined after the leader had read who is there noida-db gives no bytes at all, which no client can
    read; Kafka tells it to join again.
    """
    error_at = 4 + (4 if version >= 1 else 0)  # correlation id, throttle time
    error, size = struct.unpack_from(">hi", response, error_at)
    if error or size > 0:
        return response
    return response[:error_at] + struct.pack(">h", _REBALANCE_IN_PROGRESS) + response[error_at + 2 :]


def cap_versions(response: bytes, version: int) -> bytes:
    """An ApiVersions answer that offers what the front reads only up to the versions it can read."""
    compact = version >= _FIRST_COMPACT_API_VERSIONS
    frame = bytearray(response)
    at = 6  # correlation id, error code
    if compact:
        count, at, entry = frame[at] - 1, at + 1, 7  # a broker offers fewer than 127 kinds: the varint is one byte
    else:
        count, at, entry = struct.unpack_from(">i", frame, at)[0], at + 4, 6
    for start in range(at, at + count * entry, entry):
        api_key, _, newest = struct.unpack_from(">hhh", frame, start)
        if (cap := _LAST_INFLEXIBLE.get(api_key)) is not None and newest > cap:
            struct.pack_into(">h", frame, start + 4, cap)
    return bytes(frame)


def readdress(response: bytes, host: str, port: int, new_port: int) -> bytes:
    """The same answer with our port where it names the broker's.

    Every version encodes an address as host string followed by the port as int32, and the size stays the same.
    """
    name = host.encode()
    return response.replace(name + struct.pack(">i", port), name + struct.pack(">i", new_port))
