"""`/v1/marketplace/vendors`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from onerouter_common.contracts import payment_resources as contracts
from onerouter_common.errors import InvalidRequest, Overloaded
from onerouter_common.ids import VENDOR, is_id
from onerouter_common.money import parse_currency, parse_major
from onerouter_gateway.admission import Writing
from onerouter_gateway.commands.intent import Intent
from onerouter_gateway.edge.canonical import canonical_of
from onerouter_gateway.edge.documentation import command, listing, query
from onerouter_gateway.edge.endpoint import endpoint
from onerouter_gateway.edge.validation import validate
from onerouter_gateway.gateway import Gateway, gateway_of
from onerouter_gateway.marketplace.schemas import (
    SplitConfig,
    Vendor,
    VendorCreate,
    VendorList,
    VendorSplitUpdate,
)
from onerouter_gateway.payment_resources import change, find_placed, placed, read_one, read_page
from onerouter_gateway.payments.endpoints import CATEGORY, WRITE, check_provider

_PATH: Final = "/v1/marketplace/vendors"


@endpoint(command("Add a vendor", VendorCreate, Vendor, created=True))
async def create_vendor(request: Request) -> Response:
    """Opens an account for the vendor at the provider. Where the provider wants the vendor to sign up itself, it does so at
    `onboarding_url`; it can be paid once its status is `active`.
    """
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, WRITE)
    wanted = validate(VendorCreate, asked.body)
    intent = Intent("vendor.create", CATEGORY, f"POST {_PATH}", _canonical(gateway, wanted), {}, VENDOR)
    # Before its own name is found taken: by itself.
    earlier = await gateway.commands.repeated(intent, asked.asked, request)
    if earlier is not None:
        return earlier
    check_provider(gateway, asked, wanted.provider)
    await _check_name(gateway, asked, wanted.vendor_id)
    kept = await _sealed(gateway, asked, wanted)
    payload = contracts.CreateVendor(
        name=wanted.name,
        vendor_id=wanted.vendor_id,
        email=wanted.email,
        phone=wanted.phone,
        country=wanted.country,
        business_type=wanted.business_type,
        details_id=kept.get("details_id"),
        account_masked=kept.get("masked", {}),
        split_config=None if wanted.split_config is None else _config(wanted.split_config),
        return_url=wanted.return_url,
        refresh_url=wanted.refresh_url,
        provider=wanted.provider,
        notes=wanted.notes,
        metadata=wanted.metadata,
    )
    intent = replace(intent, payload=payload.model_dump(mode="json", exclude_none=True))
    return await gateway.commands.carry_out(intent, asked.asked, request)


@endpoint(command("Change a vendor's usual part", VendorSplitUpdate, Vendor))
async def update_vendor_split(request: Request) -> Response:
    """Used from now on where a payment does not say what the vendor gets."""
    gateway = gateway_of(request)
    asked = await gateway.admission.write(request, WRITE)
    wanted = validate(VendorSplitUpdate, asked.body)
    vendor = await placed(gateway, asked, "vendor", request.path_params["vendor_id"])
    payload = contracts.UpdateVendorSplit(vendor_id=vendor["id"], split_config=_config(wanted))
    return await change(
        request,
        asked,
        canonical_of(wanted),
        payload,
        operation="vendor.update_split",
        route=f"PATCH {_PATH}/{vendor['id']}/split",
        resource_id=vendor["id"],
    )


@endpoint(listing("List vendors", VendorList, status="Only with this status.", provider="Only at this provider."))
async def list_vendors(request: Request) -> Response:
    """Newest first. Follow `next_cursor` while `has_more`."""
    return await read_page(request, "vendor")


@endpoint(query("Get a vendor", Vendor))
async def get_vendor(request: Request) -> Response:
    """By our id, yours, or its account at the provider."""
    return await read_one(request, "vendor", request.path_params["vendor_id"])


async def _check_name(gateway: Gateway, asked: Writing, vendor_id: str | None) -> None:
    """Raises InvalidRequest for a name that is another vendor's already. Of two at the same moment the older one keeps it."""
    if vendor_id is None:
        return
    if is_id(VENDOR, vendor_id):
        raise InvalidRequest.of("vendor_id", "must be your own id of it: this has the form of ours")
    holder = await find_placed(gateway, asked, "vendor", vendor_id)
    if holder is not None and holder["status"] != "failed" and holder["vendor_id"] == vendor_id:
        raise InvalidRequest.of("vendor_id", f"is that of {holder['id']} already: each vendor needs an id of its own")


async def _sealed(gateway: Gateway, asked: Writing, wanted: VendorCreate) -> Mapping[str, Any]:
    """`{details_id, masked}`: the bank data goes past the log, straight to where it is sealed. Raises Overloaded."""
    if not wanted.account_details:
        return {}
    clear = {name: value.get_secret_value() for name, value in wanted.account_details.items()}
    answer = await gateway.payments.request(
        "POST",
        "/internal/marketplace/vendor-details",
        tenant_id=asked.principal.tenant_id,
        environment=asked.environment,
        body=orjson.dumps({"account_details": clear}),
    )
    if not answer.is_success:
        raise Overloaded(
            "The bank data could not be sealed; nothing was done. Try again in a few seconds.", retry_after_s=2
        )
    kept: Mapping[str, Any] = answer.json()
    return kept


def _canonical(gateway: Gateway, wanted: VendorCreate) -> dict[str, Any]:
    """With a keyed digest in place of the bank data: a plain one could be found by trying account numbers."""
    canonical = canonical_of(wanted)
    if wanted.account_details:
        clear = {name: value.get_secret_value() for name, value in sorted(wanted.account_details.items())}
        canonical["account_details"] = gateway.commands.digest(orjson.dumps(clear))
    return canonical


def _config(wanted: SplitConfig) -> contracts.SplitConfig:
    """Raises InvalidRequest."""
    if wanted.percent is None and wanted.fixed is None:
        raise InvalidRequest.of("split_config", "needs a percent, a fixed amount, or both")
    fixed_minor, currency = None, None
    if wanted.fixed is not None:
        if wanted.currency is None:
            raise InvalidRequest.of("split_config.currency", "is needed with a fixed amount")
        currency = parse_currency(wanted.currency)
        fixed_minor = parse_major(wanted.fixed, currency).amount_minor
    percent = None if wanted.percent is None else format(wanted.percent.normalize(), "f")
    return contracts.SplitConfig(percent=percent, fixed_minor=fixed_minor, currency=currency)
