"""What the categories are called, for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from onerouter_common.contracts.base import Category


@dataclass(frozen=True, slots=True)
class CategoryFacts:
    display_name: str
    description: str


CATEGORIES: Final[Mapping[Category, CategoryFacts]] = {
    "payments": CategoryFacts("Payments", "Take payments by card, UPI, netbanking or wallet, and give money back."),
    "sms": CategoryFacts("SMS", "Send text messages and learn what became of them."),
    "email": CategoryFacts("Email", "Send email, alone or from templates, and learn what became of it."),
    "storage": CategoryFacts("Storage", "Keep files in buckets; bytes go straight to the provider and back."),
}
