"""Messages of SNS topics with SES's events: what is believed, what is confirmed, and what they say."""

import base64
import copy
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from pydantic import SecretStr
from tests.providers.email.lab import message, package_of
from tests.providers.email.ses.conftest import TOPIC, SesLab

from onerouter_providers.certificates import check_address
from onerouter_providers.email.ses import webhook
from onerouter_providers.email.ses.mapping import told_by
from onerouter_providers.messages import FACTS, Address
from onerouter_providers.sns_messages import string_to_sign
from onerouter_providers.webhook import CallbackUnreadable, SignatureInvalid, WebhookModule, asks_first, reads_several

AT = datetime(2026, 11, 21, 16, 46, 20, tzinfo=UTC)
NAMES = (
    "notification_v2_no_subject",
    "notification_v2_subject",
    "notification_v1_subject",
    "subscription_confirmation_v2",
)
SECRETS = {"sns_topic_arn": SecretStr(TOPIC)}
Message = dict[str, Any]


@pytest.fixture(scope="module")
def vectors(specs: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((specs / "messaging-webhook-vectors.json").read_text())["sns"]
    return found


@pytest.fixture(scope="module")
def certificate(vectors: Mapping[str, Any]) -> x509.Certificate:
    return x509.load_pem_x509_certificate(vectors["certificate_pem"].encode())


def verify(
    message: Message, certificate: x509.Certificate, at: datetime = AT, secrets: Mapping[str, SecretStr] = SECRETS
) -> None:
    webhook.verify(json.dumps(message).encode(), {}, secrets, certificate, at)


class TestVerify:
    @pytest.mark.parametrize("name", NAMES)
    def test_every_vector_is_believed(
        self, name: str, vectors: Mapping[str, Any], certificate: x509.Certificate
    ) -> None:
        verify(vectors[name], certificate)

    def test_the_string_that_is_signed(self, vectors: Mapping[str, Any]) -> None:
        signed = string_to_sign(vectors["notification_v2_subject"]).decode()
        assert signed == vectors["string_to_sign_notification_v2_subject"]

    @pytest.mark.parametrize("name", NAMES)
    def test_nothing_in_it_can_be_changed(
        self, name: str, vectors: Mapping[str, Any], certificate: x509.Certificate
    ) -> None:
        for field, value in vectors[name].items():
            if field == "SigningCertURL":
                continue  # what it is fetched from is judged before
            for changed in (value + "x", value[:-1], "", None):
                with pytest.raises(SignatureInvalid):
                    verify({**vectors[name], field: changed}, certificate)
            with pytest.raises(SignatureInvalid):
                verify({other: text for other, text in vectors[name].items() if other != field}, certificate)

    def test_a_subject_cannot_be_added(self, vectors: Mapping[str, Any], certificate: x509.Certificate) -> None:
        with pytest.raises(SignatureInvalid):
            verify({**vectors["notification_v2_no_subject"], "Subject": "x"}, certificate)

    @pytest.mark.parametrize("version", ["0", "3", "", None, 2, ["2"]])
    def test_unknown_algorithms(
        self, version: object, vectors: Mapping[str, Any], certificate: x509.Certificate
    ) -> None:
        with pytest.raises(SignatureInvalid):
            verify({**vectors["notification_v2_subject"], "SignatureVersion": version}, certificate)

    def test_sha1_can_be_switched_off(self, vectors: Mapping[str, Any], certificate: x509.Certificate) -> None:
        strict = {**SECRETS, "sns_signature_version": SecretStr("2")}
        verify(vectors["notification_v2_subject"], certificate, secrets=strict)
        with pytest.raises(SignatureInvalid):
            verify(vectors["notification_v1_subject"], certificate, secrets=strict)

    @pytest.mark.parametrize("topic", ["", "arn:aws:sns:us-east-1:999999999999:onerouter-ses", TOPIC + "2"])
    def test_only_of_the_connections_topic(
        self, topic: str, vectors: Mapping[str, Any], certificate: x509.Certificate
    ) -> None:
        """Any AWS customer has validly signed messages of topics of their own."""
        for secrets in ({"sns_topic_arn": SecretStr(topic)}, {}):
            with pytest.raises(SignatureInvalid):
                verify(vectors["notification_v2_subject"], certificate, secrets=secrets)

    def test_only_by_the_certificate(self, vectors: Mapping[str, Any]) -> None:
        _, another = signer()
        with pytest.raises(SignatureInvalid):
            verify(vectors["notification_v2_subject"], another)

    @pytest.mark.parametrize(("age", "believed"), [(74, True), (76, False), (-9, True), (-11, False)])
    def test_only_while_sns_may_still_try(
        self, age: int, believed: bool, vectors: Mapping[str, Any], certificate: x509.Certificate
    ) -> None:
        at = datetime(2026, 11, 21, 16, 46, 13, tzinfo=UTC) + timedelta(minutes=age)
        if believed:
            verify(vectors["notification_v2_subject"], certificate, at)
            return
        with pytest.raises(SignatureInvalid):
            verify(vectors["notification_v2_subject"], certificate, at)

    @pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"x", b'{"Type": "Notification"}', b"\xff"])
    def test_what_is_not_signed(self, raw: bytes, certificate: x509.Certificate) -> None:
        with pytest.raises(SignatureInvalid):
            webhook.verify(raw, {}, SECRETS, certificate, AT)


class TestCertificateUrl:
    def test_of_the_vector(self, vectors: Mapping[str, Any]) -> None:
        body = json.dumps(vectors["notification_v2_subject"]).encode()
        facts = package_of("ses").manifest.certificates
        assert facts is not None
        check_address(webhook.certificate_url({}, body), facts)

    @pytest.mark.parametrize(
        "url",
        [
            "https://sns.us-east-1.amazonaws.com.evil.com/SimpleNotificationService-{0}.pem",
            "https://evil.com/sns.us-east-1.amazonaws.com/SimpleNotificationService-{0}.pem",
            "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-{0}.pem",
            "https://sns.s3-us-west-2.amazonaws.com/SimpleNotificationService-{0}.pem",
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-{0}.pem?x=.pem",
            "https://sns.us-east-1.amazonaws.com/other.pem",
            "https://sns.us-east-1.amazonaws.com@evil.com/SimpleNotificationService-{0}.pem",
            "https://evil.com#@sns.us-east-1.amazonaws.com/SimpleNotificationService-{0}.pem",
            None,
        ],
    )
    def test_of_nobody_else(self, url: str | None) -> None:
        body = json.dumps({"SigningCertURL": url and url.format("0" * 32)}).encode()
        facts = package_of("ses").manifest.certificates
        assert facts is not None
        with pytest.raises(SignatureInvalid):
            check_address(webhook.certificate_url({}, body), facts)


class TestHandshake:
    def test_the_vector_says_how(self, vectors: Mapping[str, Any]) -> None:
        message = vectors["subscription_confirmation_v2"]
        body = json.dumps(message).encode()
        wanted = webhook.handshake(body, {})
        assert wanted is not None
        assert (wanted.subject, wanted.token) == (TOPIC, message["Token"])
        assert webhook.identify(body, {}) == (message["MessageId"], "SubscriptionConfirmation")
        assert webhook.parse_all(body, {}) == ()

    @pytest.mark.parametrize(
        "change",
        [
            lambda url: url.replace("https", "http"),
            lambda url: url.replace("us-east-1.amazonaws", "eu-west-1.amazonaws"),
            lambda url: url.replace("amazonaws.com/", "amazonaws.com.evil.com/"),
            lambda url: url.replace("//sns", "//x@sns"),
            lambda url: url.replace(".com/", ".com:8443/"),
            lambda url: url.replace("ConfirmSubscription", "Unsubscribe"),
            lambda url: url.replace("onerouter-ses", "another"),
            lambda url: url + "&Action=Unsubscribe",
            lambda url: url + "&Endpoint=https%3A%2F%2Fevil.com",
            lambda url: url.replace(".com/", ".com/x/"),
            lambda url: url + "#x",
            lambda url: url.replace("/?", "\\?"),
            lambda _: "",
        ],
    )
    def test_at_no_other_address_it_is_to_be_confirmed(
        self, change: Callable[[str], str], vectors: Mapping[str, Any]
    ) -> None:
        message = copy.deepcopy(vectors["subscription_confirmation_v2"])
        message["SubscribeURL"] = change(message["SubscribeURL"])
        with pytest.raises(CallbackUnreadable):
            webhook.handshake(json.dumps(message).encode(), {})

    def test_other_messages_want_none(self, vectors: Mapping[str, Any]) -> None:
        assert webhook.handshake(json.dumps(vectors["notification_v2_subject"]).encode(), {}) is None
        leaving = {**vectors["subscription_confirmation_v2"], "Type": "UnsubscribeConfirmation"}
        assert webhook.handshake(json.dumps(leaving).encode(), {}) is None

    async def test_a_subscription_is_confirmed_by_its_owner(self, lab: SesLab) -> None:
        await lab.register(subscription="pending")
        client = lab.client()
        await client.send_email(lab.request(), key="k")  # nothing is told of it yet
        (headers, body), *others = await lab.came()
        assert others == []
        wanted = webhook.handshake(body, headers)
        assert wanted is not None
        await client.confirm_subscription(wanted.subject, wanted.token)
        made = await client.send_email(lab.request(), key="k")
        assert [event.type for event in await lab.told(made.provider_message_id)] == ["Send"]


class TestParse:
    def test_a_vector_in_our_words(self, vectors: Mapping[str, Any]) -> None:
        body = json.dumps(vectors["notification_v2_subject"]).encode()
        event = webhook.parse(body, {})
        assert event is not None
        assert webhook.parse_all(body, {}) == (event,)
        assert webhook.identify(body, {}) == (event.id, "Bounce")
        assert event.occurred_at == datetime(2026, 11, 21, 16, 46, 13, tzinfo=UTC)
        about = event.object
        assert (about.kind, about.status, about.reference, about.provider_id) == (
            "email",
            "bounced",
            "msg_01",
            "0100018c-ses-1",
        )
        assert about.error_reason == "invalid_recipient"
        assert about.facts == {"recipient": "user@example.net", "smtp_status": "5.1.1", "bounce_type": "hard"}

    @pytest.mark.parametrize(
        "text", ["", "Successfully validated SNS topic for Amazon SES event publishing.", "[]", "{}"]
    )
    def test_what_is_no_event_is_not_followed(self, text: str) -> None:
        body = json.dumps({"Type": "Notification", "MessageId": "1", "Message": text}).encode()
        if not text:
            with pytest.raises(CallbackUnreadable):
                webhook.parse_all(body, {})
            return
        assert webhook.parse_all(body, {}) == ()
        assert webhook.identify(body, {}) == ("1", "Notification")

    async def test_each_recipient_has_an_event_of_its_own(self, lab: SesLab) -> None:
        request = message(to=[Address("a@example.net"), Address("b@example.net")], cc=[Address("c@example.net")])
        made = await lab.client().send_email(request, key="k")
        await lab.happens(made.provider_message_id, "bounced", recipients=["a@example.net", "b@example.net"])
        came = await lab.came()
        assert len(came) == 2
        (headers, body) = next(each for each in came if webhook.identify(each[1], each[0])[1] == "Bounce")
        first, second = webhook.parse_all(body, headers)
        assert (first.id, second.id) == (webhook.identify(body, headers)[0], f"{first.id}:1")
        assert [each.object.facts["recipient"] for each in (first, second)] == ["a@example.net", "b@example.net"]
        with pytest.raises(CallbackUnreadable):
            webhook.parse(body, headers)

    async def test_everything_that_is_told(self, lab: SesLab) -> None:
        made = await lab.client().send_email(lab.request(), key="k")
        expected = {
            "delayed": ("deferred", None, None),
            "delivered": ("delivered", None, None),
            "opened": ("unchanged", "opened", None),
            "clicked": ("unchanged", "clicked", None),
            "complained": ("unchanged", "complained", None),
            "unsubscribed": ("unchanged", "unsubscribed", None),
            "soft_bounced": ("bounced", None, "unknown"),
            "suppressed": ("failed", "suppressed", "suppressed"),
            "rejected": ("failed", None, "content_rejected"),
        }
        for fate in expected:
            await lab.happens(made.provider_message_id, fate)
        events = [event for headers, body in await lab.came() for event in webhook.parse_all(body, headers)]
        told = {(e.object.status, e.object.facts.get("event"), e.object.error_reason) for e in events}
        assert told == {("sent", None, None), *expected.values()}
        assert all(event.object.facts.keys() <= FACTS for event in events)

    @pytest.mark.parametrize(
        ("event", "why"),
        [
            (
                {
                    "eventType": "Bounce",
                    "bounce": {
                        "bounceType": "Permanent",
                        "bounceSubType": "OnAccountSuppressionList",
                        "bouncedRecipients": [{"emailAddress": "ann@example.com"}],
                    },
                },
                "bounce",
            ),
            (
                {
                    "eventType": "Complaint",
                    "complaint": {
                        "complaintSubType": "OnAccountSuppressionList",
                        "complainedRecipients": [{"emailAddress": "ann@example.com"}],
                    },
                },
                "complaint",
            ),
        ],
    )
    def test_why_somebody_is_on_its_list(self, event: dict[str, Any], why: str) -> None:
        (told,) = told_by(event)
        assert (told.status, told.error_reason) == ("failed", "suppressed")
        assert told.facts == {"recipient": "ann@example.com", "event": "suppressed", "suppressed_for": why}

    async def test_a_template_that_lacks_a_variable_fails_afterwards(self, lab: SesLab) -> None:
        ses = lab.client()._ses
        content = {"Subject": "Hi {{name}}", "Text": "Code {{code}}"}
        params = {"TemplateName": "code", "TemplateContent": content}
        await ses.call("email.send", "create_email_template", params, effect=False, deadline=await ses.deadline())
        templated = message(subject=None, text=None, provider_template="code", variables={"name": "Ada"})
        made = await lab.client().send_email(templated, key="k")
        (event,) = await lab.told(made.provider_message_id)
        assert (event.type, event.object.status, event.object.error_reason) == (
            "Rendering Failure",
            "failed",
            "invalid_request",
        )
        assert await lab.effects(templated) == 0

    def test_several_events_in_one_callback_are_announced(self) -> None:
        module: WebhookModule = webhook
        assert reads_several(module)
        assert asks_first(module)


def signer() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(AT - timedelta(1)).not_valid_after(AT + timedelta(1))
    return key, builder.sign(key, hashes.SHA256())


def test_lone_surrogates_and_nul_trip_nobody() -> None:
    key, certificate = signer()
    odd = {
        "Type": "Notification",
        "MessageId": "1",
        "TopicArn": TOPIC,
        "Message": '{"eventType": "Send", "mail": {"messageId": "m\\u0000", "destination": ["a"], "timestamp": "x"}}',
        "Timestamp": AT.isoformat(),
        "SignatureVersion": "2",
    }
    signature = key.sign(string_to_sign(odd), padding.PKCS1v15(), hashes.SHA256())
    body = json.dumps({**odd, "Signature": base64.b64encode(signature).decode()}).encode()
    webhook.verify(body, {}, SECRETS, certificate, AT)
    with pytest.raises(CallbackUnreadable):
        webhook.parse_all(body, {})
