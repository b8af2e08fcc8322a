"""TCP ports on the loopback interface."""

import itertools
import os
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

LOOPBACK = "127.0.0.1"
_OUTGOING: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST: Final = 10_000
_LAST: Final = 49_151
_APART: Final = 101
"""More than a process chooses while another that was started beside it starts its servers."""
_TRIES: Final = 5_000


def free_port(preferred: int | None = None) -> int:
    """A port nobody listens on now: `preferred` if it is free, else another."""
    if preferred is not None and is_free(preferred):
        return preferred
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Several different free ports, of those that no outgoing connection is given: between the choice and the start of its
    server one of hundreds could take it. Raises OSError when there are none."""
    walk = _walk_of(os.getpid())
    chosen: list[int] = []
    for _ in range(_TRIES):
        if len(chosen) == count:
            return chosen
        port = next(walk)
        if is_free(port):
            chosen.append(port)
    raise OSError(f"of {_TRIES} TCP ports not {count} are free")


@cache
def _walk_of(pid: int) -> Iterator[int]:
    """Round and round; processes that choose at the same time are elsewhere."""
    end = _first_outgoing()
    span = range(_FIRST, end) if end - _FIRST >= _TRIES else range(_FIRST, _LAST + 1)
    place = pid * _APART % len(span)
    return itertools.cycle([*span[place:], *span[:place]])


def _first_outgoing() -> int:
    """Where the system's range for outgoing connections begins. IANA's where it does not say: macOS keeps to that."""
    try:
        return int(_OUTGOING.read_text().split()[0])
    except OSError:
        return _LAST + 1


def is_free(port: int) -> bool:
    """Whether a server could listen here: also false while a wildcard listener holds the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return not accepts(port)


def accepts(port: int, timeout_s: float = 0.2) -> bool:
    """Whether something answers a connection on this port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_s):
            return True
    except OSError:
        return False
