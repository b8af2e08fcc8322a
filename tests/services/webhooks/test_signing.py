"""Standard Webhooks' own vector, and its own library as the judge."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from onerouter_webhooks.signing import headers, new_key_pair, new_secret, sign

VECTOR_SECRET = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


def test_the_specifications_vector() -> None:
    signature = sign([VECTOR_SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_specifications_vector_of_a_key_pair() -> None:
    private = SecretStr("whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==")
    body = b'{"test": 2432232314}'
    signature = sign([VECTOR_SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, private_key=private)
    assert signature.split(" ") == [
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
    ]
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode("1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="))
    signed = base64.b64decode(signature.partition("v1a,")[2])
    public.verify(signed, b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + body)  # raises when it does not hold


def test_a_key_pair_belongs_together() -> None:
    private, public = new_key_pair()
    made = sign([], "evt_1", 1, b"{}", private_key=private)
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    key.verify(base64.b64decode(made.removeprefix("v1a,")), b"evt_1.1.{}")
    assert len(base64.b64decode(private.get_secret_value().removeprefix("whsk_"))) == 64
    assert "whsk_" not in repr(private)


def test_every_live_secret_signs_newest_first() -> None:
    new, old = new_secret(), new_secret()
    now = int(datetime.now(UTC).timestamp())
    made = headers([new, old], "evt_1", now, b'{"a":1}')
    for secret in (new, old):
        assert Webhook(secret.get_secret_value()).verify('{"a":1}', made) == {"a": 1}
    assert made["webhook-signature"].split(" ")[0] == sign([new], "evt_1", now, b'{"a":1}')
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret().get_secret_value()).verify('{"a":1}', made)


def test_a_secret_has_32_random_bytes() -> None:
    secret = new_secret().get_secret_value()
    assert secret.startswith("whsec_")
    assert len(secret) == len("whsec_") + 44
    assert secret != new_secret().get_secret_value()
