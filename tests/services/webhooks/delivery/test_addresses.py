"""Which addresses a tenant's endpoint may have."""

from ipaddress import ip_network

import pytest

from onerouter_common.errors import InvalidRequest
from onerouter_webhooks.delivery.addresses import AddressPolicy
from onerouter_webhooks.endpoint.url import check_url

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


class TestCheckUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "https://example.com/hook",
            "https://example.com:443/hook?x=1",
            "https://bücher.example/haken",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
        ],
    )
    def test_public_https_is_taken(self, url: str) -> None:
        assert check_url(url, PRODUCTION).startswith("https://")

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://user:pass@example.com/",
            "https://user@example.com/",
            "https://example.com:22/",
            "https://example.com:8443/",
            "https://example.com/#part",
            "https://",
            "https:///path",
            "//example.com",
            "example.com",
            "https://localhost/",
            "https://localhost./",
            "https://metadata/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fe80::1%25eth0]/",
            "https://169.254.169.254/latest/meta-data",
            "https://example.com/ a",
            "https://example.com/\r\nHost: evil",
            "https://exam\x00ple.com/",
            "https://example.com/" + "x" * 2048,
            "https://example.com:99999/",
        ],
    )
    def test_everything_else_is_refused_by_name(self, url: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            check_url(url, PRODUCTION)
        assert caught.value.errors[0].field == "url"

    def test_development_may_use_loopback_and_http(self) -> None:
        local = AddressPolicy(allowed=[ip_network("127.0.0.0/8")])
        assert check_url("http://127.0.0.1:5555/hook", local) == "http://127.0.0.1:5555/hook"
        assert check_url("http://localhost:5555/hook", local)
        with pytest.raises(InvalidRequest):
            check_url("http://10.0.0.1/", local)
