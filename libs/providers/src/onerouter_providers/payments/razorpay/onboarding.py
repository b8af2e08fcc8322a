"""A vendor's linked account in Razorpay's words: account, stakeholder, product configuration. Pure.

Razorpay asks for more than a bank account: what it is about and where. All of that comes in `account_details`:

    account_number, ifsc, account_holder        where its money goes
    category, subcategory                       what it sells, by Razorpay's list
    street1, street2, city, state, postal_code  its registered address
    contact_name, pan, gst                      optional

Source: https://razorpay.com/docs/api/payments/route/create-linked-account/ and its neighbours
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from onerouter_common.errors import FieldError, InvalidRequest
from onerouter_providers.payments.razorpay import fields
from onerouter_providers.payments.razorpay.fields import Thing
from onerouter_providers.payments.razorpay.recurring import UNCHANGED
from onerouter_providers.resources import ResourceSnapshot, VendorRequest, VendorStatus

_NEEDED: Final = ("category", "subcategory", "street1", "city", "state", "postal_code")
_BANK: Final = ("account_number", "ifsc", "account_holder")
_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    "account_number": re.compile(r"[0-9A-Za-z]{5,20}"),
    "ifsc": re.compile(r"[A-Z]{4}0[A-Z0-9]{6}"),
    "postal_code": re.compile(r"[0-9]{6}"),
    "pan": re.compile(r"[A-Z]{5}[0-9]{4}[A-Z]"),
}
_BUSINESS_TYPES: Final[Mapping[str, str]] = {
    "company": "private_limited",
    "non_profit": "ngo",
    "sole_proprietorship": "proprietorship",
}
"""Our word → Razorpay's, where they differ."""
_KINDS: Final = frozenset(
    {
        "individual",
        "proprietorship",
        "partnership",
        "private_limited",
        "public_limited",
        "llp",
        "trust",
        "society",
        "ngo",
        "not_yet_registered",
        "educational_institutes",
        "huf",
        "other",
    }
)
"""Source: https://razorpay.com/docs/api/payments/route/create-linked-account/ (`business_type`)."""
_PERSONAL: Final = "P"
"""The fourth character of a PAN tells whose it is: P a person's, C a company's, …"""

VENDOR_STATUS: Final[Mapping[str, VendorStatus]] = {
    "requested": "pending",
    "under_review": "pending",
    "needs_clarification": "restricted",
    "activated": "active",
    "suspended": "restricted",
    "rejected": "rejected",
}
"""The configuration's `activation_status` → ours."""
_ACCOUNT_STATUS: Final[Mapping[str, VendorStatus]] = {
    "created": "pending",
    "activated": "active",
    "suspended": "restricted",
}
_EXISTS: Final = re.compile(r"exists for account - (?:acc_)?([A-Za-z0-9]{10,20})")


def check(request: VendorRequest) -> None:
    """Raises InvalidRequest that names all that Razorpay needs and was not given, or that cannot be."""
    details = request.account_details
    needed = {"email": request.email, "phone": request.phone, "business_type": request.business_type}
    needed |= {f"account_details.{name}": details.get(name) for name in _NEEDED}
    if any(details.get(name) for name in _BANK):
        needed |= {f"account_details.{name}": details.get(name) for name in _BANK}
    errors = [FieldError(name, "is needed for a vendor at Razorpay") for name, value in needed.items() if not value]
    errors += [
        FieldError(f"account_details.{name}", "does not have the form that it has in India")
        for name, form in _FORMS.items()
        if details.get(name) and form.fullmatch(details[name]) is None
    ]
    if request.business_type and _kind(request) not in _KINDS:
        known = sorted(_KINDS | set(_BUSINESS_TYPES))
        errors.append(FieldError("business_type", f"must be one of {', '.join(known)} at Razorpay"))
    if errors:
        raise InvalidRequest(f"{errors[0].field} {errors[0].message}.", errors=tuple(errors))
    fields.check_length("name", request.name, least=4, most=200)
    fields.check_length("phone", request.phone, least=8, most=15)


def _kind(request: VendorRequest) -> str:
    asked = (request.business_type or "").lower()
    return _BUSINESS_TYPES.get(asked, asked)


def account_body(request: VendorRequest) -> dict[str, Any]:
    """The body of `POST /v2/accounts`. Our id goes into the notes: not every account may send a `reference_id`."""
    details, pan = request.account_details, request.account_details.get("pan")
    registered = fields.known(
        street1=details["street1"],
        street2=details.get("street2") or details["city"],  # it may not be left out
        city=details["city"],
        state=details["state"],
        postal_code=details["postal_code"],
        country=request.country or "IN",
    )
    body: dict[str, Any] = {
        "email": request.email,
        "phone": request.phone,
        "type": "route",
        "legal_business_name": request.name,
        "business_type": _kind(request),
        "contact_name": _person(request),
        "profile": {
            "category": details["category"],
            "subcategory": details["subcategory"],
            "addresses": {"registered": registered},
        },
        "notes": fields.notes({fields.NOTE_ID: request.vendor_id}, request.notes),
    }
    legal = fields.known(pan=None if _is_personal(pan) else pan, gst=details.get("gst"))
    return body | ({"legal_info": legal} if legal else {})


def stakeholder_body(request: VendorRequest) -> dict[str, Any]:
    pan = request.account_details.get("pan")
    body: dict[str, Any] = {
        "name": _person(request),
        "email": request.email,
        "notes": {fields.NOTE_ID: request.vendor_id},
    }
    return body | ({"kyc": {"pan": pan}} if _is_personal(pan) else {})


def product_body() -> dict[str, Any]:
    """Route's terms: who onboards a vendor through the API has its consent."""
    return {"product_name": "route", "tnc_accepted": True}


def settlement_body(request: VendorRequest) -> dict[str, Any] | None:
    """Where the vendor's money goes; None when no bank account was given."""
    details = request.account_details
    if not details.get("account_number"):
        return None
    settlements = {
        "account_number": details["account_number"],
        "ifsc_code": details["ifsc"],
        "beneficiary_name": details["account_holder"],
    }
    return {"settlements": settlements, "tnc_accepted": True}


def takes_settlement(product: Thing) -> bool:
    """Whether the bank account is still to be told: during the review and after it the configuration is locked."""
    return product.get("activation_status") not in ("under_review", "activated")


def existing_account(message: str | None) -> str | None:
    """The linked account that a refusal names: Razorpay takes each e-mail address once."""
    found = _EXISTS.search(message or "")
    return None if found is None else f"acc_{found[1]}"


def product_snapshot(account_id: str, product: Thing) -> ResourceSnapshot:
    """A vendor as its configuration tells it, in answers and (with less) in callbacks."""
    word = fields.text(product, "activation_status") or ""
    needs = requirements(fields.parts(product, "requirements"))
    return ResourceSnapshot(
        status=VENDOR_STATUS.get(word, UNCHANGED),
        provider_id=account_id,
        facts=fields.known(
            provider_product_id=fields.text(product, "id"),
            payouts_enabled=word == "activated" if word in VENDOR_STATUS else None,
            requirements=list(needs) if "requirements" in product or word == "activated" else None,
        ),
    )


def account_snapshot(account: Thing) -> ResourceSnapshot:
    """A vendor of which only the account is known."""
    status = _ACCOUNT_STATUS.get(fields.text(account, "status") or "", UNCHANGED)
    return ResourceSnapshot(
        status=status,
        provider_id=fields.text(account, "id") or "",
        facts={"payouts_enabled": False} if status == "restricted" else {},
    )


def requirements(told: Any) -> list[str]:
    """What Razorpay still wants of it: the paths of fields (`settlements.ifsc_code`)."""
    return sorted({name for each in told if (name := fields.text(each, "field_reference"))})


def _person(request: VendorRequest) -> str:
    details = request.account_details
    return details.get("contact_name") or details.get("account_holder") or request.name


def _is_personal(pan: str | None) -> bool:
    return pan is not None and len(pan) > 3 and pan[3] == _PERSONAL
