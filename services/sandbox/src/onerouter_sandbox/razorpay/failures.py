"""Why customers' payments fail: the five `error_*` fields by reason, in the order code, source, step, description.

Source: https://razorpay.com/docs/errors/payments/
"""

from typing import Final

_TABLE: Final = {
    "payment_failed": ("BAD_REQUEST_ERROR", "customer", "payment_authorization", "Payment failed"),
    "card_declined": (
        "BAD_REQUEST_ERROR",
        "customer",
        "payment_authorization",
        "Your payment was declined by the bank. Please try another card.",
    ),
    "insufficient_funds": (
        "BAD_REQUEST_ERROR",
        "customer",
        "payment_authorization",
        "Your payment could not be completed due to insufficient account balance.",
    ),
    "payment_cancelled": (
        "BAD_REQUEST_ERROR",
        "customer",
        "payment_authentication",
        "You may have cancelled the payment or there was a delay in response from the bank.",
    ),
    "payment_timed_out": (
        "BAD_REQUEST_ERROR",
        "customer",
        "payment_authentication",
        "Your payment was not completed on time. Please try again.",
    ),
    "authentication_failed": (
        "BAD_REQUEST_ERROR",
        "customer",
        "payment_authentication",
        "The payment could not be authenticated.",
    ),
    "incorrect_otp": ("BAD_REQUEST_ERROR", "customer", "payment_authentication", "The OTP was incorrect."),
    "incorrect_cvv": ("BAD_REQUEST_ERROR", "customer", "payment_authorization", "The CVV was incorrect."),
    "card_expired": ("BAD_REQUEST_ERROR", "customer", "payment_authorization", "The card has expired."),
    "invalid_vpa": ("BAD_REQUEST_ERROR", "customer", "payment_initiation", "The UPI ID does not exist."),
    "payment_risk_check_failed": (
        "BAD_REQUEST_ERROR",
        "internal",
        "payment_risk_check",
        "The payment was blocked by a risk check.",
    ),
    "bank_technical_error": (
        "GATEWAY_ERROR",
        "bank",
        "payment_authorization",
        "The bank has a technical problem. Please try again later.",
    ),
    "bank_not_available": (
        "GATEWAY_ERROR",
        "bank",
        "payment_authorization",
        "The bank cannot be reached. Please try again later.",
    ),
}


def error_of(reason: str) -> dict[str, str]:
    """A reason that is not in the table is passed on as it is: clients must cope with words they do not know."""
    code, source, step, description = _TABLE.get(reason, _TABLE["payment_failed"])
    return {"code": code, "description": description, "source": source, "step": step, "reason": reason}
