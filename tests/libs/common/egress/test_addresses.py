"""Which addresses a tenant may have us call."""

from ipaddress import ip_address, ip_network

import pytest

from onerouter_common.egress import AddressPolicy

PRODUCTION = AddressPolicy()

BLOCKED = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.8.8.8",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "2620:4f:8000::1",
    "4000::1",
    "::ffff:0:127.0.0.1",
    "::ffff:168.63.129.16",
    "64:ff9b::169.254.169.254",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "not an address",
    "",
]

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001:82b::200e", "::ffff:8.8.8.8"]


RANGES = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
]
SIX = [
    "::/3",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "4000::/2",
    "8000::/1",
]


@pytest.mark.parametrize("network", [*RANGES, *SIX])
def test_of_each_range_the_first_and_the_last_address_and_what_hides_them(network: str) -> None:
    whole = ip_network(network)
    for address in (whole[0], whole[-1]):
        assert not PRODUCTION.permits(str(address), 443)
        if address.version == 4:
            for hidden in (f"::ffff:{address}", f"::{address}", f"64:ff9b::{address}", f"::ffff:0:{address}"):
                assert not PRODUCTION.permits(hidden, 443)
            assert not PRODUCTION.permits(str(ip_address((0x2002 << 112) | int(address) << 80)), 443)


@pytest.mark.parametrize(
    "address",
    [
        *("9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "168.63.129.15"),
        *("169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "198.17.255.255", "223.255.255.255"),
    ],
)
def test_their_neighbours_are_public(address: str) -> None:
    assert PRODUCTION.permits(address, 443)
    assert PRODUCTION.permits(f"::ffff:{address}", 443)


@pytest.mark.parametrize("address", BLOCKED)
def test_what_is_not_public_is_never_called(address: str) -> None:
    assert not PRODUCTION.permits(address, 443)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_called_on_the_permitted_port_only(address: str) -> None:
    assert PRODUCTION.permits(address, 443)
    assert not PRODUCTION.permits(address, 22)
    assert AddressPolicy(ports=(443, 8443)).permits(address, 8443)


def test_a_networks_own_ranges_can_be_blocked_and_development_ranges_allowed() -> None:
    assert not AddressPolicy(blocked=[ip_network("8.8.0.0/16")]).permits("8.8.8.8", 443)
    local = AddressPolicy(allowed=[ip_network("127.0.0.0/8")])
    assert local.permits("127.0.0.1", 5555)
    assert local.permits("::ffff:127.0.0.1", 5555)
    assert not local.permits("10.0.0.1", 443)
    both = AddressPolicy(allowed=[ip_network("127.0.0.0/8")], blocked=[ip_network("127.0.0.9/32")])
    assert not both.permits("127.0.0.9", 443)
