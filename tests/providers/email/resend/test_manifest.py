import pytest
from tests.providers.email.lab import package_of

from onerouter_common.errors import InvalidRequest
from onerouter_common.worker.handler import Idempotency
from onerouter_providers.cost import find_cost

MANIFEST = package_of("resend").manifest
GOOD = {"api_key": "re_12345678_abcdefgh"}


def test_a_repeat_is_safe_for_a_day() -> None:
    for name in ("email.send", "email.schedule"):
        facts = MANIFEST.find_capability(name)
        assert facts is not None
        assert (facts.idempotency, facts.header, facts.retention_s) == (Idempotency.NATIVE, "Idempotency-Key", 86_400)
        assert facts.lookup is not None  # for what is older


def test_an_email_costs_a_fraction_of_a_cent() -> None:
    price = find_cost(MANIFEST.cost, "email.send", currency="USD")
    assert price is not None
    assert price.fixed_minor * 1_000 == 90  # 0.90 USD per 1,000


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"key_permission": "sending_access"},
        {"default_from": "Acme <hello@acme.example>"},
        {"default_from": "hello@acme.example"},
        {"webhook_secret": "whsec_b25lcm91dGVyLXRlc3Qtd2ViaG9vay1rZXktMzJieXQ="},
    ],
)
def test_credentials_that_look_right_are_taken(more: dict[str, str]) -> None:
    MANIFEST.check_credentials({**GOOD, **more}, "test")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("api_key", "sk_12345678"),
        ("key_permission", "all"),
        ("default_from", "Acme <hello@acme.example>\r\nBcc: x@example.net"),
        ("webhook_secret", "b25lcm91dGVy"),
    ],
)
def test_others_are_refused_by_name(field: str, value: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        MANIFEST.check_credentials({**GOOD, field: value}, "test")
    assert [error.field for error in caught.value.errors] == [f"credentials.{field}"]
