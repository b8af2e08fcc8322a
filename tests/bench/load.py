"""A cheap HTTP load generator: keep-alive connections on asyncio streams, one JSON line of results.

Closed loop (`--connections`): each connection sends the next request when the last was answered. Open loop (`--rate`):
requests start at fixed times whatever happened to the ones before, so that a slow answer is not hidden by the pause it
causes; latency counts from the time a request should have started.
"""

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import uvloop


@dataclass
class Tally:
    latencies_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection with one request in flight."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed by the server"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or self._answer is None:
            return
        length = next(
            int(line.split(b":", 1)[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        )
        if len(body) >= length:
            self._buffer = b""
            self._answer.set_result(int(head[9:12]))

    async def ask(self, request: bytes) -> int:
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


def request_bytes(url: str, key: str, body: bytes) -> bytes:
    parts = urlsplit(url)
    return (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def closed_loop(host: str, port: int, request: bytes, connections: int, seconds: float) -> tuple[Tally, float]:
    tally, loop = Tally(), asyncio.get_running_loop()
    began = time.perf_counter()
    end = began + seconds

    async def one() -> None:
        _, connection = await loop.create_connection(Connection, host, port)
        while (start := time.perf_counter()) < end:
            status = await connection.ask(request)
            tally.latencies_ms.append((time.perf_counter() - start) * 1000)
            tally.statuses[status] = tally.statuses.get(status, 0) + 1

    await asyncio.gather(*(one() for _ in range(connections)))
    return tally, time.perf_counter() - began


async def open_loop(host: str, port: int, request: bytes, rate: float, seconds: float) -> tuple[Tally, float]:
    tally, loop = Tally(), asyncio.get_running_loop()
    idle: list[Connection] = []
    began = time.perf_counter()

    async def one(due: float) -> None:
        connection = idle.pop() if idle else (await loop.create_connection(Connection, host, port))[1]
        status = await connection.ask(request)
        idle.append(connection)
        tally.latencies_ms.append((time.perf_counter() - due) * 1000)
        tally.statuses[status] = tally.statuses.get(status, 0) + 1

    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(due))
    return tally, time.perf_counter() - began


def summary(tally: Tally, elapsed_s: float) -> dict[str, object]:
    ordered = sorted(tally.latencies_ms)

    def percentile(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3) if ordered else 0.0

    return {
        "requests": len(ordered),
        "per_s": round(len(ordered) / elapsed_s, 1),
        "p50_ms": percentile(0.50),
        "p95_ms": percentile(0.95),
        "p99_ms": percentile(0.99),
        "statuses": tally.statuses,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--body", required=True)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    parts = urlsplit(options.url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    request = request_bytes(options.url, options.key, options.body.encode())
    if options.rate:
        work = open_loop(host, port, request, options.rate, options.seconds)
    else:
        work = closed_loop(host, port, request, options.connections, options.seconds)
    tally, elapsed_s = uvloop.run(work)
    print(json.dumps(summary(tally, elapsed_s)))


if __name__ == "__main__":
    main()
