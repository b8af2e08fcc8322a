"""The parts of the API: a file each. Their names of version 2 are here, too."""

from importlib import import_module
from typing import Any, Final

_OLDER: Final = {
    "PaymentsResource": ("payments", "AsyncPayments"),
    "SubscriptionsResource": ("subscriptions", "AsyncSubscriptions"),
    "PaymentLinksResource": ("payment_links", "AsyncPaymentLinks"),
    "SavedPaymentMethodsResource": ("saved_payment_methods", "AsyncSavedPaymentMethods"),
    "MarketplaceResource": ("marketplace", "AsyncMarketplace"),
    "SMSResource": ("sms", "AsyncSms"),
    "EmailResource": ("email", "AsyncEmail"),
}


def __getattr__(name: str) -> Any:
    if name not in _OLDER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, found = _OLDER[name]
    return getattr(import_module(f"{__name__}.{module}"), found)
