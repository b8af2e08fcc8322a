"""Every provider's signatures through the address that providers call: the vectors fit, and nothing like them does."""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from cryptography import x509
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from onerouter_providers.certificates import Certificates
from onerouter_providers.loader import Providers

from ..conftest import PREVIOUS_SECRET, WEBHOOK_SECRET, Running, StartService, bodies_of, rows_of
from .conftest import BASE_URL, over_http

AT = datetime(2026, 11, 21, 16, 46, 20, tzinfo=UTC)
TWINS = 100
TOPIC = "arn:aws:sns:us-east-1:123456789012:onerouter-ses"


class StoppedClock:
    def now(self) -> datetime:
        return AT


@dataclass(frozen=True)
class Sent:
    """A callback as a provider sends it."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""

    def but(self, **headers: str | None) -> "Sent":
        """With other headers; None: without it."""
        told = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return replace(self, headers={name: value for name, value in told.items() if value is not None})


@dataclass(frozen=True)
class Case:
    category: str
    provider: str
    values: dict[str, str]
    genuine: list[Sent]
    forged: list[Sent]
    public: dict[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()


@dataclass
class Lab:
    service: Running
    http: httpx.AsyncClient

    async def send(self, provider: str, token: str, sent: Sent) -> httpx.Response:
        path = f"/callbacks/{provider}/{token}" + (f"?{sent.query}" if sent.query else "")
        return await self.http.post(path, content=sent.body, headers=dict(sent.headers))

    async def judge(self, token: str, case: Case) -> None:
        """Forged ones are refused and leave nothing; genuine ones are stored once, as they came."""
        for forged in case.forged:
            answer = await self.send(case.provider, token, forged)
            assert answer.status_code == 401, forged
        assert await rows_of(self.service) == []
        for genuine in case.genuine:
            answers = await asyncio.gather(*(self.send(case.provider, token, genuine) for _ in range(TWINS)))
            assert {answer.status_code for answer in answers} <= {200, 204}, genuine
        assert {row["seen"] for row in await rows_of(self.service)} == {TWINS}
        assert await bodies_of(self.service) == [genuine.body for genuine in case.genuine]
        if case.kinds:
            assert tuple(row["kind"] for row in await rows_of(self.service)) == case.kinds


@pytest.fixture(scope="session")
def vectors(specs: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((specs / "messaging-webhook-vectors.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="session")
def payments(specs: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((specs / "webhook-samples" / "signature-vectors.json").read_text("utf-8"))
    return found


@pytest.fixture
async def lab(
    start_service: StartService,
    providers: Providers,
    vectors: Mapping[str, Any],
    payments: Mapping[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Lab]:
    """The day the vectors were made, and their certificates at the addresses they name."""
    for name in ("email.resend", "email.sendgrid", "email.mailgun"):
        now = AT.timestamp()
        webhook = sys.modules[f"onerouter_providers.{name}.webhook"]
        monkeypatch.setattr(webhook, "time", SimpleNamespace(time=lambda now=now: now))
    stripe = sys.modules["onerouter_providers.payments.stripe.webhook"]
    monkeypatch.setattr(stripe, "time", SimpleNamespace(time=lambda: float(payments["stripe"]["timestamp"])))
    root = x509.load_pem_x509_certificate(payments["paypal"]["root_ca_pem"].encode())
    monkeypatch.setattr("onerouter_providers.certificates.public_roots", lambda: (root,))
    published = {
        vectors["sns"]["notification_v2_subject"]["SigningCertURL"]: vectors["sns"]["certificate_pem"],
        payments["paypal"]["headers"]["PAYPAL-CERT-URL"]: payments["paypal"]["cert_url_response_pem"],
    }

    async def download(_: Certificates, url: str) -> tuple[int, bytes]:
        return (200, published[url].encode()) if url in published else (404, b"")

    monkeypatch.setattr(Certificates, "_download", download)
    # What is stored is of that day: whoever looks for what is over must not find it so.
    kept = {"callback_retention_days": 36_500, "callback_raw_retention_days": 36_500}
    async with (
        start_service(providers=providers, callback_base_url=BASE_URL, clock=StoppedClock(), **kept) as service,
        over_http(service) as http,
    ):
        yield Lab(service, http)


async def connected(lab: Lab, case: Case) -> str:
    token, _ = lab.service.connection.connect(case.category, case.provider, case.values, case.public)
    return token


async def test_resend(lab: Lab, vectors: Mapping[str, Any]) -> None:
    vector = vectors["resend_svix"]
    names = ("svix-id", "svix-timestamp", "svix-signature")
    sent = Sent(vector["raw_body"].encode(), {name: vector[name] for name in names})
    several = sent.but(svix_signature=vector["svix-signature_multi"])
    case = Case(
        "email",
        "resend",
        {
            "webhook_secret": "whsec_bmV3ZXItc2VjcmV0LW9mLXRoZS1zYW1lLWxlbmd0aA==",
            "webhook_secret_previous": vector["secret"],
        },
        [sent],
        [
            replace(sent, body=sent.body + b" "),
            replace(sent, body=sent.body.replace(b"delivered", b"bounced")),
            sent.but(svix_id="msg_other"),
            sent.but(svix_timestamp="1795279574"),
            sent.but(svix_signature="v1," + "A" * 43 + "="),
            sent.but(svix_signature=vector["svix-signature"].replace("v1,", "v1a,")),
            *(sent.but(**{name.replace("-", "_"): None}) for name in names),
        ],
        kinds=("email.delivered",),
    )
    token = await connected(lab, case)
    await lab.judge(token, case)
    assert (await lab.send("resend", token, several)).status_code == 200


async def test_sendgrid(lab: Lab, vectors: Mapping[str, Any]) -> None:
    vector = vectors["sendgrid_event_webhook"]
    prefix = "X-Twilio-Email-Event-Webhook"
    sent = Sent(
        vector["raw_body"].encode(),
        {f"{prefix}-{name}": vector[f"{prefix}-{name}"] for name in ("Timestamp", "Signature")},
    )
    assert sent.body.endswith(b"\r\n")
    case = Case(
        "email",
        "sendgrid",
        {},
        [sent],
        [
            replace(sent, body=sent.body.strip()),
            replace(sent, body=json.dumps(json.loads(sent.body)).encode()),
            replace(sent, body=sent.body.replace(b"bounce", b"delivered", 1)),
            replace(sent, headers={**sent.headers, f"{prefix}-Timestamp": "1795279576"}),
            replace(sent, headers={**sent.headers, f"{prefix}-Signature": "MEYCIQ=="}),
            replace(sent, headers={}),
        ],
        public={"webhook_public_key": vector["public_key_base64_spki"]},
        kinds=("bounce",),
    )
    await lab.judge(await connected(lab, case), case)


async def test_mailgun(lab: Lab, vectors: Mapping[str, Any]) -> None:
    vector = vectors["mailgun"]
    good = {name: vector[name] for name in ("timestamp", "token", "signature")}

    def body(signature: Mapping[str, str] = good, event: str = "delivered") -> Sent:
        told = {
            "event": event,
            "id": f"id-{event}",
            "timestamp": 1795279573.5,
            "recipient": "john@example.com",
            "message": {"headers": {"message-id": "em_01@mg.example.com"}},
        }
        return Sent(json.dumps({"signature": dict(signature), "event-data": told}).encode())

    case = Case(
        "email",
        "mailgun",
        {
            "webhook_signing_key": "key-of-today-0123456789",
            "webhook_signing_key_previous": vector["http_webhook_signing_key"],
        },
        [body()],
        [
            *(body({**good, name: value[:-1] + ("0" if value[-1] != "0" else "1")}) for name, value in good.items()),
            *(body({other: text for other, text in good.items() if other != name}) for name in good),
        ],
        kinds=("delivered",),
    )
    token = await connected(lab, case)
    await lab.judge(token, case)
    # The body is not signed: a token that was used once carries nothing else in, though it is answered kindly.
    assert (await lab.send("mailgun", token, body(event="complained"))).status_code == 200
    assert [(row["kind"], row["seen"]) for row in await rows_of(lab.service)] == [("delivered", TWINS + 1)]
    assert await lab.service.admin.fetchval("SELECT count(*) FROM callback_records") == 1


async def test_ses(lab: Lab, vectors: Mapping[str, Any]) -> None:
    sns = vectors["sns"]
    names = ("notification_v2_no_subject", "notification_v1_subject", "notification_v2_subject")

    def posted(message: Mapping[str, Any]) -> Sent:
        return Sent(json.dumps(message).encode(), {"content-type": "text/plain; charset=UTF-8"})

    good = sns["notification_v2_subject"]
    hosts = (
        "https://sns.us-east-1.amazonaws.com.evil.com/x.pem",
        "https://evil.com/sns.us-east-1.amazonaws.com/SimpleNotificationService-00000000000000000000000000000001.pem",
        good["SigningCertURL"].replace("https:", "http:"),
        good["SigningCertURL"].replace("us-east-1", "eu-west-1"),
    )
    case = Case(
        "email",
        "ses",
        {},
        [posted(sns[names[0]])],
        [
            *(posted({**good, "SigningCertURL": url}) for url in hosts),
            *(posted({**good, name: good[name] + "x"}) for name in ("Message", "MessageId", "Subject", "Signature")),
            posted({**good, "TopicArn": TOPIC.replace("123456789012", "999999999999")}),
            posted({**good, "SignatureVersion": "3"}),
            posted({**good, "Type": "SubscriptionConfirmation"}),
            posted({**sns["subscription_confirmation_v2"], "Token": "another"}),
            Sent(b"{}"),
        ],
        public={"sns_topic_arn": TOPIC},
        kinds=("Bounce",),
    )
    token = await connected(lab, case)
    await lab.judge(token, case)
    for name in names:  # the same message id: signed by either algorithm it is one
        assert (await lab.send("ses", token, posted(sns[name]))).status_code == 200
    assert len(await rows_of(lab.service)) == 1


async def test_twilio(lab: Lab, vectors: Mapping[str, Any]) -> None:
    """As Twilio's own library signs; the address is ours, as we know it, with its query."""
    form = {**vectors["twilio_form"]["params"], "Body": "Olá 👋", "Empty": ""}
    account, token_of_today, token_before = form["AccountSid"], "f" * 32, vectors["twilio_form"]["auth_token"]
    case = Case(
        "sms",
        "twilio",
        {"auth_token": token_of_today, "auth_token_secondary": token_before},
        [],
        [],
        public={"account_sid": account},
    )
    token = await connected(lab, case)
    address = f"{BASE_URL}/callbacks/twilio/{token}"

    def signed(
        params: dict[str, str], query: str = "msg=sms_1&x=%2B1", *, key: str = token_before, at: str = address
    ) -> Sent:
        signature = RequestValidator(key).compute_signature(f"{at}?{query}", params)
        headers = {"X-Twilio-Signature": signature, "content-type": "application/x-www-form-urlencoded"}
        return Sent(urlencode(params).encode(), headers, query)

    good = signed(form)
    raw = vectors["twilio_json"]["raw_body"].replace("0001", "0002").encode()
    by_hash = signed({}, f"bodySHA256={sha256(raw).hexdigest()}", key=token_of_today)
    json_sent = replace(by_hash, body=raw, headers={**by_hash.headers, "content-type": "application/json"})
    with_port = signed(
        {**form, "MessageStatus": "sent"}, at=address.replace("hooks.example.com", "hooks.example.com:443")
    )
    await lab.judge(
        token,
        replace(
            case,
            genuine=[good, with_port, json_sent],
            forged=[
                replace(good, body=good.body + b"&More=1"),
                replace(good, body=good.body.replace(b"delivered", b"failed")),
                replace(good, body=good.body.replace(b"&Empty=", b"")),
                replace(good, query="msg=sms_2&x=%2B1"),
                replace(good, query=""),
                replace(json_sent, body=raw + b" "),
                replace(json_sent, query=""),
                good.but(X_Twilio_Signature=base64.b64encode(b"x" * 20).decode()),
                good.but(X_Twilio_Signature=None),
                signed({**form, "AccountSid": "AC" + "9" * 32}),
                signed(form, at=f"http://{lab.http.base_url.host}/callbacks/twilio/{token}"),
                # Whoever sends may not say what the address was.
                signed(form, at="https://evil.example/x").but(
                    x_onerouter_callback_address="https://evil.example/x?msg=sms_1&x=%2B1",
                    x_forwarded_host="evil.example",
                    host="evil.example",
                ),
            ],
        ),
    )
    sealing = lab.service.app.state.services.replay.sealing
    row = (await rows_of(lab.service))[0]
    headers, _ = await sealing.open((row["tenant_id"], row["environment"]), row["id"], row["sealed"])
    assert headers["x-onerouter-callback-address"] == f"{address}?msg=sms_1&x=%2B1"


async def test_razorpay(lab: Lab, payments: Mapping[str, Any]) -> None:
    vector = payments["razorpay"]["webhook"]
    sent = Sent(vector["body"].encode(), vector["headers"])
    case = Case(
        "payments",
        "razorpay",
        {"webhook_secret": WEBHOOK_SECRET, "webhook_secret_previous": vector["secret"]},
        [sent],
        [
            replace(sent, body=json.dumps(json.loads(sent.body)).encode()),
            sent.but(X_Razorpay_Signature=vector["reserialized_body_signature"]),
            sent.but(X_Razorpay_Signature=None),
            replace(sent, body=sent.body.replace(b"129900", b"1")),
        ],
        kinds=("payment.captured",),
    )
    await lab.judge(await connected(lab, case), case)


async def test_stripe(lab: Lab, payments: Mapping[str, Any]) -> None:
    vector = payments["stripe"]
    made = {
        one["name"]: Sent(vector["body"].encode(), {"Stripe-Signature": one["header"]})
        for one in vector["cases"]
        if not one["name"].startswith(("too_old", "boundary"))  # of other moments
    }
    valid = [name for name in made if next(one for one in vector["cases"] if one["name"] == name)["valid"]]
    case = Case(
        "payments",
        "stripe",
        {"webhook_secret": vector["secret"], "webhook_secret_previous": PREVIOUS_SECRET},
        [made["valid"]],
        [
            *(sent for name, sent in made.items() if name not in valid),
            replace(made["valid"], body=made["valid"].body.replace(b"1299", b"1")),
            Sent(made["valid"].body),
        ],
        kinds=("payment_intent.succeeded",),
    )
    assert len(valid) >= 2
    token = await connected(lab, case)
    await lab.judge(token, case)
    for name in valid:
        assert (await lab.send("stripe", token, made[name])).status_code == 200


async def test_paypal(lab: Lab, payments: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    vector = payments["paypal"]
    monkeypatch.setattr(StoppedClock, "now", lambda _: datetime.fromisoformat(vector["verify_at"]))
    sent = Sent(vector["body"].encode(), vector["headers"])
    forged = [
        replace(
            sent,
            body=vector["body"].replace(*one.get("body_replace", ("", ""))).encode(),
            headers={**vector["headers"], **one.get("headers", {})},
        )
        for one in vector["cases"]
        if not one["valid"] and "cert_url_response_pem" not in one and "webhook_id" not in one
    ]
    assert len(forged) >= 4
    case = Case(
        "payments",
        "paypal",
        {},
        [sent],
        forged,
        public={"webhook_id": vector["webhook_id"]},
        kinds=("PAYMENT.CAPTURE.COMPLETED",),
    )
    await lab.judge(await connected(lab, case), case)
