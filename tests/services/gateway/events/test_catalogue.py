"""The catalogue of events is complete and current, and its examples are what it says they are."""

import copy
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]
from tests.e2e.described import closed

from onerouter_common.contracts.event_types import EVENT_TYPES, EventType
from onerouter_common.worker.alarm import STUCK
from onerouter_gateway.email.schemas import Email
from onerouter_gateway.events.catalogue import DATA, catalogue, definitions, schema_of
from onerouter_gateway.events.document import describe
from onerouter_gateway.payments.schemas import Payment
from onerouter_gateway.refunds.schemas import Refund
from onerouter_gateway.sms.schemas import Sms
from onerouter_messaging.message.state import ENGAGEMENTS
from onerouter_payments.dispute.kind import DISPUTE_KIND
from onerouter_payments.payment.aggregate import MISMATCH, UPDATED
from onerouter_payments.resource.kind import Kind
from onerouter_payments.resource.kinds import KINDS
from onerouter_storage.object import views as objects
from onerouter_storage.upload import views as uploads
from onerouter_webhooks.callback.handshake.notices import REFUSED
from onerouter_webhooks.delivery.notices import TYPES as ABOUT_WEBHOOKS

_COMMITTED = Path(__file__).parents[4] / "docs" / "event-types.md"
_OF_EACH = pytest.mark.parametrize("declared", EVENT_TYPES.values(), ids=list(EVENT_TYPES))


def of_status(model: Any, kind: str) -> set[str]:
    return {f"{kind}.{status}" for status in get_args(model.model_fields["status"].annotation)}


def of_kind(kind: Kind) -> set[str]:
    """Everything `resource/change.py` can tell of it."""
    told = {f"{kind.name}.created", f"{kind.name}.updated", *kind.events.values()}
    return told | ({f"{kind.name}.failed"} if "failed" in kind.weights else set())


def of_services() -> set[str]:
    """Every type that a service can tell of, from what it decides by."""
    told = of_status(Payment, "payment") | {MISMATCH, UPDATED}
    told |= {name.replace(".pending", ".created") for name in of_status(Refund, "refund")}
    for kind in (*KINDS.values(), DISPUTE_KIND):
        told |= of_kind(kind)
    told |= {"subscription.renewed", "subscription.payment_failed"}
    told |= {name.replace(".received", ".inbound") for name in of_status(Sms, "sms")}
    told |= {"sms.read", "sms.updated"}
    told |= of_status(Email, "email") | {"email.inbound", "email.suppressed", "email.updated"}
    told |= {f"email.{name}" for name in ENGAGEMENTS - {"read"}}
    told |= {STUCK, "connection.credentials_refused", "connection.credentials_accepted"}
    told |= {objects.CREATED, objects.DELETED, uploads.COMPLETED, uploads.ABORTED}
    return told | ABOUT_WEBHOOKS | {REFUSED}


def test_it_holds_every_type_that_a_service_can_tell_of_and_no_other() -> None:
    assert set(EVENT_TYPES) == of_services()
    assert {one.kind for one in EVENT_TYPES.values()} == set(DATA)


@_OF_EACH
def test_each_example_is_of_its_form_to_the_field(declared: EventType) -> None:
    schema = {**schema_of(declared.kind), "$defs": {name: closed(one) for name, one in definitions().items()}}
    error = best_match(Draft202012Validator(schema).iter_errors(declared.example))
    assert error is None, f"{error.json_path} {error.message}"
    data = declared.example
    assert data["object"] == declared.kind
    word = declared.name.partition(".")[2]
    known = set(get_args(DATA[declared.kind].model_fields["status"].annotation)) if "status" in data else set()
    if declared.name != "payment.amount_mismatch" and word in known:
        assert data["status"] == word, "its example is of another status"
    assert len(orjson.dumps(declared.example_event)) < 20_000
    assert declared.description.endswith(".")


def test_the_committed_page_is_current() -> None:
    assert _COMMITTED.read_text() == describe(), "run `make docs`"


async def test_it_is_served_to_who_may_read_events_or_endpoints(world: Any, gateway: Any) -> None:
    for scopes, status in ((["events:read"], 200), (["webhooks:read"], 200), (["payments:read"], 403)):
        answer = await gateway.http.get("/v1/event-types", headers=world.tenant(scopes=scopes).auth)
        assert answer.status_code == status
    served = (await gateway.http.get("/v1/event-types", headers=world.tenant().auth)).json()
    assert served == orjson.loads(catalogue())
    assert [one["type"] for one in served["data"]] == list(EVENT_TYPES)
    for one in served["data"]:
        Draft202012Validator({**one["data_schema"], "$defs": served["$defs"]}).validate(one["example"]["data"])
        wrong = copy.deepcopy(one["example"]["data"]) | {"id": 7}
        assert list(Draft202012Validator({**one["data_schema"], "$defs": served["$defs"]}).iter_errors(wrong))
