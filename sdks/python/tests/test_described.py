"""The SDK has all that docs/openapi.json has, and nothing else: operations, arguments, types."""

from __future__ import annotations

import inspect
import json
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped]
import pytest
from sdks.python.scripts import make_types
from sdks.python.scripts.description import DOCUMENT, Description, Operation, Schema, read
from sdks.python.scripts.writing import formatted, write
from sdks.python.tests.golden import KEY, Case, cases, keywords, method_of, operations

from onerouter import APITimeoutError, OneRouter, OneRouterSync
from onerouter.testing import FakeServer, timeout_after

DESCRIPTION: Final = read()
OPERATIONS: Final = {operation.id: operation for operation in DESCRIPTION.operations}
DESCRIBED: Final = [case for case in cases() if "operation" in case]
# An endless answer is no golden case; tests/test_events.py and the end-to-end suite read it.
STREAMS: Final = {"stream_events": "events.stream"}
# Options of every call, whichever way they travel.
OPTIONS: Final = {"idempotency_key", "environment"}
# Arguments that are spelled otherwise, or that stand for a part of the path.
RENAMED: Final = {
    "payments.get": {"transaction_id": "payment_id"},
    "sms.get": {"message_id": "sms_id"},
    "sms.cancel": {"message_id": "sms_id"},
    "storage.uploads.list_parts": {"first": "from"},
}
# What is said in headers, and the bytes of a body.
BESIDES: Final = {
    "storage.put": {
        "content",
        "content_type",
        "cache_control",
        "content_disposition",
        "metadata",
        "if_none_match",
        "if_match",
        "checksum",
    },
    "storage.get": {"byte_range", "if_match"},
    "storage.delete": {"if_match"},
}
# POSTs that take no idempotency key and need none: a repeat does nothing.
REPEATABLE: Final = {
    "storage.download_url",
    "templates.preview",
    "webhook_endpoints.enable",
    "webhook_endpoints.pause",
    "webhook_endpoints.cancel_recovery",
}
# As version 2 calls them.
OLDER: Final = {"marketplace.update_vendor_split": {"split_type", "split_percentage", "split_amount"}}


def arguments_of(call: Any) -> set[str]:
    return {
        name
        for name, parameter in inspect.signature(call).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }


class TestOperations:
    def test_every_one_has_a_method(self) -> None:
        assert set(OPERATIONS) == set(operations()) | set(STREAMS)

    @pytest.mark.parametrize("client", [OneRouter, OneRouterSync])
    def test_and_every_one_is_there(self, client: type[OneRouter] | type[OneRouterSync]) -> None:
        made = client(KEY)
        for name in {**operations(), **STREAMS}.values():
            assert callable(method_of(made, name))


@pytest.fixture(scope="module")
def client() -> OneRouter:
    """It is looked at, and asks nothing."""
    return OneRouter(KEY)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in DESCRIBED])
class TestEachOperation:
    def test_takes_what_the_operation_takes(self, case: Case, client: OneRouter) -> None:
        name, operation = case["call"]["method"], OPERATIONS[case["operation"]]
        taken = arguments_of(method_of(client, name))
        renamed = {
            RENAMED.get(name, {}).get(argument, argument)
            for argument in taken - OLDER.get(name, set()) - BESIDES.get(name, set())
        }
        query = {name for name, told in operation.query.items() if not told["description"].startswith("The same as")}
        if "items" in case:
            query.discard("cursor")  # of the list, which follows it
        wanted = {*operation.path_parameters, *query, *(set(DESCRIPTION.properties(operation.body)) - OPTIONS)}
        assert renamed - {"channel"} == wanted - {"channel"}

    def test_is_asked_for_again_as_a_key_makes_a_repeat_safe(self, case: Case) -> None:
        operation, method = OPERATIONS[case["operation"]], case["call"]["method"]
        is_keyed = "Idempotency-Key" in operation.headers
        assert operation.method != "post" or is_keyed is (method not in REPEATABLE)
        server = FakeServer()
        server.next(timeout_after(), timeout_after())
        with server.sync_client(max_retries=1) as client, pytest.raises(APITimeoutError):
            call = method_of(client, method)(**keywords(case))
            list(call)
        keys = [call.headers.get("idempotency-key") for call in server.calls]
        assert len(keys) == 2
        assert keys[0] == keys[1]
        assert keys[0] is not None or not is_keyed

    def test_golden_request_and_answer_are_as_described(self, case: Case) -> None:
        operation = OPERATIONS[case["operation"]]
        for exchange in case["exchanges"]:
            request, answer = exchange["request"], exchange["answer"]
            assert (request["method"].lower(), request["path"].count("/")) == (
                operation.method,
                operation.path.count("/"),
            )
            assert {name.partition("[")[0] for name in request.get("query", {})} <= set(operation.query)
            if operation.body is not None and "body" in request:
                check(operation.body, request["body"])
            if operation.result is None:
                assert "text" in answer, "bytes"
            else:
                check(operation.result, answer["body"])


def check(schema: Schema, value: object) -> None:
    components = {"schemas": DESCRIPTION.schemas}
    jsonschema.Draft202012Validator({**schema, "components": components}).validate(value)


class TestTypes:
    def test_are_current(self, capsys: pytest.CaptureFixture[str]) -> None:
        files = {name: formatted(source) for name, source in make_types.modules(DESCRIPTION).items()}
        assert write(make_types.TYPES, files, check=True) == 0, capsys.readouterr().err

    @pytest.mark.parametrize("field", ["items", "keys", "get", "copy", "update", "response", "wait"])
    def test_no_field_may_hide_a_method_of_the_result(self, field: str) -> None:
        document = json.loads(DOCUMENT.read_text("utf-8"))
        document["components"]["schemas"]["Payment"]["properties"][field] = {"type": "string"}
        with pytest.raises(make_types.ShadowedFieldError, match=rf"Payment\.{field}"):
            make_types.modules(Description(document))

    def test_an_operation_is_read_whole(self) -> None:
        operation: Operation = OPERATIONS["cancel_recovery"]
        assert operation.path_parameters == ("endpoint_id", "recovery_id")
        assert operation.route == "POST /v1/webhook-endpoints/{endpoint_id}/recoveries/{recovery_id}/cancel"
