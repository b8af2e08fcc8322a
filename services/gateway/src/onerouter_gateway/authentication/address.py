"""Where a request comes from: the socket's peer, or what a proxy of ours says of it."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from starlette.requests import Request

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

UNKNOWN: Final = "unknown"
_MOST_HOPS: Final = 32
_LONGEST: Final = 64
"""Characters; an IPv6 address has 45 at most."""
_SITE_BITS: Final = 64


def networks_of(values: Iterable[str]) -> tuple[Network, ...]:
    """CIDRs, or single addresses. Raises ValueError."""
    return tuple(ip_network(value.strip(), strict=False) for value in values)


def address_of(text: str) -> Address | None:
    """None for what is no address. An IPv4 address in IPv6's clothes is the IPv4 address; a zone is refused."""
    return None if len(text) > _LONGEST else _parsed(text)


@lru_cache(maxsize=8_192)
def _parsed(text: str) -> Address | None:
    """Remembered: the standard library takes 5 µs for it, and the same few proxies and clients come again and again."""
    if "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def client_address(peer: str | None, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """The address the request comes from.

    `forwarded_for` are the values of all `X-Forwarded-For` headers in their order: each proxy appends whom it heard from,
    so only what stands right of the first hop we do not trust was written by a proxy of ours; what a client invents stands
    further left and is never read. A hop that is no address ends the reading where it stands.
    """
    address = address_of(peer or "")
    if address is None:
        return peer or UNKNOWN
    if trusted and is_within(address, trusted):
        hops = [hop for value in forwarded_for for hop in value.split(",")][-_MOST_HOPS:]
        for hop in reversed(hops):
            found = address_of(_without_port(hop.strip()))
            if found is None:
                break
            address = found
            if not is_within(address, trusted):
                break
    return str(address)


def client_address_of(request: Request, trusted: Sequence[Network]) -> str:
    """The same of a request."""
    peer = None if request.client is None else request.client.host
    return client_address(peer, request.headers.getlist("x-forwarded-for") if trusted else (), trusted)


def site_of(address: str) -> str:
    """Whom to count by address: of IPv6 the /64, which one client has to itself."""
    parsed = address_of(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _SITE_BITS), strict=False))
    return address


def _without_port(hop: str) -> str:
    """`203.0.113.7:4711` and `[2001:db8::1]:4711`, as some proxies write them."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    host, colon, port = hop.partition(":")
    return host if colon and port.isascii() and port.isdigit() else hop
