"""One connection of a client is one connection to the broker; requests are answered in the order they came."""

import asyncio
import struct
import time
from collections import defaultdict
from collections.abc import Coroutine, Iterable
from typing import Any

from onerouter_local.longpoll import frames
from onerouter_local.longpoll.frames import FetchTerms, Partition, ProduceTerms, Request
from onerouter_local.longpoll.membership import FOLLOWED, LONG, Memberships
from onerouter_local.ports import LOOPBACK

_LARGEST_FRAME = 128 * 1024 * 1024
_GONE_POLL_S = 0.1


class Arrivals:
    """Wakes the fetches that wait for a partition."""

    def __init__(self) -> None:
        self._by_partition: defaultdict[Partition, set[asyncio.Event]] = defaultdict(set)
        self._anything: set[asyncio.Event] = set()

    def watch(self, partitions: Iterable[Partition]) -> asyncio.Event:
        """An event set by the next record in one of these partitions, or in any when none is named."""
        event = asyncio.Event()
        for waiting in self._places(partitions):
            waiting.add(event)
        return event

    def forget(self, partitions: Iterable[Partition], event: asyncio.Event) -> None:
        """Stop waiting."""
        for waiting in self._places(partitions):
            waiting.discard(event)

    def announce(self, partitions: Iterable[Partition]) -> None:
        """Records have arrived."""
        for partition in partitions:
            for event in self._by_partition[partition]:
                event.set()
        for event in self._anything:
            event.set()

    def announce_all(self) -> None:
        """Records may have become visible anywhere (a transaction has ended)."""
        self.announce(list(self._by_partition))

    def _places(self, partitions: Iterable[Partition]) -> list[set[asyncio.Event]]:
        return [self._by_partition[partition] for partition in partitions] or [self._anything]


class Front:
    """Listens on `port` and serves the broker that listens on `broker_port`."""

    def __init__(self, port: int, broker_port: int) -> None:
        self.port = port
        self._broker_port = broker_port
        self._arrivals = Arrivals()
        self._connections: set[asyncio.Task[None]] = set()
        self.fetches_passed = 0

    async def serve(self) -> asyncio.Server:
        """Start listening."""
        return await asyncio.start_server(self._accept, LOOPBACK, self.port, limit=1024 * 1024)

    async def close(self) -> None:
        """End every connection."""
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connection(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            broker = Broker(*await asyncio.open_connection(LOOPBACK, self._broker_port, limit=1024 * 1024))
            memberships = Memberships()
            try:
                while True:
                    request = Request.parse(await read_frame(reader))
                    for farewell in memberships.replaced(request):
                        await broker.ask(farewell)
                    answer = self._answer(request, broker)
                    response = await (_unless_gone(reader, answer) if request.api_key in LONG else answer)
                    if response is not None:
                        if request.api_key in FOLLOWED:
                            memberships.note(request, response)
                        write_frame(writer, response)
                        await writer.drain()
            except (asyncio.IncompleteReadError, OSError):
                await self._sign_off(memberships)
            finally:
                broker.close()
        except (asyncio.IncompleteReadError, OSError):
            pass  # one side has hung up: so do we
        finally:
            writer.close()

    async def _sign_off(self, memberships: Memberships) -> None:
        """On a connection of its own: the other may still wait for an answer."""
        farewells = memberships.farewells()
        if not farewells:
            return
        broker = Broker(*await asyncio.open_connection(LOOPBACK, self._broker_port))
        try:
            for farewell in farewells:
                await broker.ask(farewell)
        finally:
            broker.close()

    async def _answer(self, request: Request, broker: "Broker") -> bytes | None:
        match request.api_key:
            case frames.FETCH:
                return await self._fetch(request, broker)
            case frames.PRODUCE:
                return await self._produce(request, broker)
            case frames.API_VERSIONS:
                return frames.cap_versions(await broker.ask(request), request.version)
            case frames.END_TXN:
                response = await broker.ask(request)
                self._arrivals.announce_all()
                return response
            case api_key if api_key in frames.ADVERTISING:
                return frames.readdress(await broker.ask(request), LOOPBACK, self._broker_port, self.port)
        response = await broker.ask(request)
        return frames.with_assignment(response, request.version) if request.api_key == frames.SYNC_GROUP else response

    async def _fetch(self, request: Request, broker: "Broker") -> bytes:
        terms = FetchTerms.parse(request)
        deadline = time.monotonic() + terms.max_wait_s
        while True:
            # Watch before asking, so that a record that arrives in between is not slept through.
            arrival = self._arrivals.watch(terms.partitions)
            try:
                self.fetches_passed += 1
                response = await broker.ask(request)
                left_s = deadline - time.monotonic()
                if left_s <= 0 or terms.min_bytes <= 0 or not frames.is_empty_fetch(response, request.version):
                    return response
                try:
                    await asyncio.wait_for(arrival.wait(), left_s)
                except TimeoutError:
                    return response
            finally:
                self._arrivals.forget(terms.partitions, arrival)

    async def _produce(self, request: Request, broker: "Broker") -> bytes | None:
        terms = ProduceTerms.parse(request)
        response = None
        if terms.answered:
            response = await broker.ask(request)
        else:
            broker.tell(request)
        self._arrivals.announce(terms.partitions)
        return response


async def _unless_gone(reader: asyncio.StreamReader, answer: Coroutine[Any, Any, bytes | None]) -> bytes | None:
    """The answer, unless the client hangs up while it waits. Raises ConnectionResetError then."""
    asking = asyncio.ensure_future(answer)
    try:
        while not (await asyncio.wait({asking}, timeout=_GONE_POLL_S))[0]:
            if reader.at_eof():
                raise ConnectionResetError("the client is gone")
        return asking.result()
    finally:
        asking.cancel()


class Broker:
    """Our connection to the broker: one question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: Request) -> bytes:
        """The broker's answer to a request, as it came."""
        write_frame(self._writer, request.frame)
        await self._writer.drain()
        return await read_frame(self._reader)

    def tell(self, request: Request) -> None:
        """Send what gets no answer."""
        write_frame(self._writer, request.frame)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next frame without its length. Raises IncompleteReadError at the end, OSError when the length is absurd."""
    size: int = struct.unpack(">i", await reader.readexactly(4))[0]
    if not 0 < size <= _LARGEST_FRAME:
        raise OSError(f"A frame of {size} bytes is no Kafka frame.")
    return await reader.readexactly(size)


def write_frame(writer: asyncio.StreamWriter, frame: bytes) -> None:
    """Queue one frame with its length."""
    writer.write(struct.pack(">i", len(frame)) + frame)
