"""The key and the signature in a request."""

import hashlib
import hmac
import time
from typing import Any

import pytest
from starlette.datastructures import Headers

from onerouter_common.errors import Unauthenticated
from onerouter_gateway.authentication.credentials import presented_key


def test_either_header_will_do() -> None:
    assert presented_key(Headers({"Authorization": "Bearer a"})) == "a"
    assert presented_key(Headers({"Authorization": "bearer  a "})) == "a"
    assert presented_key(Headers({"X-API-Key": "a"})) == "a"
    assert presented_key(Headers({"Authorization": "Bearer a", "X-API-Key": "a"})) == "a"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer a", "X-API-Key": "b"},
        {"X-API-Key": " "},
    ],
)
def test_none_or_two_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        presented_key(Headers(headers))


def _sign(key: str, method: str, target: str, timestamp: str, body: bytes) -> str:
    return hmac.new(key.encode(), f"{method}\n{target}\n{timestamp}\n".encode() + body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("offset_s", "signed_target", "status"),
    [
        (0, "/v1/payments?limit=2", 200),
        (-290, "/v1/payments?limit=2", 200),
        (-310, "/v1/payments?limit=2", 401),
        (310, "/v1/payments?limit=2", 401),
        (0, "/v1/payments", 401),
    ],
)
async def test_a_signature_that_is_there_must_be_right(
    gateway: Any, tenant: Any, offset_s: int, signed_target: str, status: int
) -> None:
    timestamp = str(int(time.time()) + offset_s)
    signature = _sign(tenant.key, "GET", signed_target, timestamp, b"")
    headers = {**tenant.auth, "X-Signature": signature, "X-Request-Timestamp": timestamp}
    answer = await gateway.http.get("/v1/payments?limit=2", headers=headers)
    assert answer.status_code == status, answer.text


async def test_the_body_is_signed_too(gateway: Any, tenant: Any) -> None:
    timestamp = str(int(time.time() * 1000))
    signature = _sign(tenant.key, "POST", "/v1/payments", timestamp, b'{"amount": 1}')
    headers = {**tenant.auth, "X-Signature": signature, "X-Request-Timestamp": timestamp}
    headers["Content-Type"] = "application/json"
    assert (await gateway.http.post("/v1/payments", content=b'{"amount": 1}', headers=headers)).status_code == 201
    assert (await gateway.http.post("/v1/payments", content=b'{"amount": 2}', headers=headers)).status_code == 401
