"""Which URLs a tenant may give us."""

from ipaddress import ip_network

import pytest

from onerouter_common.egress import AddressPolicy, check_url
from onerouter_common.errors import InvalidRequest

PRODUCTION = AddressPolicy()


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

    def test_the_field_is_the_callers(self) -> None:
        with pytest.raises(InvalidRequest) as caught:
            check_url("http://127.0.0.1/", PRODUCTION, field="proxy_url")
        assert caught.value.errors[0].field == "proxy_url"

    def test_development_may_use_loopback_and_http(self) -> None:
        local = AddressPolicy(allowed=[ip_network("127.0.0.0/8")])
        assert check_url("http://127.0.0.1:5555/hook", local) == "http://127.0.0.1:5555/hook"
        assert check_url("http://localhost:5555/hook", local)
        with pytest.raises(InvalidRequest):
            check_url("http://10.0.0.1/", local)
