"""Which network addresses a tenant may have us call: public ones only.

Python's `is_global` is not enough: it calls multicast, 6to4, NAT64, IPv4-compatible and cloud-internal addresses global
(seen on 3.11). So it is required, and the ranges below are refused besides.
Sources: IANA's IPv4 and IPv6 special-purpose registries; the clouds' documentation of their metadata services.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network

_NEVER: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; holds Alibaba's metadata service 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host
        "169.254.0.0/16",  # link-local; most clouds' metadata services
        "172.16.0.0/12",
        "192.31.196.0/24",  # AS112: answers for private names
        "192.52.193.0/24",  # multicast tunnels
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "::/96",  # unspecified, loopback, IPv4-compatible
        "64:ff9b::/96",  # NAT64: leads to any IPv4 address
        "64:ff9b:1::/48",
        "100::/64",  # discard
        "2001::/23",  # Teredo, ORCHID and other protocol assignments
        "2001:db8::/32",
        "2002::/16",  # 6to4: leads to any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fc00::/7",  # unique local; holds AWS's fd00:ec2::254
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


_UNICAST: Final = ip_network("2000::/3")
"""All of IPv6 that is given out; whatever lies outside is not public, or not yet."""


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """`allowed` networks are reachable although private, on any port (development); `blocked` never are."""

    allowed: Sequence[Network] = ()
    blocked: Sequence[Network] = ()
    ports: Sequence[int] = (443,)

    def permits(self, address: str, port: int) -> bool:
        """Whether a socket may be opened to this numeric address and port."""
        parsed = parse(address)
        if parsed is None or _within(parsed, self.blocked):
            return False
        if _within(parsed, self.allowed):
            return True
        return port in self.ports and is_public(parsed)

    def permits_address(self, address: str) -> bool:
        """The same, whatever the port."""
        return any(self.permits(address, port) for port in self.ports)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address belongs to the public internet and leads nowhere else."""
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved and not _within(address, _NEVER)


def parse(address: str) -> IPv4Address | IPv6Address | None:
    """The address, an IPv4-mapped one unwrapped; None for what is not numeric or names an interface (`fe80::1%eth0`)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:
            return None
        return parsed.ipv4_mapped or parsed
    return parsed


def _within(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
