"""Connections that are kept for the next request, and what it means when one of them ends instead of answering.

Whoever answers may close a connection that lies idle, at the moment at which we send: the request then reaches nobody, which
shows as a connection that was used before and ends before a byte of an answer. HTTP lets that be sent again where a repeat
does no harm (RFC 9110 §9.2.2, RFC 9112 §9.3.1). aiohttp does so by itself for GET, PUT and their like, but for no POST, of
which it cannot know; so here it is only told apart. Go's `net/http` judges alike (`errServerClosedIdle`, `Idempotency-Key`).

Who read the request and died of it looks the same, but later: one that was shut before shows it within a round trip.
"""

import socket
import struct
from asyncio import BaseTransport
from functools import partial
from time import monotonic
from typing import Any, ClassVar, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

_UNKNOWN_S: Final = 0.075
"""Taken for a round trip where the system does not tell."""
_MIN_RTT_AT: Final = 148
"""Of `struct tcp_info` (linux/tcp.h): `tcpi_min_rtt`, microseconds."""


class StaleConnection(aiohttp.ServerDisconnectedError):
    """A connection that was kept ended before anything of an answer came. Those kept beside it are not used again.

    Whoever took long may have read the request: `after_s` is from when it was sent, `round_trip_s` what the way takes.
    """

    def __init__(self, after_s: float, round_trip_s: float) -> None:
        super().__init__()
        self.after_s = after_s
        self.round_trip_s = round_trip_s


class _Handler(ResponseHandler):
    """Knows how often it was used, since when, whether anything came since, and how far it leads."""

    uses = 0
    has_heard = False
    asked_at = 0.0
    ended_at: float | None = None
    round_trip_s: float | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        self.round_trip_s = _round_trip_s(transport)
        super().connection_made(transport)

    def connection_lost(self, error: BaseException | None) -> None:
        self.ended_at = monotonic()
        super().connection_lost(error)

    def set_response_params(self, **how: Any) -> None:
        self.uses += 1
        self.has_heard = False
        self.asked_at = monotonic()
        super().set_response_params(**how)

    def data_received(self, data: bytes) -> None:
        self.has_heard = True
        super().data_received(data)


class KeepingConnector(aiohttp.TCPConnector):
    """Its connections can be told apart as above, by `KeptAnswer`."""

    is_direct: ClassVar[bool] = True
    """Whether who answers is at the other end of the connection."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        handler: type[ResponseHandler] = _Handler
        self._factory = partial(handler, loop=self._loop)

    def forget_kept(self, connection: Connection) -> None:
        """What is kept to the same place was kept for as long: it is not worth a try."""
        for handler, _ in self._conns.pop(connection._key, ()):  # aiohttp has no other way to drop some
            handler.close()


class KeptAnswer(aiohttp.ClientResponse):
    """Raises StaleConnection in place of the errors that mean that."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        handler = connection.protocol
        try:
            return await super().start(connection)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if not isinstance(handler, _Handler) or handler.uses < 2 or handler.has_heard:
                raise
            round_trip_s = handler.round_trip_s
            if isinstance(connection._connector, KeepingConnector):
                connection._connector.forget_kept(connection)
                round_trip_s = round_trip_s if connection._connector.is_direct else None
            after_s = max(0.0, (handler.ended_at or monotonic()) - handler.asked_at)
            raise StaleConnection(after_s, _UNKNOWN_S if round_trip_s is None else round_trip_s) from error


def _round_trip_s(transport: BaseTransport) -> float | None:
    """To the other end of the connection, the shortest seen. None: the system does not tell; Linux does."""
    connected = transport.get_extra_info("socket")
    if connected is None or not hasattr(socket, "TCP_INFO"):
        return None
    try:
        told = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MIN_RTT_AT + 4)
    except (OSError, ValueError):  # it ended already
        return None
    shortest = struct.unpack_from("I", told, _MIN_RTT_AT)[0] if len(told) >= _MIN_RTT_AT + 4 else 0
    # All ones stand for none seen yet.
    return shortest / 1e6 if 0 < shortest < 0xFFFFFFFF else None
