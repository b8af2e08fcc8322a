"""Certificates of callbacks: only from where they may be, only those that are trusted, and not asked for twice."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509

from onerouter_common.errors import Overloaded
from onerouter_providers import certificates as module
from onerouter_providers.certificates import MAX_CHAIN_BYTES, Certificates, Override, check_address, verify_chain
from onerouter_providers.manifest import CertificateFacts
from onerouter_providers.webhook import SignatureInvalid
from onerouter_sandbox.paypal.signing import LEAF_NAME, Chain, make_chain

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
FACTS = CertificateFacts(hosts=("api.paypal.com", "api.sandbox.paypal.com"), name_suffix=".paypal.com")
URL = "https://api.paypal.com/v1/notifications/certs/CERT-1"
CHAIN = make_chain(NOW)
Answer = Callable[[httpx.Request], httpx.Response]


def roots(chain: Chain = CHAIN) -> list[x509.Certificate]:
    return [x509.load_pem_x509_certificate(chain.root.encode())]


@pytest.fixture(autouse=True)
def _trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "public_roots", roots)


class Server:
    """Counts what it was asked."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.asked: list[str] = []
        self._answer = answer or (lambda _: httpx.Response(200, text=CHAIN.served))
        self.transport = httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        return self._answer(request)


class TestAddress:
    @pytest.mark.parametrize(
        "url",
        [URL, "https://api.sandbox.paypal.com/v1/certs/x", "https://api.paypal.com:443/c", "https://API.PAYPAL.COM/c"],
    )
    def test_where_the_provider_is(self, url: str) -> None:
        check_address(url, FACTS)

    @pytest.mark.parametrize(
        "url",
        [
            "http://api.paypal.com/c",
            "ftp://api.paypal.com/c",
            "//api.paypal.com/c",
            "/etc/passwd",
            "file:///etc/passwd",
            "https://api.paypal.com.attacker.example/c",
            "https://attacker.example/api.paypal.com",
            "https://api.paypal.com@attacker.example/c",
            "https://user:pass@api.paypal.com/c",
            "https://api.paypal.com:8443/c",
            "https://api.paypal.com:0/c",
            "https://api.paypal.com:99999/c",
            "https://paypal.com/c",
            "https://evil.paypal.com/c",
            "https://api.paypal.com\\@attacker.example/c",
            "https://api.paypal.com%2eattacker.example/c",
            "https://api.paypal.com./c",
            "https://xapi.paypal.com/c",
            "https://api.paypal.com/../c",
            "https://api.paypal.com/%2e%2e/c",
            "https://api.paypal.com/redirect?to=http://169.254.169.254/",
            "https://api.paypal.com/c#x",
            "https://api.paypal.com/c c",
            "https://api.paypal.com/c\n",
            "https://аpi.paypal.com/c",  # a Cyrillic letter
            "https://[::1]/c",
            "https://[api.paypal.com/c",
            "https://169.254.169.254/latest/meta-data",
            "https://api.paypal.com/" + "x" * 600,
            "",
        ],
    )
    async def test_nothing_else_is_ever_asked(self, url: str) -> None:
        server = Server()
        with pytest.raises(SignatureInvalid):
            await Certificates(server.transport).get("paypal", FACTS, url, NOW)
        assert server.asked == []

    def test_an_operators_address_takes_the_place_of_the_providers(self, tmp_path: Path) -> None:
        override = Override("http://127.0.0.1:8090/paypal", tmp_path / "roots.pem")
        check_address("http://127.0.0.1:8090/paypal/v1/certs/x", FACTS, override)
        for url in (
            URL,
            "http://127.0.0.1:8090/paypalx/c",
            "http://127.0.0.1:8091/paypal/c",
            "http://127.0.0.1:8090/paypal/../control/faults",
            "http://127.0.0.1:8090/paypal",
        ):
            with pytest.raises(SignatureInvalid):
                check_address(url, FACTS, override)


class TestChain:
    def test_a_good_one(self) -> None:
        leaf, until = verify_chain(CHAIN.served.encode(), FACTS, roots(), NOW)
        assert leaf.subject.rfc4514_string() == f"CN={LEAF_NAME}"
        assert until == leaf.not_valid_after_utc

    @pytest.mark.parametrize(
        ("chain", "at"),
        [
            (make_chain(NOW), NOW),  # of other roots
            (CHAIN, NOW + timedelta(days=366)),  # expired
            (CHAIN, NOW - timedelta(days=1)),  # not valid yet
        ],
    )
    def test_one_that_is_not_trusted(self, chain: Chain, at: datetime) -> None:
        with pytest.raises(SignatureInvalid, match="not trusted"):
            verify_chain(chain.served.encode(), FACTS, roots(), at)

    @pytest.mark.parametrize("name", ["signer.example.net", "api.paypal.com.example.net", "xpaypal.com"])
    def test_somebody_elses(self, name: str) -> None:
        chain = make_chain(NOW, name=name)
        with pytest.raises(SignatureInvalid, match="somebody else's"):
            verify_chain(chain.served.encode(), FACTS, roots(chain), NOW)

    def test_a_wildcard_names_nobody(self) -> None:
        chain = make_chain(NOW, name="*.paypal.com")
        with pytest.raises(SignatureInvalid, match="somebody else's"):
            verify_chain(chain.served.encode(), FACTS, roots(chain), NOW)

    @pytest.mark.parametrize(
        "pem", [b"", b"not a certificate", b"\xff" * 100, CHAIN.root.encode(), CHAIN.served.encode() * 5]
    )
    def test_what_is_no_chain_of_the_provider(self, pem: bytes) -> None:
        with pytest.raises(SignatureInvalid):
            verify_chain(pem, FACTS, roots(), NOW)

    def test_without_its_intermediate(self) -> None:
        leaf = x509.load_pem_x509_certificates(CHAIN.served.encode())[0]
        from cryptography.hazmat.primitives.serialization import Encoding

        with pytest.raises(SignatureInvalid):
            verify_chain(leaf.public_bytes(Encoding.PEM), FACTS, roots(), NOW)

    def test_the_browsers_roots_are_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        assert len(module.public_roots()) > 50


class TestByAddress:
    """Of a provider that has a host in every region and publishes certificates without their chain."""

    facts = CertificateFacts(
        host_pattern=r"sns\.[a-z]{2}(-[a-z]{2,12}){1,2}-[0-9]{1,2}\.amazonaws\.com(\.cn)?", trusted_by="address"
    )

    @pytest.mark.parametrize("host", ["sns.us-east-1.amazonaws.com", "sns.us-gov-west-1.amazonaws.com"])
    def test_its_own_hosts(self, host: str) -> None:
        check_address(f"https://{host}/SimpleNotificationService-1.pem", self.facts)

    @pytest.mark.parametrize(
        "url",
        [
            "http://sns.us-east-1.amazonaws.com/x.pem",
            "https://sns.us-east-1.amazonaws.com.evil.com/x.pem",
            "https://evil.com/sns.us-east-1.amazonaws.com/x.pem",
            "https://xsns.us-east-1.amazonaws.com/x.pem",
            "https://sns.us-east-1xamazonaws.com/x.pem",
            # Anybody's bucket called `sns`, by the two kinds of addresses that S3 has.
            "https://sns.s3.amazonaws.com/x.pem",
            "https://sns.s3-us-west-2.amazonaws.com/x.pem",
            "https://sns.us-east-1.amazonaws.com:8443/x.pem",
            "https://u@sns.us-east-1.amazonaws.com/x.pem",
            "https://sns.us-east-1.amazonaws.com\n/x.pem",
        ],
    )
    def test_nobody_elses(self, url: str) -> None:
        with pytest.raises(SignatureInvalid):
            check_address(url, self.facts)

    async def test_the_certificate_stands_alone(self) -> None:
        url = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"
        certificate = await Certificates(Server().transport).get("ses", self.facts, url, NOW)
        assert certificate.subject.rfc4514_string() == f"CN={LEAF_NAME}"
        with pytest.raises(SignatureInvalid, match="not valid now"):
            await Certificates(Server().transport).get("ses", self.facts, url, NOW + timedelta(days=366))
        server = Server(lambda _: httpx.Response(302, headers={"Location": "https://evil.com/x.pem"}))
        with pytest.raises(SignatureInvalid):
            await Certificates(server.transport).get("ses", self.facts, url, NOW)
        assert server.asked == [url]

    async def test_an_operators_simulator_needs_no_root(self, tmp_path: Path) -> None:
        override = Override("http://127.0.0.1:8090/ses/certs", tmp_path / "nowhere.pem")
        certificates = Certificates(Server().transport, overrides={"ses": override})
        await certificates.get("ses", self.facts, "http://127.0.0.1:8090/ses/certs/x.pem", NOW)

    @pytest.mark.parametrize(
        "facts",
        [
            {"trusted_by": "address"},
            {"hosts": ("a.example.com",)},
            {"hosts": ("a.example.com",), "trusted_by": "address", "name_suffix": ".example.com"},
            {"host_pattern": "(", "trusted_by": "address"},
        ],
    )
    def test_facts_that_do_not_go_together(self, facts: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"certificates need|goes with|regular expression"):
            CertificateFacts(**facts)


class TestMemory:
    async def test_many_at_once_ask_once(self) -> None:
        server = Server()
        certificates = Certificates(server.transport)
        await asyncio.gather(*(certificates.get("paypal", FACTS, URL, NOW) for _ in range(50)))
        await certificates.get("paypal", FACTS, URL, NOW)
        assert server.asked == [URL]

    async def test_it_is_looked_at_again_after_a_day(self) -> None:
        server, clock = Server(), [0.0]
        certificates = Certificates(server.transport, monotonic=lambda: clock[0])
        await certificates.get("paypal", FACTS, URL, NOW)
        clock[0] = 86_399
        await certificates.get("paypal", FACTS, URL, NOW)
        assert len(server.asked) == 1
        clock[0] = 86_401
        await certificates.get("paypal", FACTS, URL, NOW)
        assert len(server.asked) == 2

    async def test_it_is_not_believed_beyond_its_end(self) -> None:
        chain = make_chain(NOW, lasts=timedelta(minutes=5))
        server, clock = Server(lambda _: httpx.Response(200, text=chain.served)), [0.0]
        certificates = Certificates(server.transport, monotonic=lambda: clock[0])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "public_roots", lambda: roots(chain))
            await certificates.get("paypal", FACTS, URL, NOW)
            with pytest.raises(SignatureInvalid, match="not valid now"):
                await certificates.get("paypal", FACTS, URL, NOW + timedelta(minutes=6))
            clock[0] = 301
            await certificates.get("paypal", FACTS, URL, NOW)
        assert len(server.asked) == 2

    async def test_what_was_refused_is_refused_for_a_moment_without_asking(self) -> None:
        server, clock = Server(lambda _: httpx.Response(404)), [0.0]
        certificates = Certificates(server.transport, monotonic=lambda: clock[0])
        for _ in range(5):
            with pytest.raises(SignatureInvalid):
                await certificates.get("paypal", FACTS, URL, NOW)
        assert len(server.asked) == 1
        clock[0] = 61
        with pytest.raises(SignatureInvalid):
            await certificates.get("paypal", FACTS, URL, NOW)
        assert len(server.asked) == 2

    async def test_it_holds_only_so_many(self) -> None:
        server = Server()
        certificates = Certificates(server.transport, size=3)
        for number in range(10):
            await certificates.get("paypal", FACTS, f"{URL}{number}", NOW)
        assert len(certificates._known) == 3
        await certificates.get("paypal", FACTS, f"{URL}9", NOW)
        assert len(server.asked) == 10


class TestTrouble:
    @pytest.mark.parametrize("status", [500, 503, 429])
    async def test_a_bad_day_of_the_provider_is_no_verdict(self, status: int) -> None:
        server = Server(lambda _: httpx.Response(status))
        certificates = Certificates(server.transport)
        for _ in range(2):
            with pytest.raises(Overloaded):
                await certificates.get("paypal", FACTS, URL, NOW)
        assert len(server.asked) == 2

    async def test_no_connection(self) -> None:
        def refuse(_: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("no")

        with pytest.raises(Overloaded):
            await Certificates(Server(refuse).transport).get("paypal", FACTS, URL, NOW)

    async def test_it_waits_only_so_long(self) -> None:
        async def hang(_: httpx.Request) -> httpx.Response:
            await asyncio.sleep(60)
            raise AssertionError

        certificates = Certificates(httpx.MockTransport(hang), timeout_s=0.05)
        async with asyncio.timeout(60):
            with pytest.raises(Overloaded):
                await certificates.get("paypal", FACTS, URL, NOW)

    async def test_no_redirect_is_followed(self) -> None:
        server = Server(lambda _: httpx.Response(302, headers={"Location": "https://attacker.example/c"}))
        with pytest.raises(SignatureInvalid):
            await Certificates(server.transport).get("paypal", FACTS, URL, NOW)
        assert server.asked == [URL]

    async def test_no_more_is_read_than_a_chain_has(self) -> None:
        sent = 0

        class Endless(httpx.AsyncByteStream):
            async def __aiter__(self) -> Any:
                nonlocal sent
                while True:
                    sent += 4_096
                    yield b"x" * 4_096

        server = Server(lambda _: httpx.Response(200, stream=Endless()))
        async with asyncio.timeout(60):
            with pytest.raises(SignatureInvalid):
                await Certificates(server.transport).get("paypal", FACTS, URL, NOW)
        assert sent <= MAX_CHAIN_BYTES + 2 * 4_096

    async def test_an_operators_roots_vouch_for_this_provider_only(self, tmp_path: Path) -> None:
        mine = make_chain(NOW)
        file = tmp_path / "roots.pem"
        override = Override("http://127.0.0.1:8090/paypal", file)
        server = Server(lambda _: httpx.Response(200, text=mine.served))
        certificates = Certificates(server.transport, overrides={"paypal": override})
        url = "http://127.0.0.1:8090/paypal/v1/certs/x"
        with pytest.raises(Overloaded):  # the simulator has not written it yet: send again
            await certificates.get("paypal", FACTS, url, NOW)
        file.write_text(mine.root)
        await certificates.get("paypal", FACTS, url, NOW)
        with pytest.raises(SignatureInvalid):
            await certificates.get("other", FACTS, URL, NOW)
