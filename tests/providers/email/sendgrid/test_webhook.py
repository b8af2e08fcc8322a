import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr

from onerouter_providers.email.sendgrid import webhook
from onerouter_providers.messages import FACTS, REASONS
from onerouter_providers.webhook import CallbackUnreadable, SignatureInvalid, reads_several

AT = 1_795_279_575
KEY = ec.generate_private_key(ec.SECP256R1())
STEM = "LRzXl_NHStOGhQ4kofSm_A"


def public(key: Any = KEY) -> str:
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def secrets(key: str | None = None) -> dict[str, SecretStr]:
    return {"webhook_public_key": SecretStr(public() if key is None else key)}


def signed(body: bytes, at: str = str(AT)) -> dict[str, str]:
    made = base64.b64encode(KEY.sign(at.encode() + body, ec.ECDSA(SHA256()))).decode()
    return {webhook.SIGNATURE_HEADER: made, webhook.TIMESTAMP_HEADER: at}


def event(kind: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "email": "User@example.net",
        "event": kind,
        "sg_event_id": f"event-{number}",
        "sg_message_id": f"{STEM}.recvd-5b4d7c6b9-abcde-1-6560A1B2-1.0",
        "timestamp": 1_795_279_573,
        "onerouter_id": "eml_01",
        **more,
    }


def posted(*events: Any) -> bytes:
    return json.dumps(list(events)).encode() + b"\r\n"


class TestVector:
    @pytest.fixture
    def vector(self, specs: Path) -> dict[str, str]:
        vectors = json.loads((specs / "messaging-webhook-vectors.json").read_text("utf-8"))
        return dict(vectors["sendgrid_event_webhook"])

    def test_is_accepted_and_read(self, vector: dict[str, str]) -> None:
        body, headers = self._verify(vector)
        assert webhook.identify(body, headers) == ("Ym91bmNlLTAtMTIzNDU2Nzg5LTA", "bounce")
        (told,) = webhook.parse_all(body, headers)
        assert (told.object.reference, told.object.provider_id) == ("msg_01", STEM)
        assert (told.object.status, told.object.facts["smtp_status"]) == ("bounced", "5.1.1")

    @pytest.mark.parametrize("tamper", ["stripped", "reserialized", "body", "time", "signature", "key"])
    def test_tampered_is_refused(self, vector: dict[str, str], tamper: str) -> None:
        time_header, signature = f"{webhook.TIMESTAMP_HEADER}", vector[webhook.SIGNATURE_HEADER]
        changes = {
            "stripped": {"raw_body": vector["raw_body"].strip()},
            "reserialized": {"raw_body": json.dumps(json.loads(vector["raw_body"])) + "\r\n"},
            "body": {"raw_body": vector["raw_body"].replace("user@", "evil@")},
            "time": {time_header: str(int(vector[time_header]) + 1)},
            "signature": {
                webhook.SIGNATURE_HEADER: signature[:20] + ("A" if signature[20] != "A" else "B") + signature[21:]
            },
            "key": {"public_key_base64_spki": public()},
        }
        with pytest.raises(SignatureInvalid):
            self._verify(vector | changes[tamper])

    def _verify(self, vector: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
        names = (webhook.SIGNATURE_HEADER, webhook.TIMESTAMP_HEADER)
        headers, body = {name.lower(): vector[name] for name in names}, vector["raw_body"].encode()
        webhook.verify(body, headers, secrets(vector["public_key_base64_spki"]), now=AT + 5)
        return body, headers


class TestVerify:
    @pytest.mark.parametrize(("age_s", "fits"), [(-301, False), (-299, True), (86_400, True), (90_001, False)])
    def test_a_day_of_retries_is_believed(self, age_s: int, fits: bool) -> None:
        body = posted(event("open"))
        if fits:
            webhook.verify(body, signed(body), secrets(), now=AT + age_s)
            return
        with pytest.raises(SignatureInvalid, match="old"):
            webhook.verify(body, signed(body), secrets(), now=AT + age_s)

    @pytest.mark.parametrize("missing", [webhook.SIGNATURE_HEADER, webhook.TIMESTAMP_HEADER])
    def test_unsigned_is_refused(self, missing: str) -> None:
        headers = signed(b"[]")
        del headers[missing]
        with pytest.raises(SignatureInvalid):
            webhook.verify(b"[]", headers, secrets(), now=AT)

    def test_without_a_key_nothing_is_believed(self) -> None:
        with pytest.raises(SignatureInvalid, match="no verification key"):
            webhook.verify(b"[]", signed(b"[]"), {}, now=AT)

    @pytest.mark.parametrize(
        "key",
        [
            "",
            "no base64!",
            base64.b64encode(b"no key").decode(),
            public(ec.generate_private_key(ec.SECP384R1())),
            public(rsa.generate_private_key(65_537, 2_048)),
        ],
        ids=["empty", "text", "bytes", "another-curve", "rsa"],
    )
    def test_what_is_no_key_of_sendgrids_fits_nothing(self, key: str) -> None:
        with pytest.raises(SignatureInvalid):
            webhook.verify(b"[]", signed(b"[]"), secrets(key), now=AT)

    @pytest.mark.parametrize("at", ["", "soon", "-1", "9" * 40, "١٢٣"])
    def test_a_strange_time_is_refused(self, at: str) -> None:
        with pytest.raises(SignatureInvalid):
            webhook.verify(b"[]", signed(b"[]", at), secrets(), now=AT)

    @pytest.mark.parametrize("signature", ["", "%%%", "AAAA", "\udcff"])
    def test_a_strange_signature_is_refused(self, signature: str) -> None:
        with pytest.raises(SignatureInvalid):
            webhook.verify(b"[]", {**signed(b"[]"), webhook.SIGNATURE_HEADER: signature}, secrets(), now=AT)


class TestParse:
    @pytest.mark.parametrize(
        ("kind", "more", "status", "reason", "facts"),
        [
            ("processed", {}, "sent", None, {}),
            ("deferred", {"response": "451 later", "attempt": "2"}, "deferred", None, {}),
            ("delivered", {"response": "250 OK"}, "delivered", None, {}),
            (
                "bounce",
                {"type": "bounce", "status": "5.1.1", "reason": "550 no"},
                "bounced",
                "invalid_recipient",
                {"bounce_type": "hard", "smtp_status": "5.1.1"},
            ),
            ("bounce", {"type": "blocked"}, "bounced", "unknown", {"bounce_type": "soft"}),
            (
                "bounce",
                {"type": "blocked", "bounce_classification": "Content"},
                "bounced",
                "content_rejected",
                {"bounce_type": "soft"},
            ),
            ("bounce", {}, "bounced", "unknown", {"bounce_type": "undetermined"}),
            ("dropped", {"reason": "Unsubscribed Address"}, "failed", "unsubscribed", {"event": "suppressed"}),
            (
                "dropped",
                {"reason": "Bounced Address\n"},
                "failed",
                "suppressed",
                {"event": "suppressed", "suppressed_for": "bounce"},
            ),
            (
                "dropped",
                {"reason": "Spam Reporting Address"},
                "failed",
                "suppressed",
                {"event": "suppressed", "suppressed_for": "complaint"},
            ),
            ("dropped", {"reason": "Invalid"}, "failed", "invalid_recipient", {}),
            ("dropped", {"reason": "Invalid SMTPAPI header"}, "failed", "invalid_request", {}),
            ("dropped", {"reason": "Spam Content (if checked)"}, "failed", "content_rejected", {}),
            ("dropped", {"reason": "Recipient List over Package Quota"}, "failed", "insufficient_credit", {}),
            ("dropped", {}, "failed", "unknown", {}),
            ("open", {"sg_machine_open": True}, "unchanged", None, {"event": "opened", "is_machine": True}),
            ("open", {"sg_machine_open": False}, "unchanged", None, {"event": "opened"}),
            (
                "click",
                {"url": "https://a.example/x"},
                "unchanged",
                None,
                {"event": "clicked", "url": "https://a.example/x"},
            ),
            ("spamreport", {}, "unchanged", None, {"event": "complained"}),
            ("unsubscribe", {}, "unchanged", None, {"event": "unsubscribed"}),
            ("group_unsubscribe", {"asm_group_id": 1}, "unchanged", None, {"event": "unsubscribed"}),
            ("group_resubscribe", {"asm_group_id": 1}, "unchanged", None, {"event": "resubscribed"}),
        ],
    )
    def test_events(
        self, kind: str, more: dict[str, Any], status: str, reason: str | None, facts: dict[str, Any]
    ) -> None:
        parsed = webhook.parse(posted(event(kind, **more)), {})
        assert parsed is not None
        assert (parsed.id, parsed.type, parsed.occurred_at.timestamp()) == ("event-1", kind, 1_795_279_573)
        about = parsed.object
        assert (about.kind, about.provider_id, about.reference) == ("email", STEM, "eml_01")
        assert (about.status, about.error_reason) == (status, reason)
        assert about.facts == {"recipient": "user@example.net", **facts}
        assert about.facts.keys() <= FACTS
        assert reason is None or reason in REASONS

    def test_a_batch_is_several_events(self) -> None:
        assert reads_several(webhook)
        body = posted(event("processed", 1), event("delivered", 2), event("open", 3))
        assert [each.id for each in webhook.parse_all(body, {})] == ["event-1", "event-2", "event-3"]
        with pytest.raises(CallbackUnreadable):
            webhook.parse(body, {})

    def test_a_batch_is_named_by_its_bytes(self) -> None:
        """A redelivery is the same; another batch is another."""
        one, other = posted(event("open", 1), event("open", 2)), posted(event("open", 1), event("open", 3))
        assert webhook.identify(one, {}) == webhook.identify(one, {})
        assert webhook.identify(one, {})[0] != webhook.identify(other, {})[0]
        assert webhook.identify(one, {})[1] == "batch"

    def test_one_that_cannot_be_read_does_not_cost_the_others(self) -> None:
        broken = [5, {}, event("delivered", 8, timestamp="soon"), {**event("open", 9), "sg_message_id": None}]
        body = posted(event("processed", 1), *broken, event("account_status_change", 2), event("delivered", 3))
        assert [each.id for each in webhook.parse_all(body, {})] == ["event-1", "event-3"]

    def test_a_scheduled_message_is_named_with_its_batch(self) -> None:
        (told,) = webhook.parse_all(posted(event("processed", onerouter_batch="B4tch")), {})
        assert told.object.provider_id == f"{STEM}.B4tch"

    def test_a_reference_that_is_not_ours_is_none(self) -> None:
        (told,) = webhook.parse_all(posted(event("processed", onerouter_id="<b>1</b>")), {})
        assert told.object.reference is None

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"nonsense", b'"text"', b"[1"])
    def test_what_cannot_be_read_says_so(self, body: bytes) -> None:
        for read in (webhook.identify, webhook.parse, webhook.parse_all):
            with pytest.raises(CallbackUnreadable):
                read(body, {})
