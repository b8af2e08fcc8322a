"""Twilio's callbacks: what is believed, and what it says in our words."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import SecretStr

from onerouter_providers.sms.twilio.webhook import identify, parse, verify
from onerouter_providers.webhook import ADDRESS_HEADER, CallbackUnreadable, SignatureInvalid

TOKEN = "0123456789abcdef0123456789abcdef"
ADDRESS = "https://hooks.example.com/callbacks/twilio/tok?onerouter_message=sms_01"
SID = "SM00000000000000000000000000000001"
DELIVERED = {"MessageSid": SID, "MessageStatus": "delivered", "SmsStatus": "delivered", "AccountSid": "AC" + "0" * 32}


def headers_of(address: str, signature: str) -> dict[str, str]:
    return {"x-twilio-signature": signature, ADDRESS_HEADER: address}


def signed(fields: Mapping[str, str], address: str = ADDRESS, token: str = TOKEN) -> tuple[bytes, dict[str, str]]:
    said = address + "".join(name + fields[name] for name in sorted(fields))
    signature = base64.b64encode(hmac.new(token.encode(), said.encode(), hashlib.sha1).digest()).decode()
    return urlencode(fields).encode(), headers_of(address, signature)


def secrets(**more: str) -> dict[str, SecretStr]:
    return {name: SecretStr(value) for name, value in {"auth_token": TOKEN, **more}.items()}


def refused(body: bytes, headers: Mapping[str, str], given: Mapping[str, SecretStr]) -> bool:
    try:
        verify(body, headers, given)
    except SignatureInvalid:
        return True
    return False


@pytest.fixture(scope="module")
def vectors(specs: Path) -> dict[str, Any]:
    return dict(json.loads((specs / "messaging-webhook-vectors.json").read_text("utf-8")))


class TestVectors:
    @pytest.mark.parametrize(
        "name",
        [
            "twilio_form",
            "twilio_form_with_port",
            "twilio_form_unicode_and_empty",
            "twilio_json",
            "twilio_published_example",
        ],
    )
    def test_each_is_accepted_and_no_variant_of_it(self, vectors: dict[str, Any], name: str) -> None:
        vector = vectors[name]
        params = vectors["twilio_form"]["params"] if isinstance(vector.get("params"), str) else vector.get("params")
        body = vector["raw_body"].encode() if params is None else urlencode(params).encode()
        address = vector.get("url_received") or vector["url"]
        token, signature = secrets(auth_token=vector["auth_token"]), vector["X-Twilio-Signature"]
        verify(body, headers_of(address, signature), token)

        flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
        added = body + b"&Extra=" if params is not None else body + b" "
        for tampered_body, headers, given in (
            (body, headers_of(address, flipped), token),
            (body, headers_of(address, signature.lower()), token),
            (body, headers_of(address, ""), token),
            (added, headers_of(address, signature), token),
            (body.replace(b"1", b"2", 1), headers_of(address, signature), token),
            (b"", headers_of(address, signature), token),
            (body, headers_of(address.replace("https", "http", 1), signature), token),
            (body, headers_of(address.replace(".com", ".org", 1), signature), token),
            (body, headers_of(address + "&more=1", signature), token),
            (body, headers_of(address, signature), secrets(auth_token=vector["auth_token"][:-1] + "0x")),
            (body, {"x-twilio-signature": signature}, token),
            (body, {ADDRESS_HEADER: address}, token),
            (body, headers_of(address, signature), {}),
        ):
            assert refused(tampered_body, headers, given), (tampered_body, headers)

    def test_the_received_port_may_be_one_that_was_not_signed(self, vectors: dict[str, Any]) -> None:
        vector = vectors["twilio_form"]
        body = urlencode(vector["params"]).encode()
        with_port = vector["url"].replace("example.com/", "example.com:443/")
        verify(body, headers_of(with_port, vector["X-Twilio-Signature"]), secrets(auth_token=vector["auth_token"]))
        other_port = vector["url"].replace("example.com/", "example.com:8443/")
        assert refused(body, headers_of(other_port, vector["X-Twilio-Signature"]), secrets())


class TestVerify:
    def test_either_token_while_one_is_changed(self) -> None:
        for name in ("auth_token_secondary", "webhook_signing_key"):
            body, headers = signed(DELIVERED, token="f" * 32)
            assert refused(body, headers, secrets())
            verify(body, headers, secrets(**{name: "f" * 32}))

    def test_a_repeated_name_counts_each_distinct_value(self) -> None:
        said = ADDRESS + "Media" + "a" + "Media" + "b" + "Z"
        signature = base64.b64encode(hmac.new(TOKEN.encode(), said.encode(), hashlib.sha1).digest()).decode()
        verify(b"Z=&Media=b&Media=a&Media=b", headers_of(ADDRESS, signature), secrets())

    def test_another_account_of_the_same_token_is_somebody_else(self) -> None:
        body, headers = signed(DELIVERED)
        verify(body, headers, secrets(account_sid="AC" + "0" * 32))
        assert refused(body, headers, secrets(account_sid="AC" + "1" * 32))

    def test_a_fragment_is_not_signed(self) -> None:
        body, headers = signed(DELIVERED)
        verify(body, {**headers, ADDRESS_HEADER: ADDRESS + "#rc=5"}, secrets())

    def test_bytes_that_are_no_form_are_refused(self) -> None:
        _, headers = signed(DELIVERED)
        for body in (b"\xff\xfe", b"&".join(b"a=%d" % number for number in range(2_000))):
            assert refused(body, headers, secrets())


class TestParse:
    def test_a_delivered_message_names_ours(self) -> None:
        body, headers = signed(DELIVERED)
        assert identify(body, headers) == (f"{SID}:delivered", "message.delivered")
        event = parse(body, headers)
        assert event is not None
        about = event.object
        assert (about.kind, about.status, about.provider_id, about.reference) == ("sms", "delivered", SID, "sms_01")
        assert about.facts == {}

    @pytest.mark.parametrize(
        ("word", "code", "status", "reason"),
        [
            ("undelivered", "30003", "undelivered", "unknown"),
            ("undelivered", "30006", "undelivered", "invalid_recipient"),
            ("failed", "30007", "failed", "content_rejected"),
            ("failed", "30001", "failed", "provider_unavailable"),
            ("failed", "99999", "failed", "unknown"),
            ("failed", "", "failed", "unknown"),
        ],
    )
    def test_a_failure_says_why(self, word: str, code: str, status: str, reason: str) -> None:
        event = parse(*signed({**DELIVERED, "MessageStatus": word, "ErrorCode": code}))
        assert event is not None
        assert (event.object.status, event.object.error_reason) == (status, reason)
        assert event.object.error_code == (code or None)

    def test_read_is_delivered_and_more(self) -> None:
        event = parse(*signed({**DELIVERED, "MessageStatus": "read"}))
        assert event is not None
        assert (event.object.status, event.object.facts) == ("delivered", {"event": "read"})

    def test_json_says_the_same(self) -> None:
        body = json.dumps({"MessageSid": SID, "MessageStatus": "sent"}).encode()
        address = f"{ADDRESS}&bodySHA256={hashlib.sha256(body).hexdigest()}"
        event = parse(body, headers_of(address, ""))
        assert event is not None
        assert (event.object.status, event.object.reference) == ("sent", "sms_01")

    @pytest.mark.parametrize(
        ("body", "opt_out", "keyword"),
        [
            ("stop ", None, "STOP"),
            ("Unsubscribe", None, "STOP"),
            ("START", None, "START"),
            ("help", None, "HELP"),
            ("BAJA", "STOP", "STOP"),
            ("please stop", None, None),
        ],
    )
    def test_an_incoming_message_is_about_none_of_ours(
        self, body: str, opt_out: str | None, keyword: str | None
    ) -> None:
        fields = {
            "MessageSid": SID,
            "SmsStatus": "received",
            "From": "+14155550100",
            "To": "+15005550006",
            "Body": body,
        }
        event = parse(*signed({**fields, **({"OptOutType": opt_out} if opt_out else {})}, ADDRESS.partition("?")[0]))
        assert event is not None
        assert (event.object.status, event.object.reference) == ("unchanged", None)
        expected = {"event": "inbound", "sender": "+14155550100", "recipient": "+15005550006", "body": body}
        assert event.object.facts == expected | ({"keyword": keyword} if keyword else {})

    def test_a_status_that_we_have_not_met_is_not_followed(self) -> None:
        assert parse(*signed({**DELIVERED, "MessageStatus": "teleported"})) is None

    @pytest.mark.parametrize("fields", [{}, {"MessageSid": SID}, {"MessageStatus": "sent"}])
    def test_what_names_no_message_or_status_cannot_be_read(self, fields: dict[str, str]) -> None:
        body, headers = signed(fields)
        with pytest.raises(CallbackUnreadable):
            identify(body, headers)
        with pytest.raises(CallbackUnreadable):
            parse(body, headers)
