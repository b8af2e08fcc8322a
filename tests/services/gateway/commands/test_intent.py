"""Ids and fingerprints: the same request is the same operation."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from onerouter_common.contracts.commands import Command
from onerouter_common.registry_client import Principal
from onerouter_gateway.commands.intent import Intent, command_of, fingerprint
from onerouter_gateway.edge.canonical import canonical_of
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.payments.schemas import PaymentCreate


def _command(key: str | None, tenant: str = "ten_1", environment: Any = "test", secret: bytes = b"s") -> Command:
    principal = Principal(
        tenant_id=tenant,
        environment=environment,
        api_key_id="key_1",
        status="active",
        scopes=frozenset("*"),
        rate_limit_per_s=1,
        rate_burst=1,
        default_currency="INR",
        services={},
    )
    intent = Intent("payment.create", "payments", "POST /v1/payments", {}, {}, resource_prefix="pay")
    now = datetime(2026, 1, 31, tzinfo=UTC)
    return command_of(intent, secret=secret, principal=principal, environment=environment, key=key, now=now)


def test_a_repeat_differs_only_in_its_command_id() -> None:
    first, second = _command("k"), _command("k")
    assert first.command_id != second.command_id
    assert first.model_copy(update={"command_id": second.command_id}) == second


def test_keys_are_scoped() -> None:
    commands = [_command("k"), _command("l"), _command("k", tenant="ten_2"), _command("k", environment="live")]
    commands += [_command("k", secret=b"other"), _command(None), _command(None)]
    assert len({c.operation_id for c in commands}) == len({c.resource_id for c in commands}) == len(commands)


@given(
    st.dictionaries(
        st.text(max_size=5), st.text(max_size=5) | st.dictionaries(st.text(max_size=3), st.text(max_size=3))
    )
)
def test_the_fingerprint_ignores_order(body: dict[str, Any]) -> None:
    assert fingerprint("POST /x", body) == fingerprint("POST /x", dict(reversed(body.items())))
    assert fingerprint("POST /x", body) != fingerprint("POST /y", body)


def test_any_number_that_json_has_can_be_in_it() -> None:
    """What is looked at item by item is in it as it was written."""
    huge, other = {"items": [{"n": 10**30}]}, {"items": [{"n": 10**30 + 1}]}
    assert fingerprint("POST /x", huge) == fingerprint("POST /x", {"items": [{"n": 10**30}]})
    assert fingerprint("POST /x", huge) != fingerprint("POST /x", other)
    assert fingerprint("POST /x", {"b": -(2**70), "a": 1}) == fingerprint("POST /x", {"a": 1, "b": -(2**70)})


def test_spelling_does_not_matter_but_meaning_does() -> None:
    def of(**body: Any) -> dict[str, Any]:
        return canonical_of(validate(PaymentCreate, body))

    same = of(amount="499.00")
    assert of(amount=499) == same
    assert of(amount="499", capture="automatic", notes={}, idempotency_key="k", environment="test") == same
    assert of(amount=500) != same
    assert of(amount=499, currency="INR") != same
    assert of(amount=499, capture="manual") != same
    assert of(amount=499, customer={"name": "A"}) != same
    assert of(amount=499, country="IN") != same
    assert of(amount=499, country="in") == of(amount=499, country="IN")
    assert of(amount=499, channel="web") != same


def test_what_was_ignored_before_routing_looked_at_it_leaves_the_fingerprint_alone() -> None:
    old = canonical_of(validate(PaymentCreate, {"amount": 499, "customer": {"name": "A"}}))
    for address in ({"country": "IN", "line1": "x"}, {"line1": "x"}, "1 Main Street", ["x"], 7):
        assert (
            canonical_of(validate(PaymentCreate, {"amount": 499, "customer": {"name": "A", "address": address}})) == old
        )
    assert "country" not in old
