"""Stripe's callbacks: only what is signed and fresh is believed, and each kind we follow becomes one object."""

import copy
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from onerouter_common.contracts.callbacks import CallbackObject
from onerouter_common.ids import PAYMENT, REFUND, new_id
from onerouter_providers.loader import Providers
from onerouter_providers.payments.stripe import webhook
from onerouter_providers.webhook import CallbackUnreadable, SignatureInvalid

SECRET = "whsec_EXAMPLE_01"
SECRETS = {"webhook_secret": SecretStr(SECRET)}
AT = 1_767_225_600
BODY = (
    '{"id":"evt_ORTEST0000000004","object":"event","type":"payment_intent.succeeded","created":1767225600,"data":'
    '{"object":{"id":"pi_ORTEST000001","amount":1299,"currency":"usd","status":"succeeded","metadata":{"name":"Zoë"}}}}'
).encode()
SIGNATURE = "780f40b1e7633caa7e55c2045a55f684825b69d6bd937ec34fc35fc418efd572"
HEADER = f"t={AT},v1={SIGNATURE}"


def sign(body: bytes, at: int, secret: str = SECRET) -> dict[str, str]:
    code = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={at},v1={code}"}


def encode(event: Any) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


def event(kind: str, thing: dict[str, Any]) -> dict[str, Any]:
    return {"id": "evt_1", "object": "event", "type": kind, "created": AT, "data": {"object": thing}}


def parsed(kind: str, **thing: Any) -> CallbackObject:
    found = webhook.parse(encode(event(kind, thing)), {})
    assert found is not None
    return found.object


@pytest.fixture(scope="session")
def samples(specs: Path) -> dict[str, Any]:
    return dict(json.loads((specs / "webhook-samples" / "stripe.json").read_text("utf-8"))["events"])


class TestVerify:
    def test_the_published_vectors(self, specs: Path) -> None:
        vectors = json.loads((specs / "webhook-samples" / "signature-vectors.json").read_text("utf-8"))["stripe"]
        body = vectors["body"].encode()
        secrets = {"webhook_secret": SecretStr(vectors["secret"])}
        assert len(vectors["cases"]) == 7
        for case in vectors["cases"]:
            if case["valid"]:
                webhook.verify(body, {"Stripe-Signature": case["header"]}, secrets, now=case["now"])
                with pytest.raises(SignatureInvalid):
                    webhook.verify(
                        json.dumps(json.loads(body)).encode(),
                        {"Stripe-Signature": case["header"]},
                        secrets,
                        now=case["now"],
                    )
            else:
                with pytest.raises(SignatureInvalid):
                    webhook.verify(body, {"Stripe-Signature": case["header"]}, secrets, now=case["now"])

    @pytest.mark.parametrize("name", ["Stripe-Signature", "stripe-signature", "STRIPE-SIGNATURE"])
    def test_header_names_have_any_case(self, name: str) -> None:
        webhook.verify(BODY, {name: HEADER}, SECRETS, now=AT)

    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def test_no_flipped_bit_passes(self, data: st.DataObject) -> None:
        where = data.draw(st.integers(0, len(BODY) * 8 - 1))
        changed = bytearray(BODY)
        changed[where // 8] ^= 1 << where % 8
        with pytest.raises(SignatureInvalid):
            webhook.verify(bytes(changed), {"Stripe-Signature": HEADER}, SECRETS, now=AT)
        where = data.draw(st.integers(0, len(HEADER) * 7 - 1))
        flipped = bytearray(HEADER.encode())
        flipped[where // 7] ^= 1 << where % 7
        with pytest.raises(SignatureInvalid):
            webhook.verify(BODY, {"Stripe-Signature": flipped.decode()}, SECRETS, now=AT)

    @pytest.mark.parametrize(
        "given_header",
        [
            None,
            "",
            SIGNATURE,
            f"v1={SIGNATURE}",
            f"t={AT}",
            f"t={AT},v0={SIGNATURE}",
            f"t={AT},v1={SIGNATURE.upper()}",
            f"t={AT},v1={SIGNATURE[:-1]}",
            f"t=-{AT},v1={SIGNATURE}",
            f"t=١٧٦٧٢٢٥٦٠٠,v1={SIGNATURE}",
            f"t={AT}.0,v1={SIGNATURE}",
            f"t={'9' * 500},v1={SIGNATURE}",
            f"t={AT},v1=é",
            f"t={AT},v1=\udcff",
        ],
    )
    def test_what_is_not_the_signature_does_not_pass(self, given_header: str | None) -> None:
        with pytest.raises(SignatureInvalid):
            webhook.verify(BODY, {} if given_header is None else {"Stripe-Signature": given_header}, SECRETS, now=AT)

    def test_old_ones_are_refused_by_the_clock(self) -> None:
        now = int(time.time())
        webhook.verify(BODY, sign(BODY, now), SECRETS)
        webhook.verify(BODY, sign(BODY, now - 290), SECRETS)
        with pytest.raises(SignatureInvalid, match="old"):
            webhook.verify(BODY, sign(BODY, now - 310), SECRETS)

    def test_both_live_secrets_are_accepted_and_none_is_not_a_pass(self) -> None:
        both = {"webhook_secret": SecretStr("whsec_new"), "webhook_secret_previous": SecretStr(SECRET)}
        webhook.verify(BODY, sign(BODY, AT), both, now=AT)
        webhook.verify(BODY, sign(BODY, AT, "whsec_new"), both, now=AT)
        for nothing in ({}, {"webhook_secret": SecretStr("")}, {"secret_key": SecretStr(SECRET)}):
            with pytest.raises(SignatureInvalid):
                webhook.verify(BODY, sign(BODY, AT), nothing, now=AT)
        with pytest.raises(SignatureInvalid):
            webhook.verify(BODY, sign(BODY, AT, ""), {"webhook_secret": SecretStr("")}, now=AT)

    def test_a_flood_of_signatures_is_not_compared(self) -> None:
        many = ",".join([f"t={AT}", *(["v1=x"] * 16), f"v1={SIGNATURE}"])
        with pytest.raises(SignatureInvalid):
            webhook.verify(BODY, {"Stripe-Signature": many}, SECRETS, now=AT)


class TestParse:
    def test_the_event_is_known_by_its_id(self) -> None:
        assert webhook.identify(BODY, {}) == ("evt_ORTEST0000000004", "payment_intent.succeeded")

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            ("payment_intent.requires_action", {"status": "requires_action"}),
            ("payment_intent.processing", {"status": "processing"}),
            ("payment_intent.amount_capturable_updated", {"status": "authorized", "error_reason": None}),
            ("payment_intent.succeeded", {"status": "succeeded", "amount_minor": 1_299, "order_id": None}),
            ("payment_intent.payment_failed", {"status": "failed", "error_reason": "insufficient_funds"}),
            ("payment_intent.canceled", {"status": "canceled"}),
            ("charge.refunded", {"status": "partially_refunded", "amount_refunded_minor": 500}),
            ("charge.expired", {"status": "expired", "amount_refunded_minor": 0}),
            ("refund.created", {"kind": "refund", "status": "pending", "amount_minor": 500}),
            ("refund.updated", {"kind": "refund", "status": "succeeded", "refund_id": "re_ORTEST000001"}),
            ("refund.failed", {"kind": "refund", "status": "failed", "error_reason": "refund_rejected"}),
        ],
    )
    def test_each_sample_we_follow_becomes_its_object(
        self, samples: dict[str, Any], kind: str, expected: dict[str, Any]
    ) -> None:
        found = webhook.parse(encode(samples[kind]), {})
        assert found is not None
        assert (found.id, found.type) == (samples[kind]["id"], kind)
        assert found.occurred_at.timestamp() == samples[kind]["created"]
        shown = found.object.model_dump()
        assert {name: shown[name] for name in expected} == expected
        assert (shown["payment_id"], shown["currency"]) == ("pi_ORTEST000001", "USD")
        assert "_secret_" not in found.object.model_dump_json()

    def test_a_session_that_ran_out_has_no_payment(self, samples: dict[str, Any]) -> None:
        sample = copy.deepcopy(samples["checkout.session.expired"])
        sample["data"]["object"]["payment_link"] = None
        found = webhook.parse(encode(sample), {})
        assert found is not None
        # The sample's event is a day earlier than the session's end: somebody expired it.
        assert (found.object.status, found.object.payment_id) == ("canceled", None)
        late = {**sample, "created": sample["data"]["object"]["expires_at"]}
        ran_out = webhook.parse(encode(late), {})
        assert ran_out is not None
        assert ran_out.object.status == "expired"

    def test_every_other_sample_is_left_alone(self, samples: dict[str, Any]) -> None:
        followed = {kind for kind in samples if webhook.parse(encode(samples[kind]), {}) is not None}
        known = {kind for kind in samples if kind.partition("#")[0] in webhook.FOLLOWED}
        assert followed == known - {"checkout.session.expired"}  # of a payment link, which is none the worse for it
        package = Providers.load().find("payments", "stripe")
        assert package is not None
        assert package.manifest.callback is not None
        assert set(package.manifest.callback.events) == set(webhook.FOLLOWED)

    def test_our_ids_are_taken_from_metadata(self) -> None:
        ours, refund_id = new_id(PAYMENT), new_id(REFUND)
        intent = {"id": "pi_1", "status": "succeeded", "metadata": {"onerouter_payment_id": ours}}
        assert parsed("payment_intent.succeeded", **intent).reference == ours
        assert parsed("payment_intent.succeeded", **{**intent, "metadata": None}).reference is None
        assert (
            parsed("payment_intent.succeeded", **{**intent, "metadata": {"onerouter_payment_id": "x"}}).reference
            is None
        )
        refund = {"id": "re_1", "payment_intent": "pi_1", "status": "succeeded"}
        named = {**refund, "metadata": {"onerouter_refund_id": refund_id, "onerouter_payment_id": ours}}
        assert parsed("refund.updated", **named).reference == refund_id
        # A payment link's client reference stands in its address, which payers can write: only metadata counts.
        session = {"id": "cs_1", "status": "complete", "payment_status": "paid", "client_reference_id": ours}
        assert parsed("checkout.session.completed", **session).reference is None

    def test_a_hold_let_go_is_no_refund(self) -> None:
        released = {"id": "re_1", "status": "succeeded", "reason": "expired_uncaptured_charge", "amount": 500}
        assert webhook.parse(encode(event("refund.created", released)), {}) is None
        charge = {
            "id": "ch_1",
            "payment_intent": "pi_1",
            "amount": 500,
            "currency": "usd",
            "status": "succeeded",
            "captured": False,
            "amount_captured": 0,
            "amount_refunded": 500,
            "refunded": True,
        }
        told = parsed("charge.refunded", **charge)
        assert (told.status, told.amount_refunded_minor) == ("canceled", 0)

    def test_a_charge_knows_the_method(self) -> None:
        instrument = {"type": "card", "card": {"brand": "visa", "last4": "4242"}}
        charge = {"id": "ch_1", "payment_intent": "pi_1", "status": "succeeded", "captured": True}
        told = parsed("charge.succeeded", **charge, payment_method_details=instrument)
        assert (told.payment_id, told.status, told.method) == ("pi_1", "succeeded", "card")
        assert told.method_details == {"card_network": "visa", "card_last4": "4242"}

    def test_a_status_we_have_not_met_is_unknown(self) -> None:
        assert parsed("payment_intent.succeeded", id="pi_1", status="in_orbit").status == "unknown"
        assert parsed("refund.updated", id="re_1", status="in_orbit").status == "unknown"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\xff",
            b"null",
            b"[]",
            b"[" * 100_000,
            encode({"type": "payment_intent.succeeded", "created": 1}),
            encode({**event("payment_intent.succeeded", {"id": "pi_1"}), "id": 7}),
            encode({**event("payment_intent.succeeded", {"id": "pi_1"}), "type": None}),
            encode({**event("payment_intent.succeeded", {"id": "pi_1"}), "created": None}),
            encode({**event("payment_intent.succeeded", {"id": "pi_1"}), "created": 10**20}),
            encode({**event("payment_intent.succeeded", {"id": "pi_1"}), "data": "text"}),
            encode(event("payment_intent.succeeded", {})),
        ],
    )
    def test_what_cannot_be_read_says_so(self, body: bytes) -> None:
        with pytest.raises(CallbackUnreadable):
            webhook.parse(body, {})

    @settings(deadline=None)
    @given(st.binary(max_size=200) | st.text().map(str.encode))
    def test_parse_survives_anything(self, body: bytes) -> None:
        with pytest.raises(CallbackUnreadable):
            webhook.parse(body, {})
