"""Members of consumer groups, as far as the front must know them: who died without a word is signed off.

noida-db never gives up on a leader that stops in silence: the group then waits for ever. Kafka would end its session. A
member's connection to its coordinator ends with its process, so the front takes that end as a leave; and a client that
joins again on the same connection as somebody new is not its former self any more.
"""

import struct

from onerouter_local.longpoll.frames import JOIN_GROUP, LEAVE_GROUP, SYNC_GROUP, Reader, Request

_JOINED = frozenset({0, 79})
"""No error, and MEMBER_ID_REQUIRED: an id was given out, and is waited for."""
_CORRELATION_ID = 0x4C454156


class Memberships:
    """Of one client connection: group → member id."""

    def __init__(self) -> None:
        self._members: dict[str, str] = {}

    def replaced(self, request: Request) -> list[Request]:
        """A LeaveGroup for whom this JoinGroup's sender was before, if it was somebody else."""
        if request.api_key != JOIN_GROUP:
            return []
        body = request.body()
        group = body.string() or ""
        body.skip(4 + (4 if request.version >= 1 else 0))  # session and rebalance timeout
        former = self._members.get(group)
        return [_leave(group, former)] if former is not None and former != body.string() else []

    def note(self, request: Request, response: bytes) -> None:
        """Learn from an answered JoinGroup or LeaveGroup."""
        body = request.body()
        group = body.string() or ""
        if request.api_key == LEAVE_GROUP:
            self._members.pop(group, None)
            return
        member = _member_of(response, request.version)
        if member:
            self._members[group] = member

    def farewells(self) -> list[Request]:
        """One LeaveGroup for each membership that is left."""
        return [_leave(group, member) for group, member in self._members.items()]


def _member_of(response: bytes, version: int) -> str | None:
    """The member's own id in a JoinGroup answer of version 0 to 5; None when it was refused."""
    reader = Reader(response, at=4 + (4 if version >= 2 else 0))  # correlation id, throttle time
    if reader.int16() not in _JOINED:
        return None
    reader.skip(4)  # generation
    reader.string()  # protocol
    reader.string()  # leader
    return reader.string()


def _leave(group: str, member: str) -> Request:
    """LeaveGroup, version 0, without a client id."""
    header = struct.pack(">hhih", LEAVE_GROUP, 0, _CORRELATION_ID, -1)
    return Request(header + _string(group) + _string(member), LEAVE_GROUP, 0)


def _string(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(">h", len(encoded)) + encoded


FOLLOWED = frozenset({JOIN_GROUP, LEAVE_GROUP})
LONG = frozenset({JOIN_GROUP, SYNC_GROUP})
"""Answered only when the other members have done their part: a client may die while it waits."""
