"""`/v1/marketplace/payments` and `/v1/marketplace/fees`."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.clock import isoformat
from onerouter_common.contracts.payments import CreatePayment, Customer, SplitItem
from onerouter_common.errors import InvalidRequest, OneRouterError, Overloaded
from onerouter_common.ids import PAYMENT
from onerouter_common.money import parse_currency, parse_major
from onerouter_common.web import problems
from onerouter_gateway.admission import Writing
from onerouter_gateway.commands.intent import Intent, fingerprint
from onerouter_gateway.commands.request import NOT_WAITING, idempotency_key
from onerouter_gateway.commands.wait import Joined
from onerouter_gateway.edge.canonical import canonical_of
from onerouter_gateway.edge.documentation import command, listing, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.forward import to_response
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import Gateway, gateway_of
from onerouter_gateway.marketplace.parts import check_places, check_sum, item_of, part_key, parts_unread
from onerouter_gateway.marketplace.schemas import (
    BulkSplit,
    BulkSplitResult,
    MarketplaceFees,
    SplitPayment,
    SplitPaymentCreate,
)
from onerouter_gateway.marketplace.sellers import Vendors
from onerouter_gateway.payments.endpoints import CATEGORY, READ, WRITE, check_provider, forward_query, plain_id

_AT_ONCE: Final = 10
_NO_HEADERS: Final = Headers({})
_DAYS: Final = {"day": 1, "week": 7, "month": 30, "year": 365}
_ROUTE: Final = "POST /v1/marketplace/payments/split"
_BULK_ROUTE: Final = "POST /v1/marketplace/payments/bulk-split"


@dataclass(frozen=True, slots=True)
class _Whole:
    """What the items of one request share."""

    request: Request
    asked: Writing
    vendors: Vendors
    together: list[Joined] | None = None
    """Answers that go out together; None: there is but one."""


@endpoint(command("Create a split payment", SplitPaymentCreate, SplitPayment, created=True))
async def create_split_payment(request: Request) -> Response:
    """A payment like any other; once it has succeeded, each vendor is given its part by a transfer of its own."""
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, WRITE)
    whole = _Whole(request, asked, Vendors(gateway, asked))
    return await _create(whole, asked, validate(SplitPaymentCreate, asked.body), _ROUTE)


@endpoint(command("Create several split payments", BulkSplit, BulkSplitResult))
async def create_bulk_split(request: Request) -> Response:
    """Each item has its own status; the idempotency key of each is its own, else that of the whole with its place. Each
    counts as a request against the rate limit, and is refused with 429 in its place when that is used up.
    """
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, WRITE)
    wanted = validate(BulkSplit, asked.body)
    whole = _Whole(request, asked, Vendors(gateway, asked), [])
    route = f"{_BULK_ROUTE} {fingerprint(_BULK_ROUTE, canonical_of(wanted))}"
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(index: int, item: Mapping[str, Any]) -> dict[str, Any]:
        async with places:
            return await _item(whole, f"{route}:{index}", index, item, wait=wanted.process_immediately)

    data = await asyncio.gather(*(one(index, item) for index, item in enumerate(wanted.payments)))
    failed = sum(item["error"] is not None for item in data)
    body = {"object": "bulk_split", "data": data, "succeeded": len(data) - failed, "failed": failed}
    await gateway.commands.taken(whole.together or (), request)
    return Response(orjson.dumps(body), media_type="application/json")


@endpoint(query("Get a split payment", SplitPayment))
async def get_split_payment(request: Request) -> Response:
    """With what became of each part."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, READ)
    payment_id = plain_id(request.path_params["payment_id"], "split payment", "NOT_FOUND")
    return await forward_query(request, gateway, reading, f"/internal/marketplace/splits/{payment_id}")


@endpoint(
    listing(
        "Get what split payments brought",
        MarketplaceFees,
        by_time=False,
        paged=False,
        period="`day`, `week`, `month` (default) or `year`: the last 1, 7, 30 or 365 days.",
        currency="ISO 4217 code. Absent: the default of the key's connections.",
    )
)
async def get_marketplace_fees(request: Request) -> Response:
    """What was paid in, what of it went to vendors, and what stayed as fees and taxes."""
    gateway = gateway_of(request)
    reading = await gateway.admission.read(request, READ)
    period = request.query_params.get("period", "month")
    if period not in _DAYS:
        raise InvalidRequest.of("period", f"must be one of {', '.join(_DAYS)}")
    currency = parse_currency(request.query_params.get("currency") or reading.principal.default_currency)
    until = datetime.now(UTC)
    since = until - timedelta(days=_DAYS[period])
    answer = await gateway.payments.get(
        "/internal/marketplace/fees",
        tenant_id=reading.principal.tenant_id,
        environment=reading.environment,
        query=urlencode({"currency": currency, "since": isoformat(since), "until": isoformat(until)}),
    )
    if not answer.is_success:
        return to_response(answer, request)
    return Response(orjson.dumps({**answer.json(), "period": period}), media_type="application/json")


async def _create(whole: _Whole, asked: Writing, wanted: SplitPaymentCreate, route: str) -> Response:
    gateway = gateway_of(whole.request)
    intent = Intent("payment.create", CATEGORY, route, canonical_of(wanted), {}, PAYMENT)
    # Before the vendors are looked at: they may have changed since, and a repeat is what it was.
    earlier = await gateway.commands.repeated(intent, asked.asked, whole.request, together=whole.together)
    if earlier is not None:
        return await _with_parts(earlier, gateway, asked, None)
    check_provider(gateway, asked, wanted.provider)
    currency = parse_currency(wanted.currency or asked.principal.default_currency)
    total = parse_major(wanted.amount, currency)
    vendors = await whole.vendors.of(wanted.splits)
    items: list[SplitItem] = []
    for index, part in enumerate(wanted.splits):
        vendor = None if part.account_id is None else vendors.get(part.account_id)
        items.append(item_of(part, vendor, total, f"splits.{index}"))
    check_sum(items, total)
    payload = CreatePayment(
        amount_minor=total.amount_minor,
        currency=currency,
        provider=wanted.provider,
        receipt=wanted.receipt,
        description=wanted.description,
        notes=wanted.notes,
        metadata=wanted.metadata,
        customer=None if wanted.customer is None else Customer(**wanted.customer.model_dump()),
        return_url=wanted.return_url,
        cancel_url=wanted.cancel_url,
        connection_id=check_places(list(vendors.values())),
        split=items,
    )
    intent = replace(intent, payload=payload.model_dump(mode="json", exclude_none=True))
    answer = await gateway.commands.carry_out(intent, asked.asked, whole.request, together=whole.together)
    return await _with_parts(answer, gateway, asked, parts_unread(items, currency))


async def _with_parts(
    answer: Response, gateway: Gateway, asked: Writing, unread: Sequence[Mapping[str, Any]] | None
) -> Response:
    """The payment with its parts; as they were asked for, where they cannot be read right now.

    Raises Overloaded where nobody knows (any more) how they were asked for.
    """
    payment = orjson.loads(bytes(answer.body))
    if payment.get("object") != "payment":
        return answer
    shown = await _shown(gateway, asked, payment["id"])
    if shown is None:
        if unread is None:
            raise Overloaded("The payment was made; its parts cannot be read right now.", retry_after_s=2)
        shown = orjson.dumps({**payment, "object": "split_payment", "splits": unread})
    answer.body = shown
    answer.headers["content-length"] = str(len(shown))
    return answer


async def _shown(gateway: Gateway, asked: Writing, payment_id: str) -> bytes | None:
    try:
        split = await gateway.payments.get(
            f"/internal/marketplace/splits/{payment_id}",
            tenant_id=asked.principal.tenant_id,
            environment=asked.environment,
        )
    except Overloaded:
        return None
    return split.body if split.is_success else None


async def _item(whole: _Whole, route: str, index: int, item: Mapping[str, Any], *, wait: bool) -> dict[str, Any]:
    """One payment of several: its answer or what is wrong with it, never an exception.

    Without any key its place in the whole tells it from an equal one (`route`); with one it is as if it came alone.
    """
    request = whole.request
    try:
        if index:  # the first was counted when the whole came
            await gateway_of(request).admission.count(request, whole.asked.policies)
        asked = _part_of(whole.asked, index, item, wait=wait)
        wanted = validate(SplitPaymentCreate, item)
        answer = await _create(whole, asked, wanted, route if asked.key is None else _ROUTE)
    except OneRouterError as error:
        answer = problems.answer_to(error, instance=request.url.path)
    body = orjson.loads(bytes(answer.body))
    succeeded = 200 <= answer.status_code < 300
    return {
        "index": index,
        "status_code": answer.status_code,
        "payment": body if succeeded else None,
        "error": None if succeeded else body,
    }


def _part_of(whole: Writing, index: int, item: Mapping[str, Any], *, wait: bool) -> Writing:
    """Raises MalformedRequest for a key that is none, InvalidRequest for another environment than the whole's."""
    if item.get("environment") not in (None, whole.environment):
        raise InvalidRequest.of("environment", f"must be that of the whole, {whole.environment}")
    key = idempotency_key(_NO_HEADERS, item)
    if key is None and whole.key is not None:
        key = part_key(whole.key, index)
    return replace(whole, key=key, patience=whole.patience if wait else NOT_WAITING)
