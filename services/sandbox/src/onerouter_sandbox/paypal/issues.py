"""What PayPal says of each issue: the sentences of its OpenAPI files, word for word."""
# ruff: noqa: E501

from typing import Final

_CURRENCIES: Final = "https://developer.paypal.com/{}/reference/currency-codes/"
_DUPLICATE: Final = "Duplicate Invoice ID detected. To avoid a potential duplicate transaction your account setting requires that Invoice Id be unique for each transaction."
_POSITIVE: Final = (
    "Must be greater than zero. If the currency supports decimals, only two decimal place precision is supported."
)
_INVALID_CURRENCY: Final = (
    "Currency code is invalid or is not currently supported. Please refer {} for list of supported currency codes."
)

DESCRIPTIONS: Final = {
    "orders": {
        "MALFORMED_REQUEST_JSON": "The request JSON is not well formed.",
        "MISSING_REQUIRED_PARAMETER": "A required parameter is missing.",
        "INVALID_PARAMETER_SYNTAX": "The value of a field does not conform to the expected format.",
        "INVALID_PARAMETER_VALUE": "A parameter value is not valid.",
        "INVALID_STRING_LENGTH": "The value of a field is either too short or too long",
        "INVALID_CURRENCY_CODE": _INVALID_CURRENCY.format(_CURRENCIES.format("api/rest")),
        "CANNOT_BE_ZERO_OR_NEGATIVE": _POSITIVE,
        "MAX_VALUE_EXCEEDED": "Should be less than or equal to 999999999999999.99.",
        "DECIMAL_PRECISION": "If the currency supports decimals, only two decimal place precision is supported.",
        "DUPLICATE_INVOICE_ID": _DUPLICATE,
        "INSTRUMENT_DECLINED": "The instrument presented  was either declined by the processor or bank, or it can't be used for this payment.",
        "ORDER_ALREADY_CAPTURED": "Order already captured.If 'intent=CAPTURE' only one capture per order is allowed.",
        "ORDER_ALREADY_AUTHORIZED": "Order already authorized.If 'intent=AUTHORIZE' only one authorization per order is allowed.",
    },
    "orders.capture": {
        "ORDER_NOT_APPROVED": "Payer has not yet approved the Order for payment. Please redirect the payer to the 'rel':'approve' url returned as part of the HATEOAS links within the Create Order call or provide a valid `payment_source` in the request.",
        "ACTION_DOES_NOT_MATCH_INTENT": "Order was created with an intent to 'AUTHORIZE'. Please use v2/checkout/orders/order_id/authorize to authorize the payment or alternately Create an order with an intent of 'CAPTURE'.",
    },
    "orders.authorize": {
        "ORDER_NOT_APPROVED": "Payer has not yet approved the Order for payment. Please redirect the payer to the 'rel':'approve' url returned as part of the HATEOAS links within the Create Order call.",
        "ACTION_DOES_NOT_MATCH_INTENT": "Order was created with an intent to 'CAPTURE'. Please use v2/checkout/orders/order_id/capture to complete the transaction or alternately Create an order with an intent of 'AUTHORIZE'.",
    },
    "payments": {
        "MALFORMED_REQUEST_JSON": "The request JSON is not well formed.",
        "MISSING_REQUIRED_PARAMETER": "A required field / parameter is missing.",
        "INVALID_PARAMETER_SYNTAX": "The value of a field does not conform to the expected format.",
        "INVALID_STRING_LENGTH": "The value of a field is either too short or too long.",
        "INVALID_CURRENCY_CODE": _INVALID_CURRENCY.format(_CURRENCIES.format("docs/api")),
        "CANNOT_BE_ZERO_OR_NEGATIVE": _POSITIVE,
        "MAX_VALUE_EXCEEDED": "Should be less than or equal to 999999999999999.99.",
        "DECIMAL_PRECISION": "If the currency supports decimals, only two decimal place precision is supported.",
        "DECIMALS_NOT_SUPPORTED": f"Currency does not support decimals. Please refer to {_CURRENCIES.format('docs/api')} for more information.",
        "AUTHORIZATION_VOIDED": "A voided authorization cannot be captured or reauthorized. ",
        "AUTHORIZATION_ALREADY_CAPTURED": "Authorization has previously been captured.",
        "AUTH_CAPTURE_CURRENCY_MISMATCH": "Currency of capture must be the same as currency of authorization.",
        "MAX_CAPTURE_AMOUNT_EXCEEDED": "Capture amount exceeds allowable limit. Please contact customer service or your account manager to request the change to your overage limit. The default overage limit is 115%, which allows the sum of all captures to be up to 115% of the order amount. The ability to over capture is subjected to regulatory approvals.",
        "PREVIOUSLY_CAPTURED": "Authorization has been previously captured and hence cannot be voided.",
        "PREVIOUSLY_VOIDED": "Authorization has been previously voided and hence cannot be voided again.",
        "DUPLICATE_INVOICE_ID": "Requested invoice_id has been previously captured. Possible duplicate transaction.",
        "PREVIOUS_REQUEST_IN_PROGRESS": "A previous request on this resource is currently in progress. Please wait for sometime and try again. It is best to space out the initial and the subsequent request(s) to avoid receiving this error.",
    },
    "captures.refund": {
        "CAPTURE_FULLY_REFUNDED": "The capture has already been fully refunded",
        "REFUND_AMOUNT_EXCEEDED": "The refund amount must be less than or equal to the capture amount that has not yet been refunded.",
        "REFUND_CAPTURE_CURRENCY_MISMATCH": "Refund must be in the same currency as the capture",
        "REFUND_NOT_ALLOWED": "Capture cannot be refunded.",
        "PENDING_CAPTURE": "Cannot initiate a refund as the capture is pending. Capture is typically pending when the payer has funded the transaction using e-check/bank funded.",
        "DUPLICATE_INVOICE_ID": "Invoice ID was previously used to refund a capture.",
    },
}
"""By API; an operation's own words before its API's."""
