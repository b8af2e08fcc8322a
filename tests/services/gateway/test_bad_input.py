"""What is wrong is named precisely, shows nothing of us, and leaves no operation behind."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from onerouter_gateway.edge import json_body

CARD = "4111 1111 1111 1111"

BODIES: list[tuple[str, Any, int, str, str | None]] = [
    ("malformed JSON", b'{"amount": 1,}', 400, "MALFORMED_REQUEST", None),
    ("not an object", b"[1]", 422, "VALIDATION_ERROR", None),
    ("nothing", b"", 422, "VALIDATION_ERROR", "amount"),
    ("no amount", {"currency": "INR"}, 422, "VALIDATION_ERROR", "amount"),
    ("amount is true", {"amount": True}, 422, "VALIDATION_ERROR", "amount"),
    ("amount is null", {"amount": None}, 422, "VALIDATION_ERROR", "amount"),
    ("amount is an object", {"amount": {"value": 1}}, 422, "VALIDATION_ERROR", "amount"),
    ("amount is a word", {"amount": "many"}, 422, "VALIDATION_ERROR", "amount"),
    ("amount with an underscore", {"amount": "1_000"}, 422, "VALIDATION_ERROR", "amount"),
    ("amount is NaN", b'{"amount": NaN}', 400, "MALFORMED_REQUEST", None),
    ("amount is zero", {"amount": 0}, 422, "VALIDATION_ERROR", "amount"),
    ("negative", {"amount": -5}, 422, "VALIDATION_ERROR", "amount"),
    ("negative text", {"amount": "-0.01"}, 422, "VALIDATION_ERROR", "amount"),
    ("absurdly large", {"amount": 10**15}, 422, "VALIDATION_ERROR", "amount"),
    ("absurdly large exponent", b'{"amount": 1e999999}', 422, "VALIDATION_ERROR", "amount"),
    ("endless number", b'{"amount": ' + b"9" * 100_000 + b"}", 400, "MALFORMED_REQUEST", None),
    ("too many decimals", {"amount": "1.005"}, 422, "VALIDATION_ERROR", "amount"),
    ("decimals of a yen", {"amount": "1.5", "currency": "JPY"}, 422, "VALIDATION_ERROR", "amount"),
    ("decimals of a dinar", {"amount": "1.2345", "currency": "KWD"}, 422, "VALIDATION_ERROR", "amount"),
    ("unknown currency", {"amount": 1, "currency": "XQQ"}, 422, "VALIDATION_ERROR", "currency"),
    ("currency of no money", {"amount": 1, "currency": "XTS"}, 422, "VALIDATION_ERROR", "currency"),
    ("currency is a number", {"amount": 1, "currency": 356}, 422, "VALIDATION_ERROR", "currency"),
    ("unknown method", {"amount": 1, "method": "cash"}, 422, "VALIDATION_ERROR", "method"),
    ("unknown capture", {"amount": 1, "capture": "later"}, 422, "VALIDATION_ERROR", "capture"),
    ("nested notes", {"amount": 1, "notes": {"a": {"b": 1}}}, 422, "VALIDATION_ERROR", "notes"),
    ("notes are a list", {"amount": 1, "notes": []}, 422, "VALIDATION_ERROR", "notes"),
    ("long note", {"amount": 1, "notes": {"a": "x" * 600}}, 422, "VALIDATION_ERROR", "notes"),
    ("many notes", {"amount": 1, "metadata": {str(n): "" for n in range(60)}}, 422, "VALIDATION_ERROR", "metadata"),
    ("bad email", {"amount": 1, "customer": {"email": "nobody"}}, 422, "VALIDATION_ERROR", "customer.email"),
    ("customer is a name", {"amount": 1, "customer": "Asha"}, 422, "VALIDATION_ERROR", "customer"),
    ("script address", {"amount": 1, "return_url": "javascript:alert(1)"}, 422, "VALIDATION_ERROR", "return_url"),
    ("long receipt", {"amount": 1, "receipt": "r" * 41}, 422, "VALIDATION_ERROR", "receipt"),
    ("unknown provider", {"amount": 1, "provider": "moneybags"}, 422, "INVALID_PROVIDER", "provider"),
    ("card in notes", {"amount": 1, "notes": {"card": CARD}}, 422, "VALIDATION_ERROR", "notes.card"),
    ("card in the receipt", {"amount": 1, "receipt": CARD}, 422, "VALIDATION_ERROR", "receipt"),
    ("card as currency", {"amount": 1, "currency": CARD}, 422, "VALIDATION_ERROR", "currency"),
    ("card where nobody looks", {"amount": 1, "x": {"y": [CARD]}}, 422, "VALIDATION_ERROR", "x.y.0"),
    ("idempotency key is a number", {"amount": 1, "idempotency_key": 5}, 400, "VALIDATION_ERROR", "idempotency_key"),
    ("environment is a word", {"amount": 1, "environment": "moon"}, 422, "VALIDATION_ERROR", "environment"),
    ("environment is a list", {"amount": 1, "environment": []}, 422, "VALIDATION_ERROR", "environment"),
    ("environment is an object", {"amount": 1, "environment": {}}, 422, "VALIDATION_ERROR", "environment"),
    ("impossible exponent", b'{"amount": 1e99999999999999999999}', 400, "MALFORMED_REQUEST", None),
    ("NUL in a text", {"amount": 1, "description": "a\0b"}, 422, "VALIDATION_ERROR", "description"),
    ("NUL in a name", {"amount": 1, "notes": {"a\0": "b"}}, 422, "VALIDATION_ERROR", "notes.*"),
    ("half a surrogate pair", {"amount": 1, "notes": {"a": "\ud800"}}, 422, "VALIDATION_ERROR", "notes.a"),
    ("half a pair as a name", {"amount": 1, "x": [{"\ud800": 1}]}, 422, "VALIDATION_ERROR", "x.0.*"),
    ("card as a decimal", b'{"amount": 1, "notes": {"a": 4111111111111111.0}}', 422, "VALIDATION_ERROR", "notes.a"),
    ("card as a power", b'{"amount": 1, "notes": {"a": 4.111111111111111e15}}', 422, "VALIDATION_ERROR", "notes.a"),
    ("test to live", {"amount": 1, "environment": "live"}, 403, "FORBIDDEN", None),
]


@pytest.mark.parametrize(("body", "status", "code", "field"), [case[1:] for case in BODIES], ids=[c[0] for c in BODIES])
async def test_a_wrong_body_is_a_precise_problem(
    gateway: Any, world: Any, tenant: Any, body: Any, status: int, code: str, field: str | None, capsys: Any
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {**tenant.auth, "Content-Type": "application/json"}
    answer = await gateway.http.post("/v1/payments", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["code"] == code
    assert problem["effect"] == "none"
    assert problem["detail"].endswith(".")
    assert "Value error" not in answer.text
    if field is not None:
        assert field in [error["field"] for error in problem["errors"]]
    assert CARD not in answer.text
    assert "4111" not in answer.text.replace(problem["trace_id"], "")
    assert "4111" not in "".join(capsys.readouterr()).replace(problem["trace_id"], "")  # which may hold any digits
    assert not [command for command in world.worker.commands if command.tenant_id == tenant.id]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "br"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 400),
        ({"Content-Type": "application/json", "Idempotency-Key": "x" * 256}, 400),
        ({"Content-Type": "application/json", "Idempotency-Key": ""}, 400),
        ({"Content-Type": "application/json", "Idempotency-Key": "tab\there"}, 400),
        ({"Content-Type": "application/json", "X-OneRouter-Environment": "live"}, 403),
        ({"Content-Type": "application/json", "X-OneRouter-Environment": "moon"}, 422),
        ({"Content-Type": "application/json", "X-Signature": "00"}, 401),
    ],
)
async def test_wrong_headers_are_refused(
    gateway: Any, world: Any, tenant: Any, headers: dict[str, str], status: int
) -> None:
    answer = await gateway.http.post("/v1/payments", content=b'{"amount": 1}', headers={**tenant.auth, **headers})
    assert answer.status_code == status, answer.text
    assert not [command for command in world.worker.commands if command.tenant_id == tenant.id]


async def test_a_number_no_field_takes_is_for_the_webhooks_service_to_refuse(gateway: Any, tenant: Any) -> None:
    body = {"url": "https://example.com", "metadata": {"a": 10**25}}
    answer = await gateway.http.post("/v1/webhook-endpoints", json=body, headers=tenant.auth)
    assert (answer.status_code, answer.json()["metadata"]) == (201, {"a": 10**25})


async def test_different_keys_in_header_and_body_are_400(gateway: Any, tenant: Any) -> None:
    answer = await gateway.http.post(
        "/v1/payments", json={"amount": 1, "idempotency_key": "a"}, headers={**tenant.auth, "Idempotency-Key": "b"}
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "idempotency_key"


async def _chunks(total: int) -> AsyncIterator[bytes]:
    for _ in range(total // 65_536):
        yield b" " * 65_536


async def test_a_body_of_ten_megabytes_is_413(gateway: Any, tenant: Any) -> None:
    headers = {**tenant.auth, "Content-Type": "application/json"}
    declared = await gateway.http.post("/v1/payments", content=b" " * 10_000_000, headers=headers)
    assert (declared.status_code, declared.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    chunked = await gateway.http.post("/v1/payments", content=_chunks(10_000_000), headers=headers)
    assert chunked.status_code == 413


async def test_a_gzip_bomb_is_413_and_honest_gzip_is_read(gateway: Any, tenant: Any) -> None:
    headers = {**tenant.auth, "Content-Type": "application/json", "Content-Encoding": "gzip"}
    bomb = gzip.compress(b'{"amount": 1, "x": "' + b"0" * 50_000_000 + b'"}')
    assert (await gateway.http.post("/v1/payments", content=bomb, headers=headers)).status_code == 413
    honest = gzip.compress(b'{"amount": 1}')
    assert (await gateway.http.post("/v1/payments", content=honest, headers=headers)).status_code == 201


async def test_no_provider_connected_is_422(gateway: Any, world: Any) -> None:
    tenant = world.tenant(services={})
    answer = await gateway.http.post("/v1/payments", json={"amount": 1}, headers=tenant.auth)
    assert (answer.status_code, answer.json()["code"]) == (422, "SERVICE_NOT_CONFIGURED")


@pytest.mark.parametrize("path", ["/v1/payments/{}/capture", "/v1/payments/{}/cancel", "/v1/refunds"])
@pytest.mark.parametrize("payment_id", ["pay_unknown", "order_of_another", "a/b", "%2e%2e%2finternal", "x" * 129])
async def test_ids_that_are_not_the_tenants_are_404_without_an_operation(
    gateway: Any, world: Any, tenant: Any, path: str, payment_id: str
) -> None:
    other = world.tenant()
    world.services.payments["order_of_another"] = other.payment("pay_1")
    body = {"payment_id": payment_id} if path == "/v1/refunds" else {}
    answer = await gateway.http.post(path.format(payment_id), json=body, headers=tenant.auth)
    assert answer.status_code in {404, 422}, answer.text
    assert answer.json()["code"] in {"PAYMENT_NOT_FOUND", "NOT_FOUND", "VALIDATION_ERROR"}
    assert not [command for command in world.worker.commands if command.tenant_id == tenant.id]


async def test_other_tenants_payments_are_not_found(gateway: Any, world: Any, tenant: Any) -> None:
    other = world.tenant()
    world.services.payments["pay_theirs"] = other.payment("pay_theirs")
    answer = await gateway.http.get("/v1/payments/pay_theirs", headers=tenant.auth)
    assert (answer.status_code, answer.json()["code"]) == (404, "PAYMENT_NOT_FOUND")
    assert answer.json()["instance"] == "/v1/payments/pay_theirs"
    assert "internal" not in answer.text


async def test_requests_that_are_no_http_do_not_stop_the_gateway(gateway: Any) -> None:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
    assert b"400" in await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert (await gateway.http.get("/livez")).status_code == 200


async def test_options_of_everything_is_a_problem(gateway: Any) -> None:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"application/problem+json" in answer
    writer.close()


async def test_a_body_that_drips_is_408_and_one_that_breaks_off_no_error_of_ours(
    gateway: Any, tenant: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(json_body.read_body, "__kwdefaults__", {"timeout_s": 0.2, "beyond": None})

    async def dripping() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" "
            await asyncio.sleep(0.05)

    headers = {**tenant.auth, "Content-Type": "application/json"}
    answer = await gateway.http.post("/v1/payments", content=dripping(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (408, "REQUEST_TIMEOUT")
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    lines = [
        "POST /v1/payments HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {tenant.key}",
        "Content-Length: 9",
        "",
        "{",
    ]
    writer.write("\r\n".join(lines).encode())
    await asyncio.sleep(0.05)
    writer.close()
    await asyncio.sleep(0.1)
    assert "request.failed" not in "".join(capsys.readouterr())
