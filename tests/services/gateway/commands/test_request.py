"""Idempotency keys and patience, as callers write them."""

import pytest
from starlette.datastructures import Headers

from onerouter_common.errors import MalformedRequest
from onerouter_gateway.commands.request import Patience, idempotency_key, patience


@pytest.mark.parametrize(
    ("prefer", "expected"),
    [
        ("", Patience(20)),
        ("wait=5", Patience(5)),
        ("wait=0", Patience(0)),
        ("Wait=5", Patience(5)),
        ('wait="5"', Patience(5)),
        ("wait=900", Patience(60)),
        ("wait=-1", Patience(20)),
        ("wait=soon", Patience(20)),
        ("respond-async", Patience(0, respond_async=True)),
        ("respond-async, wait=10", Patience(10, respond_async=True)),
        ("return=minimal, wait=3", Patience(3)),
    ],
)
def test_prefer(prefer: str, expected: Patience) -> None:
    assert patience(prefer, default_s=20, most_s=60) == expected


def test_the_key_comes_from_either_place() -> None:
    assert idempotency_key(Headers({"Idempotency-Key": "a"}), {}) == "a"
    assert idempotency_key(Headers({}), {"idempotency_key": "a"}) == "a"
    assert idempotency_key(Headers({"Idempotency-Key": "a"}), {"idempotency_key": "a"}) == "a"
    assert idempotency_key(Headers({}), {}) is None


def _sent(*keys: bytes) -> Headers:
    return Headers(raw=[(b"idempotency-key", key) for key in keys])


def test_a_header_that_is_there_twice_is_one_key() -> None:
    assert idempotency_key(_sent(b"a", b"a"), {"idempotency_key": "a"}) == "a"


@pytest.mark.parametrize("keys", [(b"a", b"b"), (b"a", b"a", b"b"), (b"a", b"A"), (b"a", b"")])
def test_two_headers_that_differ_are_refused(keys: tuple[bytes, ...]) -> None:
    with pytest.raises(MalformedRequest) as refused:
        idempotency_key(_sent(*keys), {})
    assert [error.field for error in refused.value.errors] == ["idempotency_key"]


@pytest.mark.parametrize("key", ["", " ", "a ", "x" * 256, "ä", 7, ["a"]])
def test_a_wrong_key_is_refused(key: object) -> None:
    with pytest.raises(MalformedRequest):
        idempotency_key(Headers({}), {"idempotency_key": key})
