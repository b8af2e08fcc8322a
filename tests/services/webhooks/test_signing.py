"""Standard Webhooks' own vector, and its own library as the judge."""

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from onerouter_webhooks.signing import headers, new_secret, sign

VECTOR_SECRET = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


def test_the_specifications_vector() -> None:
    signature = sign([VECTOR_SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


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
