"""Razorpay's rules for linked accounts, as pure functions that raise `Refused`.

Source: https://razorpay.com/docs/api/payments/route/
"""

import re
from typing import Any, Final

from onerouter_sandbox.razorpay import fields
from onerouter_sandbox.razorpay.errors import refused
from onerouter_sandbox.razorpay.route.model import SETTLEMENTS

_BUSINESS_TYPES: Final = frozenset(
    [
        "individual",
        "proprietorship",
        "partnership",
        "private_limited",
        "public_limited",
        "llp",
        "trust",
        "society",
        "ngo",
        "educational_institutes",
        "not_yet_registered",
        "huf",
        "other",
    ]
)
ACCOUNT_FIELDS: Final = frozenset(
    [
        "email",
        "phone",
        "type",
        "reference_id",
        "legal_business_name",
        "customer_facing_business_name",
        "business_type",
        "contact_name",
        "contact_info",
        "profile",
        "legal_info",
        "notes",
        "tos_acceptance",
    ]
)
STAKEHOLDER_FIELDS: Final = frozenset(
    {"name", "email", "phone", "percentage_ownership", "relationship", "addresses", "kyc", "notes"}
)
_IFSC: Final = re.compile(r"^[A-Z]{4}0[A-Z0-9]{6}$")
_NAME: Final = re.compile(r"[<>@]|https?://|www\.")


def check_account(body: dict[str, Any]) -> None:
    fields.needed(body, "phone", most=15)
    name = fields.needed(body, "legal_business_name")
    if _NAME.search(name):
        raise refused("Please enter a valid name. Links, emails and HTML tags are not allowed.")
    business_type = fields.needed(body, "business_type")
    if business_type not in _BUSINESS_TYPES:
        raise refused(f"Invalid business type: {business_type}", field="business_type")
    profile = fields.mapping(body, "profile")
    for needed in ("category", "subcategory"):
        fields.needed(profile, needed)
    if not fields.mapping(fields.mapping(profile, "addresses"), "registered"):
        raise refused("The registered field is required.", field="registered")
    reference_id = fields.text(body, "reference_id", most=20)
    if reference_id is not None and len(reference_id) < 3:
        raise refused("The code must be at least 3 characters.", field="reference_id")


def terms_accepted(body: dict[str, Any]) -> bool:
    accepted = fields.flag(body, "tnc_accepted")
    if accepted is False:
        raise refused("The selected tnc accepted is invalid.", field="tnc_accepted")
    return accepted or False


def settlements_of(given: dict[str, Any]) -> dict[str, str]:
    fields.only(given, frozenset(SETTLEMENTS))
    told = {name: fields.needed(given, name) for name in SETTLEMENTS}
    if not 5 <= len(told["account_number"]) <= 20:
        raise refused("The account number must be between 5 and 20 characters.", field="account_number")
    if not _IFSC.match(told["ifsc_code"]):
        raise refused("Invalid IFSC Code.", field="ifsc_code")
    return told
