"""Allow-lists: strict, written in one way, and comparable."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.errors import InvalidRequest
from onerouter_registry.access.authentication import is_allowed
from onerouter_registry.api_key.networks import MOST_NETWORKS, is_within, networks_of

# A small world, so that networks meet: the last bits of one IPv4 and one IPv6 network.
small_v4 = st.builds(
    lambda bits, length: str(ip_network((0x0A000000 | bits, length), strict=False)),
    st.integers(0, 15),
    st.integers(27, 32),
)
small_v6 = st.builds(
    lambda bits, length: str(IPv6Network(((0x20010DB8 << 96) | bits, length), strict=False)),
    st.integers(0, 15),
    st.integers(123, 128),
)
networks = small_v4 | small_v6
lists = st.lists(networks, max_size=6)
WORLD = [str(ip_address(0x0A000000 | bits)) for bits in range(32)]
WORLD += [str(ip_address((0x20010DB8 << 96) | bits)) for bits in range(32)]


class TestNetworksOf:
    @pytest.mark.parametrize(
        ("given_as", "stored"),
        [
            ("203.0.113.7", "203.0.113.7/32"),
            ("203.0.113.0/24", "203.0.113.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8:0:0::/32", "2001:db8::/32"),
            ("::1", "::1/128"),
            ("::/0", "::/0"),
            ("::ffff:203.0.113.7", "203.0.113.7/32"),
            ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ],
    )
    def test_writes_each_in_one_way(self, given_as: str, stored: str) -> None:
        assert networks_of([given_as, stored]) == (stored,)

    @pytest.mark.parametrize(
        "value",
        [
            "",
            " ",
            "x",
            "203.0.113",
            "203.0.113.7/33",
            "203.0.113.0/255.255.255.0",
            "203.0.113.0/0.0.0.255",
            "/24",
            "fe80::1%eth0",
            "fe80::%1/64",
            "203.0.113.7\n",
            "\x00",
            "٢٠٣.0.113.7",
            "2001:db8::/129",
            "localhost",
            "1" * 60,
        ],
    )
    def test_refuses_what_is_no_network(self, value: str) -> None:
        with pytest.raises(InvalidRequest, match="ip_allow_list"):
            networks_of([value])

    @pytest.mark.parametrize(
        ("value", "wider"), [("203.0.113.7/24", "203.0.113.0/24"), ("2001:db8::1/32", "2001:db8::/32")]
    )
    def test_refuses_bits_beyond_the_prefix_and_says_what_was_meant(self, value: str, wider: str) -> None:
        with pytest.raises(InvalidRequest, match=wider):
            networks_of([value])

    def test_is_bounded(self) -> None:
        assert len(networks_of([f"10.0.{n}.0/24" for n in range(MOST_NETWORKS)])) == MOST_NETWORKS
        with pytest.raises(InvalidRequest, match="at most"):
            networks_of([f"10.0.{n}.0/24" for n in range(MOST_NETWORKS + 1)])

    @given(st.text(max_size=60) | st.from_regex(r"[0-9a-f:./]{1,30}", fullmatch=True))
    def test_any_text_is_a_network_or_refused(self, text: str) -> None:
        try:
            (stored,) = networks_of([text])
        except InvalidRequest:
            return
        assert networks_of([stored]) == (stored,)

    @given(
        st.builds(lambda n, p: IPv4Network((n, p), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32)),
    )
    def test_a_mapped_network_admits_who_the_plain_one_does(self, network: IPv4Network) -> None:
        mapped = f"::ffff:{network.network_address}/{96 + network.prefixlen}"
        assert networks_of([mapped]) == networks_of([str(network)]) == (str(network),)


class TestIsWithin:
    @given(lists, lists)
    def test_says_whether_nobody_else_is_admitted(self, inner: list[str], outer: list[str]) -> None:
        admitted = [{ip for ip in WORLD if is_allowed(ip, tuple(one))} for one in (inner, outer)]
        # An empty list admits those beyond this small world, too.
        expected = admitted[0] <= admitted[1] and (bool(inner) or not outer)
        assert is_within(inner, outer) == expected

    def test_two_halves_are_a_whole(self) -> None:
        assert is_within(["10.0.0.0/8"], ["10.128.0.0/9", "10.0.0.0/9"])

    def test_the_whole_of_ipv6_has_no_ipv4_in_it(self) -> None:
        assert not is_within(["203.0.113.7/32"], ["::/0"])
        assert not is_allowed("203.0.113.7", ("::/0",))
