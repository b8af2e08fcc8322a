"""What goes wrong on a real connection: one effect, and the right result or the right error, in both clients."""

from __future__ import annotations

import asyncio
import inspect
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from sdks.python.tests import faulty
from sdks.python.tests.faulty import Faulty, Step, says

from onerouter import (
    APIConnectionError,
    APITimeoutError,
    ConflictError,
    DeclinedError,
    OneRouter,
    OneRouterSync,
    ProviderError,
    ProviderUnavailableError,
    RateLimitError,
)
from onerouter.testing import API_KEY, problem

LONG = 30.0
"""Seconds that no test needs."""


@pytest.fixture
def server() -> Iterator[Faulty]:
    with faulty.serving() as server:
        yield server


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's, that clients made in this test believe."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    kept = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (tmp_path / "both.pem").write_bytes(kept + certificate.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    return context


class Client:
    """Either client, whose waits between attempts take no time."""

    def __init__(self, client: OneRouter | OneRouterSync) -> None:
        self.itself: Any = client
        self.waits: list[float] = []
        vars(client)["_sleep"] = self._wait if isinstance(client, OneRouterSync) else self._wait_async

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def _wait_async(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def pay(self, **options: Any) -> Any:
        payment = self.itself.payments.create(amount="499.00", currency="INR", **options)
        return await payment if inspect.isawaitable(payment) else payment

    async def get(self, **options: Any) -> Any:
        payment = self.itself.payments.get("pay_1", **options)
        return await payment if inspect.isawaitable(payment) else payment


@pytest.fixture(params=[OneRouter, OneRouterSync], ids=["async", "sync"])
async def client(request: pytest.FixtureRequest, server: Faulty) -> AsyncIterator[Client]:
    made = request.param(API_KEY, server.url, timeout=LONG)
    yield Client(made)
    closed = made.close()
    if closed is not None:
        await closed


@pytest.fixture
async def over_once_asked(server: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    """`LONG` is over as soon as the server has a request, and not before, however long that takes.

    By the clocks that deadlines are kept by: a thread's, and the event loop's.
    """

    def tell(clock: Callable[[], float]) -> Callable[[], float]:
        return lambda: clock() + (LONG if server.came else 0.0)

    for module in ("_deadline", "_sync._transport"):
        monkeypatch.setattr(f"onerouter.{module}.monotonic", tell(monotonic))
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "time", tell(loop.time))


def answers(status: int, code: str = "SOMETHING", **more: Any) -> Step:
    reply = problem(status, code, **more)
    return says(status, reply.json, **{name.replace("-", "_"): value for name, value in reply.headers.items()})


BUSY = answers(503, "SERVICE_UNAVAILABLE")


class TestOneEffect:
    @pytest.mark.parametrize(
        "fault",
        [
            faulty.reset_before_it_is_read,
            faulty.closes_before_the_answer,
            faulty.resets_before_the_answer,
            faulty.resets_after_the_headers,
            faulty.closes_mid_answer,
            faulty.closes_mid_chunk,
            faulty.closes_without_a_length,
            faulty.breaks_its_compression,
        ],
        ids=lambda fault: fault.__name__,
    )
    async def test_a_broken_answer_is_asked_for_again_under_the_same_key(
        self, server: Faulty, client: Client, fault: Step
    ) -> None:
        server.plan(fault)
        payment = await client.pay()
        assert payment.status == "succeeded"
        assert payment.response.attempts == 2
        assert server.effects == {payment.idempotency_key: 1}
        assert len({came.key for came in server.came}) == 1
        assert len({came.body for came in server.came}) == 1

    async def test_two_slow_answers_and_then_a_quick_one(self, server: Faulty, client: Client) -> None:
        server.plan(faulty.never_answers, faulty.never_answers)
        payment = await client.pay(timeout=0.5, max_retries=10)
        assert payment.id == "pay_1"
        assert payment.response.attempts >= 3
        assert payment.response.replayed
        assert server.effects == {payment.idempotency_key: 1}

    async def test_503_twice_and_then_fine(self, server: Faulty, client: Client) -> None:
        server.plan(BUSY, BUSY)
        payment = await client.pay(idempotency_key="order-1042")
        assert payment.id == "pay_1"
        assert [came.key for came in server.came] == ["order-1042"] * 3
        assert server.effects == {"order-1042": 1}
        assert 0.25 <= client.waits[0] <= 0.5 <= client.waits[1] <= 1.0

    async def test_429_waits_as_long_as_it_is_told(self, server: Faulty, client: Client) -> None:
        server.plan(answers(429, "RATE_LIMIT_EXCEEDED", retry_after=7))
        payment = await client.pay()
        assert client.waits == [7.0]
        assert server.effects == {payment.idempotency_key: 1}

    async def test_in_flight_is_waited_for(self, server: Faulty, client: Client) -> None:
        server.plan(faulty.closes_before_the_answer, answers(409, "OPERATION_IN_FLIGHT", retryable=False))
        payment = await client.pay()
        assert payment.response.attempts == 3
        assert server.effects == {payment.idempotency_key: 1}


class TestTheRightError:
    async def test_a_long_retry_after_is_the_callers_to_wait_for(self, server: Faulty, client: Client) -> None:
        server.plan(answers(429, "QUOTA_EXCEEDED", retry_after=61))
        with pytest.raises(RateLimitError) as raised:
            await client.pay(idempotency_key="order-1")
        assert (raised.value.retry_after, raised.value.attempts, raised.value.effect) == (61, 1, "none")
        assert raised.value.idempotency_key == "order-1"
        assert client.waits == [] and server.effects == {}

    async def test_it_ends_after_three_retries(self, server: Faulty, client: Client) -> None:
        server.plan(*[BUSY] * 9)
        with pytest.raises(ProviderUnavailableError) as raised:
            await client.pay()
        assert (raised.value.attempts, raised.value.effect, len(server.came)) == (4, "none", 4)
        assert raised.value.idempotency_key == server.came[0].key

    @pytest.mark.parametrize(
        ("step", "error"),
        [
            (answers(402, "PAYMENT_FAILED", effect="none", provider="razorpay", provider_code="BAD"), DeclinedError),
            (answers(409, "CONFLICT"), ConflictError),
            (answers(502, "PROVIDER_ERROR", retryable=False), ProviderError),
            (answers(503, "SOMETHING", retryable=True, effect="committed"), ProviderUnavailableError),
        ],
        ids=["declined", "another state", "the server says not to", "it has had its effect"],
    )
    async def test_what_must_not_be_repeated_is_not(
        self, server: Faulty, client: Client, step: Step, error: type[Exception]
    ) -> None:
        server.plan(step)
        with pytest.raises(error):
            await client.pay()
        assert len(server.came) == 1

    async def test_nothing_came_back(self, server: Faulty, client: Client) -> None:
        server.plan(*[faulty.closes_before_the_answer] * 9)
        with pytest.raises(APIConnectionError) as raised:
            await client.pay(max_retries=1)
        failure = raised.value
        assert failure.sent and failure.effect == "unknown" and failure.attempts == 2
        assert server.effects == {failure.idempotency_key: 1}

    async def test_a_refusal_after_a_lost_answer_does_not_say_that_nothing_happened(
        self, server: Faulty, client: Client
    ) -> None:
        server.plan(faulty.closes_before_the_answer, answers(429, "RATE_LIMIT_EXCEEDED", effect="none", retry_after=99))
        with pytest.raises(RateLimitError) as raised:
            await client.pay()
        assert raised.value.effect == "unknown"

    async def test_nobody_is_there(self, client: Client) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        other = Client(type(client.itself)(API_KEY, address))
        with pytest.raises(APIConnectionError) as raised:
            await other.pay()
        assert (raised.value.sent, raised.value.effect, len(other.waits)) == (False, "none", 3)

    async def test_a_page_in_place_of_an_answer(self, server: Faulty, client: Client) -> None:
        server.plan(*[says(200, b"<html>Sign in to this network</html>", Content_Type="text/html")] * 9)
        with pytest.raises(APIConnectionError, match="not JSON"):
            await client.get(max_retries=1)
        assert len(server.came) == 2

    @pytest.mark.parametrize("answer", ["[1]", '"done"'])
    async def test_an_answer_of_another_shape(self, server: Faulty, client: Client, answer: str) -> None:
        server.plan(says(201, answer.encode()))
        with pytest.raises(APIConnectionError, match="no JSON object") as raised:
            await client.pay(idempotency_key="order-1")
        failure = raised.value
        assert (failure.idempotency_key, failure.effect, failure.attempts) == ("order-1", "unknown", 1)
        server.plan(says(200, answer.encode()))
        with pytest.raises(APIConnectionError) as raised:
            await client.get()
        assert (raised.value.idempotency_key, raised.value.effect) == (None, "none")

    async def test_a_proxys_error_does_not_say_that_nothing_happened(self, server: Faulty, client: Client) -> None:
        server.plan(*[says(502, b"<h1>Bad gateway</h1>", Content_Type="text/html")] * 9)
        with pytest.raises(ProviderError, match="Bad gateway") as raised:
            await client.pay(max_retries=0)
        assert (raised.value.code, raised.value.effect) == (None, "unknown")

    @pytest.mark.usefixtures("over_once_asked")
    async def test_an_answer_that_never_ends_is_cut_off(self, server: Faulty, client: Client) -> None:
        server.plan(faulty.drips)
        with pytest.raises(APITimeoutError) as raised:
            await client.pay(timeout=LONG, max_retries=0)
        assert raised.value.sent


class TestDeadline:
    async def test_it_covers_all_attempts(self, server: Faulty, client: Client) -> None:
        server.plan(*[faulty.never_answers] * 99)
        with pytest.raises(APITimeoutError) as raised:
            await client.pay(deadline=0.5, max_retries=99)
        assert raised.value.attempts == 1

    async def test_a_wait_that_does_not_fit_is_not_begun(self, server: Faulty, client: Client) -> None:
        server.plan(answers(429, "RATE_LIMIT_EXCEEDED", retry_after=50))
        with pytest.raises(RateLimitError):
            await client.pay(deadline=LONG)
        assert client.waits == []

    @pytest.mark.usefixtures("over_once_asked")
    async def test_it_holds_for_headers_that_come_byte_by_byte(self, server: Faulty, client: Client) -> None:
        server.plan(faulty.drips_headers)
        with pytest.raises(APITimeoutError) as raised:
            await client.pay(deadline=LONG, max_retries=0)
        assert raised.value.sent
        assert not server.waited_for

    async def test_it_is_one_requests_own(self, server: Faulty, client: Client) -> None:
        """The next one on the same thread, and the same connection, has its time before it."""
        server.plan(faulty.fine, faulty.drips_headers)
        await client.pay()
        with pytest.raises(APITimeoutError):
            await client.pay(deadline=0.3, max_retries=0)
        assert (await client.pay()).status == "succeeded"

    def test_it_holds_over_tls(self, trusted: ssl.SSLContext) -> None:
        with faulty.serving(trusted) as server, OneRouterSync(API_KEY, server.url, timeout=LONG) as client:
            assert client.payments.create(amount="499.00", currency="INR").status == "succeeded"
            server.plan(faulty.drips_headers)
            with pytest.raises(APITimeoutError):
                client.payments.create(amount="499.00", currency="INR", deadline=0.3, max_retries=0)
            assert not server.waited_for


class TestCancelling:
    async def test_it_ends_an_attempt_and_no_other_begins(self, server: Faulty) -> None:
        server.plan(faulty.never_answers)
        async with OneRouter(API_KEY, server.url, timeout=LONG) as client:
            task = asyncio.create_task(client.payments.create(amount=1, currency="INR"))
            while not server.came:
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await client.payments.get("pay_1")).id == "pay_1"
        assert [came.line.split()[0] for came in server.came] == ["POST", "GET"]

    async def test_it_ends_the_wait_between_attempts(self, server: Faulty) -> None:
        server.plan(answers(429, "RATE_LIMIT_EXCEEDED", retry_after=50))
        async with OneRouter(API_KEY, server.url) as client:
            waits, wait = asyncio.Event(), client._sleep

            async def told(seconds: float) -> None:
                waits.set()
                await wait(seconds)

            client._sleep = told  # type: ignore[method-assign]
            task = asyncio.create_task(client.payments.create(amount=1, currency="INR"))
            await waits.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert len(server.came) == 1


async def test_one_client_serves_many_threads(server: Faulty) -> None:
    server.plan(*[faulty.closes_mid_answer, BUSY] * 8)
    client = Client(OneRouterSync(API_KEY, server.url))
    found: list[Any] = []

    def pay() -> None:
        found.append(client.itself.payments.create(amount=1, currency="INR", max_retries=20))

    threads = [threading.Thread(target=pay) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.itself.close()
    assert {payment.id for payment in found} == {"pay_1"}
    assert len(server.effects) == len({payment.idempotency_key for payment in found}) == 16
