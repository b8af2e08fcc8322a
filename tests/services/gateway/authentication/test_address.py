"""Whose address a request has: what a client can invent is never believed."""

from ipaddress import ip_network

import pytest

from onerouter_gateway.authentication.address import client_address, networks_of, site_of
from onerouter_gateway.authentication.holder import Holder
from onerouter_gateway.settings import Settings

PROXIES = networks_of(["10.0.0.0/8", "2001:db8:ffff::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # nobody of ours says so
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),  # what stands left was sent by the client
        ("10.0.0.1", ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),  # also as a header of its own
        ("10.0.0.1", ["198.51.100.1, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),  # two proxies of ours
        ("10.0.0.1", ["10.9.9.9, 10.0.0.2"], "10.9.9.9"),  # from within
        ("10.0.0.1", ["203.0.113.7, 10.9.9.9, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.7, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7, 10.0.0.2, junk, 10.0.0.3"], "10.0.0.3"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", ["fe80::1%eth0"], "10.0.0.1"),
        ("2001:db8:ffff::1", ["203.0.113.7"], "203.0.113.7"),
        ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),  # a proxy on a dual-stack socket
        ("::ffff:203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", [", ".join(["198.51.100.1"] * 10_000) + ", 203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", [", ".join(["10.0.0.9"] * 10_000)], "10.0.0.9"),
        (None, ["203.0.113.7"], "unknown"),
        ("testclient", ["203.0.113.7"], "testclient"),
    ],
)
def test_the_right_most_hop_that_is_not_ours_is_the_client(
    peer: str | None, forwarded: list[str], expected: str
) -> None:
    assert client_address(peer, forwarded, PROXIES) == expected


def test_without_proxies_the_header_is_never_read() -> None:
    assert client_address("10.0.0.1", ["203.0.113.7"], ()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_client_is_counted_by_its_network(address: str, site: str) -> None:
    assert site_of(address) == site


class TestHolder:
    @pytest.mark.parametrize(
        ("allowed", "address", "may"),
        [
            ([], "203.0.113.7", True),
            ([], "unknown", True),
            (["203.0.113.0/24"], "203.0.113.7", True),
            (["203.0.113.0/24"], "203.0.114.7", False),
            (["2001:db8::/32", "203.0.113.7"], "2001:db8::1", True),
            (["203.0.113.0/24"], "2001:db8::1", False),
            (["0.0.0.0/0"], "unknown", False),
            (["not a network"], "203.0.113.7", False),
        ],
    )
    def test_may_be_used_from_where_its_list_says(self, allowed: list[str], address: str, may: bool) -> None:
        from tests.services.gateway.authentication.test_principals import PRINCIPAL

        holder = Holder.of(PRINCIPAL.model_copy(update={"ip_allow_list": tuple(allowed)}))
        assert holder.may_come_from(address) is may


def test_the_setting_is_a_list_of_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": "x:1",
        "REDIS_URL": "redis://x",
        "ONEROUTER_INTERNAL_TOKENS": "t" * 32,
        "ONEROUTER_API_KEY_PEPPER": "p" * 32,
        "ONEROUTER_GATEWAY_IDEMPOTENCY_SECRET": "s" * 32,
        "ONEROUTER_GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1",
    }.items():
        monkeypatch.setenv(name, value)
    assert networks_of(Settings().trusted_proxies) == (ip_network("10.0.0.0/8"), ip_network("192.0.2.1/32"))
    monkeypatch.setenv("ONEROUTER_GATEWAY_TRUSTED_PROXIES", "")
    assert Settings().trusted_proxies == ()
    monkeypatch.setenv("ONEROUTER_GATEWAY_TRUSTED_PROXIES", "everyone")
    with pytest.raises(ValueError, match="everyone"):
        Settings()
