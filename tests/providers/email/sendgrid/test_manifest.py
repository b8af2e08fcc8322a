import pytest
from tests.providers.email.lab import package_of

from onerouter_common.errors import InvalidRequest
from onerouter_common.worker.handler import Idempotency
from onerouter_providers.email.sendgrid import logs
from onerouter_sandbox.sendgrid.account import Account

MANIFEST = package_of("sendgrid").manifest
GOOD = {"api_key": f"SG.{'a' * 22}.{'b' * 43}"}


def test_what_is_not_found_is_believed_when_the_logs_have_settled() -> None:
    for name in ("email.send", "email.schedule"):
        facts = MANIFEST.find_capability(name)
        assert facts is not None
        assert (facts.idempotency, facts.absence_settles_s) == (Idempotency.LOOKUP, logs.SETTLES.total_seconds())


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"data_residency": "eu"},
        {"default_from": "hello@acme.example", "default_from_name": "Acme"},
        {"webhook_public_key": Account(api_key=GOOD["api_key"]).webhook_public_key},
    ],
)
def test_credentials_that_look_right_are_taken(more: dict[str, str]) -> None:
    MANIFEST.check_credentials({**GOOD, **more}, "test")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("api_key", "SG.short.key"),
        ("data_residency", "asia"),
        ("default_from", "Acme <hello@acme.example>"),
        ("webhook_public_key", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"),
    ],
)
def test_others_are_refused_by_name(field: str, value: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        MANIFEST.check_credentials({**GOOD, field: value}, "test")
    assert [error.field for error in caught.value.errors] == [f"credentials.{field}"]
