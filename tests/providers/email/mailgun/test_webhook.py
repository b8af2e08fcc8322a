"""Mailgun's callbacks: what is believed, what it is known by, and what it says."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.providers.email.mailgun.conftest import MailgunLab

from onerouter_providers.email.mailgun import webhook
from onerouter_providers.messages import FACTS
from onerouter_providers.webhook import CallbackUnreadable, SignatureInvalid, WebhookModule, reads_several

KEY = "key-00000000000000000000000000000001"
AT = 1_795_279_573
TOKEN = "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"
EVENT = {
    "event": "delivered",
    "id": "hK7mQVt1QtqRiOfQXta4sw",
    "timestamp": 1_529_692_199.626182,
    "recipient": "john@example.com",
    "message": {"headers": {"message-id": "eml_01@mg.example.com"}},
    "user-variables": {"onerouter_id": "eml_01"},
}


def secrets(*keys: str) -> dict[str, SecretStr]:
    names = ("webhook_signing_key", "webhook_signing_key_previous")
    return {name: SecretStr(key) for name, key in zip(names, keys, strict=False)}


def signed(key: str = KEY, at: int | str = AT, token: str = TOKEN, **changes: Any) -> dict[str, Any]:
    signature = hmac.new(key.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": str(at), "token": token, "signature": signature},
        "event-data": {**EVENT, **changes},
    }


def body(callback: dict[str, Any]) -> bytes:
    return json.dumps(callback).encode()


class TestVerify:
    def test_the_vector_is_believed_and_nothing_like_it(self, specs: Path) -> None:
        vector = json.loads((specs / "messaging-webhook-vectors.json").read_text())["mailgun"]
        key = secrets(vector["http_webhook_signing_key"])
        good = {name: vector[name] for name in ("timestamp", "token", "signature")}
        at = float(good["timestamp"])
        webhook.verify(body({"signature": good, "event-data": EVENT}), {}, key, now=at)
        for name, value in good.items():
            tampered = {**good, name: value[:-1] + ("0" if value[-1] != "0" else "1")}
            with pytest.raises(SignatureInvalid):
                webhook.verify(body({"signature": tampered, "event-data": EVENT}), {}, key, now=at)
        with pytest.raises(SignatureInvalid):
            webhook.verify(body({"signature": good}), {}, secrets("another-key-00000000000"), now=at)

    def test_either_of_two_keys_while_one_is_replaced(self) -> None:
        webhook.verify(body(signed()), {}, secrets("new-key", KEY), now=AT)
        webhook.verify(body(signed()), {}, secrets(KEY, "old-key"), now=AT)

    @pytest.mark.parametrize(
        ("age_s", "believed"), [(0, True), (9 * 3_600, True), (9 * 3_600 + 1, False), (-601, False)]
    )
    def test_only_while_mailgun_may_still_try(self, age_s: int, believed: bool) -> None:
        if believed:
            webhook.verify(body(signed()), {}, secrets(KEY), now=AT + age_s)
            return
        with pytest.raises(SignatureInvalid):
            webhook.verify(body(signed()), {}, secrets(KEY), now=AT + age_s)

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{}",
            b"[]",
            b"signature=x",
            body({"signature": "x"}),
            body({"signature": {"timestamp": AT, "token": TOKEN, "signature": "x"}}),
            body(signed(at="")),
            body(signed(at="1e9")),
            body(signed(token="")),
            body(signed(token="short")),
            body(signed(token=TOKEN + "\n")),
            body({"signature": {**signed()["signature"], "signature": None}}),
            body({"signature": {**signed()["signature"], "signature": "\udcff"}}),
        ],
    )
    def test_what_is_not_signed_is_refused(self, raw: bytes) -> None:
        with pytest.raises(SignatureInvalid):
            webhook.verify(raw, {}, secrets(KEY), now=AT)

    def test_without_a_key_nothing_is_believed(self) -> None:
        for none in ({}, secrets("")):
            with pytest.raises(SignatureInvalid):
                webhook.verify(body(signed()), {}, none, now=AT)

    def test_digits_may_not_move_between_time_and_token(self) -> None:
        """Both are signed as one text: `1795279573` + `a8…` could be read as `179527957` + `3a8…`, an older time."""
        callback = signed()
        moved = {**callback["signature"], "timestamp": str(AT)[:-1], "token": str(AT)[-1] + TOKEN}
        with pytest.raises(SignatureInvalid):
            webhook.verify(body({**callback, "signature": moved}), {}, secrets(KEY), now=AT)


class TestIdentify:
    def test_a_callback_is_known_by_its_token_whatever_its_event_says(self) -> None:
        """The event is not signed: who replays a signature with another event must meet the first one's mark."""
        first, forged = body(signed()), body(signed(event="complained", id="another"))
        assert webhook.identify(first, {}) == (TOKEN, "delivered")
        assert webhook.identify(forged, {}) == (TOKEN, "complained")

    def test_one_event_each(self) -> None:
        module: WebhookModule = webhook
        assert not reads_several(module)


class TestParse:
    def test_an_event_in_our_words(self) -> None:
        event = webhook.parse(body(signed()), {})
        assert event is not None
        assert (event.id, event.type) == ("2018-06-22:hK7mQVt1QtqRiOfQXta4sw", "delivered")
        assert event.occurred_at.isoformat() == "2018-06-22T18:29:59.626182+00:00"
        about = event.object
        assert (about.kind, about.status, about.provider_id) == ("email", "delivered", "eml_01@mg.example.com")
        assert about.reference == "eml_01"
        assert about.facts == {"recipient": "john@example.com"}

    @pytest.mark.parametrize(
        "changes",
        [
            {"user-variables": {}},
            {"user-variables": {"onerouter_id": "eml_02"}},
            {"user-variables": {"onerouter_id": ""}},
            {"user-variables": {"onerouter_id": ["eml_01"]}},
            {"user-variables": "eml_01"},
            {"message": {"headers": {"message-id": "other@mg.example.com"}}},
        ],
    )
    def test_no_reference_where_the_message_id_does_not_agree(self, changes: dict[str, Any]) -> None:
        event = webhook.parse(body(signed(**changes)), {})
        assert event is not None
        assert event.object.reference is None

    @pytest.mark.parametrize("kind", ["stored", "list_uploaded", "something_new"])
    def test_other_kinds_are_not_followed(self, kind: str) -> None:
        assert webhook.parse(body(signed(event=kind)), {}) is None

    @pytest.mark.parametrize(
        "changes",
        [{"timestamp": None}, {"timestamp": True}, {"timestamp": 1e15}, {"message": {}}, {"id": ""}, {"event": 7}],
    )
    def test_what_lacks_what_it_needs_is_unreadable(self, changes: dict[str, Any]) -> None:
        with pytest.raises(CallbackUnreadable):
            webhook.parse(body(signed(**changes)), {})


async def test_the_simulators_callbacks_are_signed_each_by_its_own_token(lab: MailgunLab) -> None:
    made = await lab.client().send_email(lab.request(), key="k")
    for fate in ("deferred", "delivered", "opened", "clicked", "complained", "unsubscribed"):
        await lab.happens(made.provider_message_id, fate)
    events = await lab.told(made.provider_message_id)
    told = [(event.type, event.object.status, event.object.facts.get("event")) for event in events]
    assert told == [
        ("accepted", "queued", None),
        ("failed.temporary", "deferred", None),
        ("delivered", "delivered", None),
        ("opened", "unchanged", "opened"),
        ("clicked", "unchanged", "clicked"),
        ("complained", "unchanged", "complained"),
        ("unsubscribed", "unchanged", "unsubscribed"),
    ]
    assert all(event.object.facts.keys() <= FACTS for event in events)
    came = lab.inbox.came[lab.domain]
    assert len({webhook.identify(body, headers)[0] for headers, body in came}) == len(came)
