import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from onerouter_providers.email.resend import webhook
from onerouter_providers.messages import FACTS, REASONS
from onerouter_providers.webhook import CallbackUnreadable, SignatureInvalid, reads_several

AT = 1_795_279_573
SECRET = "whsec_b25lcm91dGVyLXRlc3Qtd2ViaG9vay1rZXktMzJieXQ="


def secrets(value: str = SECRET, **more: str) -> dict[str, SecretStr]:
    return {name: SecretStr(text) for name, text in {"webhook_secret": value, **more}.items()}


def signed(body: bytes, *, event_id: str = "msg_1", at: int = AT, secret: str = SECRET) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = hmac.new(key, f"{event_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {"svix-id": event_id, "svix-timestamp": str(at), "svix-signature": "v1," + base64.b64encode(made).decode()}


def event(kind: str, **data: Any) -> bytes:
    email = {
        "email_id": "4ef9a417-02e9-4d39-ad75-9611e0fcc33c",
        "created_at": "2026-11-21T16:46:10.000Z",
        "from": "Acme <hello@example.com>",
        "to": ["Ada <Ada@example.net>"],
        "subject": "Hi",
        "tags": {"onerouter_id": "eml_01", "campaign": "1"},
    }
    return json.dumps({"type": kind, "created_at": "2026-11-21T16:46:13.250Z", "data": {**email, **data}}).encode()


class TestVectors:
    @pytest.fixture(params=["resend_svix", "svix_published_example", "resend_svix_multi"])
    def vector(self, request: pytest.FixtureRequest, specs: Path) -> dict[str, str]:
        vectors = json.loads((specs / "messaging-webhook-vectors.json").read_text("utf-8"))
        name = request.param.removesuffix("_multi")
        found = dict(vectors[name])
        if name != request.param:
            found["svix-signature"] = found["svix-signature_multi"]
        return found

    @pytest.mark.parametrize("prefix", ["svix", "webhook", "Svix"])
    def test_is_accepted(self, vector: dict[str, str], prefix: str) -> None:
        self._verify(vector, {name: vector[f"svix-{name}"] for name in ("id", "timestamp", "signature")}, prefix)

    @pytest.mark.parametrize("tamper", ["id", "timestamp", "signature", "body", "secret", "version"])
    def test_tampered_is_refused(self, vector: dict[str, str], tamper: str) -> None:
        given = {name: vector[f"svix-{name}"] for name in ("id", "timestamp", "signature")}
        changed = dict(vector)
        if tamper == "body":
            changed["raw_body"] += " "
        elif tamper == "secret":
            changed["secret"] = "whsec_" + base64.b64encode(b"another secret altogether").decode()
        elif tamper == "timestamp":
            given["timestamp"] = str(int(given["timestamp"]) + 1)
        elif tamper == "id":
            given["id"] += "x"
        elif tamper == "version":
            given["signature"] = given["signature"].replace("v1,", "v2,")
        else:
            given["signature"] = given["signature"].replace("=", "A=")
        with pytest.raises(SignatureInvalid):
            self._verify(changed, given)

    def _verify(self, vector: Mapping[str, str], given: Mapping[str, str], prefix: str = "svix") -> None:
        headers = {f"{prefix}-{name}": value for name, value in given.items()}
        at = float(vector["svix-timestamp"])
        webhook.verify(vector["raw_body"].encode(), headers, secrets(vector["secret"]), now=at + 60)


class TestVerify:
    @pytest.mark.parametrize("off", [-301, 301])
    def test_another_time_is_refused(self, off: int) -> None:
        with pytest.raises(SignatureInvalid, match="time"):
            webhook.verify(b"{}", signed(b"{}"), secrets(), now=AT + off)

    def test_either_secret_fits_while_it_is_changed(self) -> None:
        new = "whsec_" + base64.b64encode(b"the new secret of the team").decode()
        both = secrets(new, webhook_secret_previous=SECRET)
        webhook.verify(b"{}", signed(b"{}"), both, now=AT)
        webhook.verify(b"{}", signed(b"{}", secret=new), both, now=AT)

    def test_a_secret_without_its_padding_fits(self) -> None:
        webhook.verify(b"{}", signed(b"{}"), secrets(SECRET.rstrip("=")), now=AT)

    @pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%"])
    def test_without_a_secret_nothing_is_believed(self, secret: str) -> None:
        with pytest.raises(SignatureInvalid):
            webhook.verify(b"{}", signed(b"{}"), secrets(secret), now=AT)

    @pytest.mark.parametrize("missing", ["svix-id", "svix-timestamp", "svix-signature"])
    def test_unsigned_is_refused(self, missing: str) -> None:
        headers = signed(b"{}")
        del headers[missing]
        with pytest.raises(SignatureInvalid):
            webhook.verify(b"{}", headers, secrets(), now=AT)

    @pytest.mark.parametrize("at", ["soon", "1e9", "-5", "9" * 40, "١٢٣"])
    def test_a_strange_time_is_refused(self, at: str) -> None:
        with pytest.raises(SignatureInvalid):
            webhook.verify(b"{}", {**signed(b"{}"), "svix-timestamp": at}, secrets(), now=AT)


class TestParse:
    @pytest.mark.parametrize(
        ("kind", "data", "status", "reason", "facts"),
        [
            ("email.scheduled", {}, "scheduled", None, {}),
            ("email.sent", {}, "sent", None, {}),
            ("email.delivered", {}, "delivered", None, {}),
            ("email.delivery_delayed", {}, "deferred", None, {}),
            ("email.opened", {}, "unchanged", None, {"event": "opened"}),
            ("email.complained", {}, "unchanged", None, {"event": "complained"}),
            (
                "email.clicked",
                {"click": {"link": "https://a.example/x"}},
                "unchanged",
                None,
                {"event": "clicked", "url": "https://a.example/x"},
            ),
            (
                "email.bounced",
                {"bounce": {"type": "Permanent", "subType": "General", "diagnosticCode": ["smtp; 550 5.1.1 no"]}},
                "bounced",
                "invalid_recipient",
                {"bounce_type": "hard", "smtp_status": "5.1.1"},
            ),
            (
                "email.bounced",
                {"bounce": {"type": "Transient", "subType": "ContentRejected", "message": "554 5.7.1 spam"}},
                "bounced",
                "content_rejected",
                {"bounce_type": "soft", "smtp_status": "5.7.1"},
            ),
            ("email.bounced", {}, "bounced", "unknown", {"bounce_type": "undetermined"}),
            ("email.failed", {"failed": {"reason": "reached_daily_quota"}}, "failed", "insufficient_credit", {}),
            (
                "email.suppressed",
                {"suppressed": {"reason": "previous_bounce"}},
                "failed",
                "suppressed",
                {"event": "suppressed", "suppressed_for": "bounce"},
            ),
            (
                "email.suppressed",
                {"suppressed": {"reason": "previous_complaint"}},
                "failed",
                "suppressed",
                {"event": "suppressed", "suppressed_for": "complaint"},
            ),
            ("email.suppressed", {}, "failed", "suppressed", {"event": "suppressed"}),
        ],
    )
    def test_events(
        self, kind: str, data: dict[str, Any], status: str, reason: str | None, facts: dict[str, str]
    ) -> None:
        parsed = webhook.parse(event(kind, **data), signed(b""))
        assert parsed is not None
        assert (parsed.id, parsed.type, parsed.occurred_at.isoformat()) == (
            "msg_1",
            kind,
            "2026-11-21T16:46:13.250000+00:00",
        )
        about = parsed.object
        assert (about.kind, about.provider_id) == ("email", "4ef9a417-02e9-4d39-ad75-9611e0fcc33c")
        assert (about.status, about.error_reason, about.reference) == (status, reason, "eml_01")
        assert about.facts == {"recipient": "ada@example.net", **facts}
        assert about.facts.keys() <= FACTS
        assert reason is None or reason in REASONS

    def test_each_recipient_is_told_of(self) -> None:
        bounce = {"type": "Permanent", "diagnosticCode": ["550 5.1.1 no", "552 5.2.2 full"]}
        body = event("email.bounced", to=["a@example.net", "b@example.net"], bounce=bounce)
        assert reads_several(webhook)
        events = webhook.parse_all(body, signed(b""))
        assert [each.id for each in events] == ["msg_1:0", "msg_1:1"]
        assert [(each.object.facts["recipient"], each.object.facts["smtp_status"]) for each in events] == [
            ("a@example.net", "5.1.1"),
            ("b@example.net", "5.2.2"),
        ]
        whole = webhook.parse(body, signed(b""))
        assert whole is not None
        assert "recipient" not in whole.object.facts

    @pytest.mark.parametrize("kind", ["email.received", "contact.created", "domain.updated"])
    def test_what_we_do_not_follow_is_nothing(self, kind: str) -> None:
        assert webhook.identify(event(kind), signed(b"")) == ("msg_1", kind)
        assert webhook.parse(event(kind), signed(b"")) is None
        assert webhook.parse_all(event(kind), signed(b"")) == ()

    def test_a_reference_that_is_not_ours_is_none(self) -> None:
        parsed = webhook.parse(event("email.sent", tags={"onerouter_id": "<b>1</b>"}), signed(b""))
        assert parsed is not None
        assert parsed.object.reference is None

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{}",
            b'{"type": 5}',
            b'{"type": "email.sent"}',
            b'{"type": "email.sent", "created_at": "yesterday", "data": {"email_id": "1"}}',
            b'{"type": "email.sent", "created_at": "2026-11-21T16:46:13Z", "data": {}}',
            b'{"type": "email.sent", "created_at": "2026-11-21T16:46:13Z", "data": []}',
        ],
    )
    @pytest.mark.parametrize("read", [webhook.parse, webhook.parse_all])
    def test_what_cannot_be_read_says_so(self, body: bytes, read: Callable[[bytes, Mapping[str, str]], object]) -> None:
        with pytest.raises(CallbackUnreadable):
            read(body, signed(body))
