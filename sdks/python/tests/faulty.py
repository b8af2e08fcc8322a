"""A server on loopback that misbehaves as it was told, and counts what it did: one effect for each idempotency key."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

PAYMENT: Final = {"id": "pay_1", "object": "payment", "status": "succeeded", "amount_minor": 49900}
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Came:
    """One request, as it came."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")


Step = Callable[["Faulty", socket.socket, Came], bool]
"""Answers, or does not. False: the connection ends."""


@dataclass
class Faulty:
    url: str = ""
    steps: deque[Step] = field(default_factory=deque)
    came: list[Came] = field(default_factory=list)
    effects: dict[str, int] = field(default_factory=dict)
    """By key. A repeat under a known key has none."""
    waited_for: bool = False
    """Whether somebody was there for the end of headers that take seconds."""
    is_over: threading.Event = field(default_factory=threading.Event)

    def plan(self, *steps: Step) -> None:
        """What happens to the next requests, one each; after them all goes well."""
        self.steps.extend(steps)

    def act(self, came: Came) -> bool:
        """Carry it out. False: it was done before."""
        key = came.key or f"without a key {len(self.came)}"
        known = key in self.effects
        self.effects[key] = 1 if not known else self.effects[key]
        return not known


def answer(status: int, body: Any, *, headers: dict[str, str] | None = None) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
    return (
        f"HTTP/1.1 {status} Something\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    ).encode() + content


def fine(server: Faulty, connection: socket.socket, came: Came) -> bool:
    is_new = server.act(came)
    headers = {"X-Request-Id": f"req_{len(server.came)}", **({} if is_new else {"Idempotency-Replayed": "true"})}
    connection.sendall(answer(201, PAYMENT, headers=headers))
    return True


def says(status: int, body: Any, **headers: str) -> Step:
    """An answer of its own, without an effect."""

    def step(server: Faulty, connection: socket.socket, came: Came) -> bool:
        connection.sendall(answer(status, body, headers={name.replace("_", "-"): at for name, at in headers.items()}))
        return True

    return step


def reset_before_it_is_read(server: Faulty, connection: socket.socket, came: Came) -> bool:
    _reset(connection)
    return False


def closes_before_the_answer(server: Faulty, connection: socket.socket, came: Came) -> bool:
    server.act(came)
    return False


def resets_before_the_answer(server: Faulty, connection: socket.socket, came: Came) -> bool:
    server.act(came)
    _reset(connection)
    return False


def resets_after_the_headers(server: Faulty, connection: socket.socket, came: Came) -> bool:
    server.act(came)
    connection.sendall(answer(201, PAYMENT).partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    _reset(connection)
    return False


def closes_mid_answer(server: Faulty, connection: socket.socket, came: Came) -> bool:
    server.act(came)
    connection.sendall(answer(201, PAYMENT)[:-10])
    return False


def closes_mid_chunk(server: Faulty, connection: socket.socket, came: Came) -> bool:
    server.act(came)
    connection.sendall(
        b"HTTP/1.1 201 Something\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n"
        b'{"id": "pay_1",\r\n'
    )
    return False


def closes_without_a_length(server: Faulty, connection: socket.socket, came: Came) -> bool:
    """Nothing but the JSON itself tells that half of it is missing."""
    server.act(came)
    connection.sendall(b'HTTP/1.0 201 Something\r\nContent-Type: application/json\r\n\r\n{"id": "pay_1", "sta')
    return False


def breaks_its_compression(server: Faulty, connection: socket.socket, came: Came) -> bool:
    server.act(came)
    connection.sendall(answer(201, b"\x1f\x8bnot gzip at all", headers={"Content-Encoding": "gzip"}))
    return True


def never_answers(server: Faulty, connection: socket.socket, came: Came) -> bool:
    server.act(came)
    until_gone(server, connection)
    return False


def drips(server: Faulty, connection: socket.socket, came: Came) -> bool:
    """A byte now and then, so that no single read ever waits long."""
    server.act(came)
    connection.sendall(b"HTTP/1.1 201 Something\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    with suppress(OSError):
        while not server.is_over.wait(0.01):
            connection.sendall(b" ")
    return False


def drips_headers(server: Faulty, connection: socket.socket, came: Came) -> bool:
    """The same before the answer begins, which is a good one, after some seconds of it."""
    server.act(came)
    status, _, rest = answer(201, PAYMENT).partition(b"\r\n")
    with suppress(OSError):
        connection.sendall(status + b"\r\nX-Slow: ")
        for _ in range(500):
            if server.is_over.wait(0.01):
                return False
            connection.sendall(b"z")
        connection.sendall(b"\r\n" + rest)
        server.waited_for = True
    return False


def until_gone(server: Faulty, connection: socket.socket) -> None:
    connection.settimeout(0.05)
    while not server.is_over.is_set():
        try:
            if not connection.recv(1):
                return
        except TimeoutError:
            continue
        except OSError:
            return


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Faulty]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        scheme = "http" if tls is None else "https"
        server = Faulty(f"{scheme}://127.0.0.1:{listening.getsockname()[1]}")
        accepting = threading.Thread(target=_accept, args=(server, listening, tls), daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            server.is_over.set()
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(server: Faulty, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
    threads: list[threading.Thread] = []
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            break
        threads.append(threading.Thread(target=_serve, args=(server, connection, tls), daemon=True))
        threads[-1].start()
    for thread in threads:
        thread.join()


def _serve(server: Faulty, plain: socket.socket, tls: ssl.SSLContext | None) -> None:
    with plain, suppress(OSError), plain if tls is None else tls.wrap_socket(plain, server_side=True) as connection:
        goes_on = True
        while goes_on:
            came = _read(server, connection)
            if came is None:
                return
            server.came.append(came)
            step = server.steps.popleft() if server.steps else fine
            goes_on = step(server, connection, came)


def _read(server: Faulty, connection: socket.socket) -> Came | None:
    """One whole request. None: nobody asks any more."""
    connection.settimeout(0.05)
    content = b""
    while b"\r\n\r\n" not in content:
        piece = _piece(server, connection)
        if not piece:
            return None
        content += piece
    head, _, body = content.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        piece = _piece(server, connection)
        if not piece:
            return None
        body += piece
    connection.settimeout(None)
    return Came(line, headers, body)


def _piece(server: Faulty, connection: socket.socket) -> bytes:
    while not server.is_over.is_set():
        with suppress(TimeoutError):
            return connection.recv(65536)
    return b""
