"""Where a key may be used from: a list of networks in CIDR notation, and when one list lies within another."""

import re
from collections.abc import Collection, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Final

from onerouter_common.errors import InvalidRequest

MOST_NETWORKS: Final = 50
_CIDR: Final = re.compile(r"[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?")
"""No netmask, no zone (`fe80::1%eth0`): the same network on every machine."""
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
"""IPv4 addresses written as IPv6. Callers are known by the IPv4 address, so such a network is stored as one, too."""

Network = IPv4Network | IPv6Network


def networks_of(values: Collection[str]) -> tuple[str, ...]:
    """In the one way to write each, without repeats, in the order given; an address alone is a network of one.

    Raises InvalidRequest that names the first that is none, or that has bits set beyond its prefix.
    """
    if len(values) > MOST_NETWORKS:
        raise InvalidRequest.of("ip_allow_list", f"must have at most {MOST_NETWORKS} networks")
    return tuple(dict.fromkeys(str(_network_of(value)) for value in values))


def is_within(inner: Sequence[str], outer: Sequence[str]) -> bool:
    """Whether every address that `inner` admits is admitted by `outer`; an empty list admits every address."""
    if not outer:
        return True
    # Neighbours are merged, so that a network that lies in several of `outer` together lies in one.
    fours = list(collapse_addresses(network for network in _parsed(outer) if isinstance(network, IPv4Network)))
    sixes = list(collapse_addresses(network for network in _parsed(outer) if isinstance(network, IPv6Network)))
    return bool(inner) and all(
        any(one.subnet_of(network) for network in fours)
        if isinstance(one, IPv4Network)
        else any(one.subnet_of(network) for network in sixes)
        for one in _parsed(inner)
    )


def _parsed(networks: Iterable[str]) -> list[Network]:
    return [ip_network(network) for network in networks]


def _network_of(value: str) -> Network:
    try:
        network = ip_network(value) if _CIDR.fullmatch(value) else None
    except ValueError:
        raise InvalidRequest.of("ip_allow_list", _what_is_wrong(value)) from None
    if network is None:
        raise InvalidRequest.of("ip_allow_list", _what_is_wrong(value))
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        address = int(network.network_address) & 0xFFFF_FFFF
        return IPv4Network((address, network.prefixlen - _MAPPED.prefixlen))
    return network


def _what_is_wrong(value: str) -> str:
    shown = value[:50]
    try:
        wider = ip_network(value, strict=False) if _CIDR.fullmatch(value) else None
    except ValueError:
        wider = None
    if wider is None:
        return f"'{shown}' is not a network such as 203.0.113.0/24 or 2001:db8::/32"
    return f"'{shown}' has bits set beyond its prefix; {wider} is the network it lies in"
