"""Why customers' payments fail: the error on the PaymentIntent by decline code.

Source: https://docs.stripe.com/declines/codes
"""

from typing import Any, Final

_OWN_CODE: Final = frozenset({"expired_card", "incorrect_cvc", "processing_error", "incorrect_number"})
"""Declines whose `code` says it already; all others are `card_declined`."""
_MESSAGES: Final = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "incorrect_number": "Your card number is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}
_NOT_OF_A_CARD: Final = {
    "payment_method_customer_decline": "The customer declined the payment.",
    "payment_intent_authentication_failure": "The provided payment method failed authentication.",
    "payment_method_provider_timeout": "The payment method's provider did not answer in time.",
}


def error_of(word: str, charge_id: str, payment_method: dict[str, Any]) -> dict[str, Any]:
    """A word that is in no table is passed on as a decline code: clients must cope with words they do not know."""
    about = {"charge": charge_id, "doc_url": f"https://stripe.com/docs/error-codes/{word}".replace("_", "-")}
    if word in _NOT_OF_A_CARD:
        kind = "card_error" if "authentication" in word else "invalid_request_error"
        return {"type": kind, "code": word, "message": _NOT_OF_A_CARD[word], "payment_method": payment_method, **about}
    code = word if word in _OWN_CODE else "card_declined"
    error = {"type": "card_error", "code": code, "message": _MESSAGES.get(word, "Your card was declined."), **about}
    if word not in _OWN_CODE or word in ("expired_card", "incorrect_cvc", "processing_error"):
        error["decline_code"] = word
    return {**error, "payment_method": payment_method}
