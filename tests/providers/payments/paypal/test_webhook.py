"""PayPal's callbacks: the published vector and every tampered variant of it, and what the samples say in our words."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from onerouter_common.ids import REFUND, new_id
from onerouter_providers.certificates import Certificates
from onerouter_providers.loader import Providers
from onerouter_providers.manifest import CertificateFacts
from onerouter_providers.payments.paypal import events, webhook
from onerouter_providers.webhook import CallbackUnreadable, SignatureInvalid


@pytest.fixture(scope="module")
def vectors(specs: Path) -> dict[str, Any]:
    found = json.loads((specs / "webhook-samples" / "signature-vectors.json").read_text("utf-8"))["paypal"]
    return dict(found)


@pytest.fixture(scope="module")
def samples(specs: Path) -> dict[str, Any]:
    return dict(json.loads((specs / "webhook-samples" / "paypal.json").read_text("utf-8"))["events"])


@pytest.fixture(scope="module")
def facts() -> CertificateFacts:
    package = Providers.load().find("payments", "paypal")
    assert package is not None
    assert package.manifest.certificates is not None
    return package.manifest.certificates


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch, vectors: dict[str, Any]) -> None:
    """The vector's root among the browsers' roots."""
    from cryptography import x509

    root = x509.load_pem_x509_certificate(vectors["root_ca_pem"].encode())
    monkeypatch.setattr("onerouter_providers.certificates.public_roots", lambda: (root,))


async def verify(
    vectors: Mapping[str, Any],
    facts: CertificateFacts,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    webhook_id: str | None = None,
    served: str | None = None,
    at: datetime | None = None,
) -> list[str]:
    """As the webhooks service does it; the addresses that were asked. Raises SignatureInvalid."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, text=served or vectors["cert_url_response_pem"])

    told = {**vectors["headers"], **(headers or {})}
    now = at or datetime.fromisoformat(vectors["verify_at"])
    secrets = {"webhook_id": SecretStr(webhook_id or vectors["webhook_id"])}
    certificates = Certificates(httpx.MockTransport(answer))
    certificate = await certificates.get("paypal", facts, webhook.certificate_url(told), now)
    webhook.verify(vectors["body"].encode() if body is None else body, told, secrets, certificate, now)
    return asked


@pytest.mark.usefixtures("trusting")
class TestVerify:
    async def test_the_published_vector_fits(self, vectors: dict[str, Any], facts: CertificateFacts) -> None:
        assert await verify(vectors, facts) == [vectors["headers"]["PAYPAL-CERT-URL"]]
        small = {name.lower(): value for name, value in vectors["headers"].items()}
        await verify({**vectors, "headers": small}, facts)

    async def test_every_published_variant_is_judged_as_it_says(
        self, vectors: dict[str, Any], facts: CertificateFacts
    ) -> None:
        judged: dict[str, bool] = {}
        for case in vectors["cases"]:
            body = vectors["body"]
            for old, new in [case["body_replace"]] if "body_replace" in case else []:
                assert old in body
                body = body.replace(old, new)
            try:
                await verify(
                    vectors,
                    facts,
                    body=body.encode(),
                    headers=case.get("headers"),
                    webhook_id=case.get("webhook_id"),
                    served=case.get("cert_url_response_pem"),
                )
                judged[case["name"]] = True
            except SignatureInvalid:
                judged[case["name"]] = False
        assert len(judged) == 9
        assert judged == {case["name"]: case["valid"] for case in vectors["cases"]}

    @pytest.mark.parametrize("place", [0, 40, 200, -1])
    async def test_any_other_byte_of_the_body(
        self, vectors: dict[str, Any], facts: CertificateFacts, place: int
    ) -> None:
        changed = bytearray(vectors["body"].encode())
        changed[place] ^= 1
        with pytest.raises(SignatureInvalid):
            await verify(vectors, facts, body=bytes(changed))

    async def test_a_body_that_was_parsed_and_written_again(
        self, vectors: dict[str, Any], facts: CertificateFacts
    ) -> None:
        again = json.dumps(json.loads(vectors["body"]), indent=1).encode()
        with pytest.raises(SignatureInvalid):
            await verify(vectors, facts, body=again)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PAYPAL-TRANSMISSION-ID", "b3c1f0de-0000-11f1-9000-0242ac120003"),
            ("PAYPAL-TRANSMISSION-TIME", "2026-01-01T00:00:02Z"),
            ("PAYPAL-TRANSMISSION-SIG", "AAAA"),
            ("PAYPAL-TRANSMISSION-SIG", "not base 64!"),
            ("PAYPAL-TRANSMISSION-SIG", ""),
            ("PAYPAL-CERT-URL", ""),
            ("PAYPAL-CERT-URL", "https://api.sandbox.paypal.com@attacker.example/cert"),
            ("PAYPAL-CERT-URL", "https://attacker.example/api.sandbox.paypal.com"),
            ("PAYPAL-AUTH-ALGO", "none"),
            ("PAYPAL-AUTH-ALGO", "sha256withrsa"),
            ("PAYPAL-TRANSMISSION-ID", "x" * 5_000),
            ("PAYPAL-TRANSMISSION-ID", "\udc80"),
        ],
    )
    async def test_any_other_header(
        self, vectors: dict[str, Any], facts: CertificateFacts, name: str, value: str
    ) -> None:
        with pytest.raises(SignatureInvalid):
            await verify(vectors, facts, headers={name: value})

    @pytest.mark.parametrize("name", ["ID", "TIME", "SIG"])
    async def test_a_header_left_out(self, vectors: dict[str, Any], facts: CertificateFacts, name: str) -> None:
        left = {key: value for key, value in vectors["headers"].items() if key != f"PAYPAL-TRANSMISSION-{name}"}
        with pytest.raises(SignatureInvalid):
            await verify({**vectors, "headers": left}, facts)

    async def test_what_was_signed_long_ago_or_in_the_future(
        self, vectors: dict[str, Any], facts: CertificateFacts
    ) -> None:
        signed = datetime.fromisoformat(vectors["headers"]["PAYPAL-TRANSMISSION-TIME"])
        await verify(vectors, facts, at=signed + timedelta(days=3))
        await verify(vectors, facts, at=signed - timedelta(minutes=5))
        for at in (signed + timedelta(days=3, hours=2), signed - timedelta(hours=1)):
            with pytest.raises(SignatureInvalid, match="too long ago"):
                await verify(vectors, facts, at=at)

    async def test_without_a_webhook_id_nothing_fits(self, vectors: dict[str, Any], facts: CertificateFacts) -> None:
        certificates = Certificates(
            httpx.MockTransport(lambda _: httpx.Response(200, text=vectors["cert_url_response_pem"]))
        )
        now = datetime.fromisoformat(vectors["verify_at"])
        certificate = await certificates.get("paypal", facts, vectors["headers"]["PAYPAL-CERT-URL"], now)
        secrets: dict[str, SecretStr]
        for secrets in ({}, {"webhook_id": SecretStr("")}):
            with pytest.raises(SignatureInvalid, match="no webhook id"):
                webhook.verify(vectors["body"].encode(), vectors["headers"], secrets, certificate, now)


async def test_the_browsers_roots_do_not_vouch_for_the_vector(vectors: dict[str, Any], facts: CertificateFacts) -> None:
    with pytest.raises(SignatureInvalid, match="not trusted"):
        await verify(vectors, facts)


class TestSandbox:
    async def test_its_callbacks_fit(self, lab: Any, facts: CertificateFacts, certificates: Certificates) -> None:
        from onerouter_providers.testing.payments_suite import new_key, payment_request

        from .test_client import PRICE, hearing

        async with hearing() as heard:
            account = await lab.ask(
                "/paypal/accounts", client_id=lab.client_id, client_secret=lab.secrets[0], webhook_url=heard.url
            )
            made = await lab.client().create_payment(payment_request(PRICE), key=new_key())
            await lab.pay(made)
            headers, body = await heard.next()
        secrets = {"webhook_id": SecretStr(account["webhook_id"])}
        now = datetime.now(UTC)
        certificate = await certificates.get("paypal", facts, webhook.certificate_url(headers), now)
        webhook.verify(body, headers, secrets, certificate, now)
        with pytest.raises(SignatureInvalid):
            webhook.verify(body + b" ", headers, secrets, certificate, now)
        # With an override PayPal's own addresses are as strange as any.
        with pytest.raises(SignatureInvalid):
            await certificates.get("paypal", facts, "https://api.paypal.com/v1/notifications/certs/CERT-1", now)
        event = webhook.parse(body, headers)
        assert event is not None
        assert (event.type, event.object.order_id) == ("CHECKOUT.ORDER.APPROVED", made.provider_order_id)
        assert event.object.awaits_completion


class TestParse:
    @pytest.mark.parametrize(
        ("kind", "status", "waits"),
        [
            ("CHECKOUT.ORDER.APPROVED", "processing", True),
            ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", "expired", False),
            ("PAYMENT.AUTHORIZATION.CREATED", "authorized", False),
            ("PAYMENT.AUTHORIZATION.VOIDED", "canceled", False),
            ("PAYMENT.CAPTURE.COMPLETED", "succeeded", False),
            ("PAYMENT.CAPTURE.PENDING", "processing", False),
            ("PAYMENT.CAPTURE.DENIED", "failed", False),
            ("PAYMENT.CAPTURE.DECLINED", "failed", False),
        ],
    )
    def test_payments(self, samples: dict[str, Any], kind: str, status: str, waits: bool) -> None:
        event = webhook.parse(json.dumps(samples[kind]).encode(), {})
        assert event is not None
        assert (event.id, event.type) == (samples[kind]["id"], kind)
        told = event.object
        assert (told.kind, told.status, told.awaits_completion) == ("payment", status, waits)
        assert told.order_id == "5O190127TN364715T"
        if kind == "PAYMENT.CAPTURE.COMPLETED":
            assert (told.payment_id, told.amount_minor, told.currency) == ("3C679366HH908993F", 1_299, "USD")
            assert told.fee_minor == 94
        assert (told.error_reason == "card_declined") == (status == "failed")

    def test_what_a_browser_can_write_finds_no_payment(self, samples: dict[str, Any]) -> None:
        event = json.loads(json.dumps(samples["PAYMENT.CAPTURE.COMPLETED"]))
        event["resource"]["custom_id"] = event["resource"]["invoice_id"] = new_id("pay")
        parsed = webhook.parse(json.dumps(event).encode(), {})
        assert parsed is not None
        assert parsed.object.reference is None

    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("PAYMENT.CAPTURE.REFUNDED", "succeeded"),
            ("PAYMENT.CAPTURE.REVERSED", "succeeded"),
            ("PAYMENT.REFUND.PENDING", "pending"),
            ("PAYMENT.REFUND.FAILED", "failed"),
        ],
    )
    def test_refunds(self, samples: dict[str, Any], kind: str, status: str) -> None:
        ours = new_id(REFUND)
        event = json.loads(json.dumps(samples[kind]))
        elsewhere = webhook.parse(json.dumps(event).encode(), {})
        event["resource"]["custom_id"] = event["resource"]["invoice_id"] = ours
        made_by_us = webhook.parse(json.dumps(event).encode(), {})
        event["resource"]["invoice_id"] = "another"
        half = webhook.parse(json.dumps(event).encode(), {})
        assert elsewhere is not None
        assert made_by_us is not None
        assert half is not None
        assert (elsewhere.object.reference, made_by_us.object.reference, half.object.reference) == (None, ours, None)
        told = made_by_us.object
        assert (told.kind, told.status, told.refund_id) == ("refund", status, "1JU08902781691411")
        assert (told.payment_id, told.amount_minor, told.amount_refunded_minor) == ("3C679366HH908993F", 500, 500)

    def test_a_reversed_capture(self, samples: dict[str, Any]) -> None:
        event = json.loads(json.dumps(samples["PAYMENT.CAPTURE.COMPLETED"]))
        event["event_type"], event["resource"]["status"] = "PAYMENT.CAPTURE.REVERSED", "REFUNDED"
        parsed = webhook.parse(json.dumps(event).encode(), {})
        assert parsed is not None
        assert (parsed.object.kind, parsed.object.status) == ("payment", "refunded")

    def test_every_sample_is_read_or_passed_over(self, samples: dict[str, Any]) -> None:
        read = {kind for kind, event in samples.items() if webhook.parse(json.dumps(event).encode(), {})}
        assert read == {*webhook.FOLLOWED, *events.FOLLOWED} & samples.keys()
        for kind, event in samples.items():
            assert webhook.identify(json.dumps(event).encode(), {}) == (event["id"], kind)

    def test_the_manifest_asks_for_what_is_followed(self) -> None:
        package = Providers.load().find("payments", "paypal")
        assert package is not None
        assert package.manifest.callback is not None
        assert set(package.manifest.callback.events) == {*webhook.FOLLOWED, *events.FOLLOWED}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{",
            b"\xff",
            b'{"id": "WH-1"}',
            b'{"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED"}',
            b'{"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {}, "create_time": "now"}',
            b'{"id":"W","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{},"create_time":"2026-01-01T00:00:00Z"}',
            b'{"id":"W","event_type":"PAYMENT.CAPTURE.REFUNDED","resource":{},"create_time":"2026-01-01T00:00:00Z"}',
            b'{"id":"W","event_type":"PAYMENT.CAPTURE.REFUNDED","resource":[],"create_time":"2026-01-01T00:00:00Z"}',
        ],
    )
    def test_what_cannot_be_read(self, body: bytes) -> None:
        with pytest.raises(CallbackUnreadable):
            webhook.parse(body, {})
