"""What the SMS providers state about themselves."""

from decimal import Decimal

import pytest
from tests.providers.sms.lab import package

from onerouter_common.errors import InvalidRequest
from onerouter_common.worker.handler import Idempotency
from onerouter_providers.cost import find_cost

TWILIO = {
    "account_sid": "AC" + "0" * 32,
    "api_key_sid": "SK" + "0" * 32,
    "api_key_secret": "abcdefghijklmnopqrstuvwxyz012345",
    "auth_token": "0123456789abcdef0123456789abcdef",
    "messaging_service_sid": "MG" + "0" * 32,
    "from_number": "+15005550006",
    "region": "ie1",
    "edge": "dublin",
}
SNS = {
    "access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "region": "us-east-1",
    "sender_id": "OneRouter",
    "origination_number": "+14155550100",
    "default_sms_type": "Promotional",
}


@pytest.mark.parametrize(("provider", "credentials"), [("twilio", TWILIO), ("sns", SNS)])
class TestCredentials:
    def test_good_ones_are_taken(self, provider: str, credentials: dict[str, str]) -> None:
        package(provider).manifest.check_credentials(credentials, "live")

    def test_bad_ones_are_named_and_never_quoted(self, provider: str, credentials: dict[str, str]) -> None:
        for key in credentials:
            bad = "..bad\n\\value\\with every\tkind?of|sign"
            with pytest.raises(InvalidRequest) as caught:
                package(provider).manifest.check_credentials({**credentials, key: bad}, "test")
            assert [error.field for error in caught.value.errors] == [f"credentials.{key}"]
            assert bad not in str(caught.value)

    def test_secrets_are_sealed(self, provider: str, credentials: dict[str, str]) -> None:
        sealed = {one.key for one in package(provider).manifest.credentials if one.sensitive}
        assert {key for key in credentials if "secret" in key or "token" in key} <= sealed


class TestTwilio:
    @pytest.mark.parametrize("sender", ["+14155550100", "12345", "OneRouter", "My Shop"])
    def test_senders_of_every_kind(self, sender: str) -> None:
        package("twilio").manifest.check_credentials({**TWILIO, "from_number": sender}, "live")

    @pytest.mark.parametrize("sender", ["messaging_service_sid", "from_number"])
    def test_one_of_its_senders_is_needed(self, sender: str) -> None:
        manifest, without = package("twilio").manifest, {**TWILIO, "messaging_service_sid": "", "from_number": ""}
        manifest.check_credentials({**without, sender: TWILIO[sender]}, "live")
        with pytest.raises(InvalidRequest) as caught:
            manifest.check_credentials(without, "live")
        assert [error.field for error in caught.value.errors] == ["credentials.messaging_service_sid"]

    def test_what_signs_callbacks_is_not_opened_by_workers(self) -> None:
        by_callbacks = {one.key for one in package("twilio").manifest.credentials if one.used_by == "callback"}
        assert by_callbacks == {"auth_token", "auth_token_secondary", "webhook_signing_key"}

    def test_a_segment_has_a_price_where_it_is_known(self) -> None:
        prices = package("twilio").manifest.cost
        american = find_cost(prices, "sms.send", currency="USD", country="US")
        assert american is not None
        assert american.fixed_minor == Decimal("0.83")
        assert find_cost(prices, "sms.send", currency="USD", country="DE") is None


class TestSns:
    def test_it_promises_no_more_than_it_can(self) -> None:
        manifest = package("sns").manifest
        assert [(one.name, one.idempotency) for one in manifest.capabilities] == [("sms.send", Idempotency.NONE)]
        assert manifest.capabilities[0].guarantee == "at_most_once"
        assert manifest.unsupported.keys() == {"sms.get", "sms.schedule", "sms.cancel"}
        assert manifest.callback is None
        assert package("sns").webhook is None

    @pytest.mark.parametrize("sender_id", ["12345", "-abc", "ab", "a" * 12, "ab_c"])
    def test_sender_ids_that_carriers_refuse(self, sender_id: str) -> None:
        with pytest.raises(InvalidRequest):
            package("sns").manifest.check_credentials({**SNS, "sender_id": sender_id}, "live")
