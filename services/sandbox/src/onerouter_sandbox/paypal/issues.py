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

_FIELDS: Final = {
    "INVALID_PARAMETER_SYNTAX": "The value of a field does not conform to the expected format.",
    "INVALID_PARAMETER_VALUE": "The value of a field is invalid.",
    "MISSING_REQUIRED_PARAMETER": "A required field is missing.",
    "INVALID_STRING_LENGTH": "The value of a field is either too short or too long.",
    "INVALID_STRING_MIN_LENGTH": "The value of a field is too short.",
    "INVALID_STRING_MAX_LENGTH": "The value of a field is too long.",
    "INVALID_INTEGER_MIN_VALUE": "The integer value of a field is too small.",
    "INVALID_INTEGER_MAX_VALUE": "The integer value of a field is too large.",
}

DESCRIPTIONS: Final[dict[str, dict[str, str]]] = {
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
        "PAYPAL_REQUEST_ID_REQUIRED": "A PayPal-Request-Id is required if you are trying to process payment for an Order. Please specify a PayPal-Request-Id or Create the Order without a 'payment_source' specified.",
        "PAYEE_ACCOUNT_INVALID": "Payee account specified is invalid. Please check the `payee.email_address` or `payee.merchant_id` specified and try again. Ensure that either  `payee.merchant_id` or `payee.email_address` is specified.",
        "PAYEE_ACCOUNT_RESTRICTED": "The merchant account is restricted.",
        "INVALID_PLATFORM_FEES_AMOUNT": "The platform_fees amount cannot be greater than order amount.",
        "TOKEN_ID_NOT_FOUND": "Specified token ID does not exist.",
        "MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE": "The vault_id does not match the payment_source provided. Please verify that the vault_id token used refers to the matching payment_source and try again. For example, a PayPal token cannot be passed in the vault_id field in the payment_source.card object.",
        "VAULT_INSTRUCTION_REQUIRED": "Vault instruction is required. Please use `vault.store_in_vault` to provide vault instruction.",
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
    "catalogs": {
        "MALFORMED_REQUEST_JSON": "The request JSON is not well formed.",
        **_FIELDS,
        "DUPLICATE_RESOURCE_IDENTIFIER": "Identifier must be unique.",
    },
    "billing": {
        "MALFORMED_REQUEST_JSON": "The request JSON is not well formed.",
        **_FIELDS,
        "MISSING_REQUEST_BODY": "Request body is missing.",
    },
    "plans.create": {
        "CURRENCY_MISMATCH": "All currency codes in the request should be of similar value.",
        "MULTIPLE_FREE_TRIAL_BILLING_CYCLES_NOT_SUPPORTED": "Only one free trial billing cycle is allowed.",
        "MORE_THAN_TWO_TRIAL_BILLING_CYCLE_NOT_SUPPORTED": "Only two trial billing cycles are allowed.",
        "MISSING_REGULAR_BILLING_CYCLE": "Plan should have at least one regular billing cycle.",
        "MULTIPLE_REGULAR_BILLING_CYCLES_NOT_SUPPORTED": "Only one regular billing cycle is allowed.",
        "INVALID_BILLING_CYCLE_SEQUENCE": "Billing cycle sequence should start with `1` and be consecutive.",
        "INVALID_TRIAL_BILLING_TOTAL_CYCLES": "Total cycles for trial billing must be greater than '0'.",
        "INVALID_PRICING_MODEL": "The specified pricing model is not supported for trial billing cycle.",
    },
    "plans.activate": {
        "PLAN_STATUS_INVALID": "Invalid plan status for activate action; plan status should be either created or inactive.",
    },
    "plans.deactivate": {
        "PLAN_STATUS_INVALID": "Invalid plan status for deactivate action; plan status should be active.",
    },
    "subscriptions.create": {
        "PLAN_STATUS_INVALID": "Invalid plan status for subscription creation; plan status should be active.",
        "SUBSCRIPTION_CANNOT_HAVE_QUANTITY": "Subscription can't have quantity as the plan does not support quantity.",
        "INVALID_BILLING_CYCLE_SEQUENCE": "The provided billing cycle sequence is not available.",
        "CURRENCY_MISMATCH": "The currency code is different from the plan's currency code.",
    },
    "subscriptions.suspend": {
        "SUBSCRIPTION_STATUS_INVALID": "Invalid subscription status for suspend action; subscription status should be active.",
    },
    "subscriptions.cancel": {
        "SUBSCRIPTION_STATUS_INVALID": "Invalid subscription status for cancel action; subscription status should be active or suspended.",
    },
    "subscriptions.activate": {
        "SUBSCRIPTION_STATUS_INVALID": "Invalid subscription status for activate action; subscription status should be suspended.",
        "SUBSCRIPTION_CANNOT_BE_ACTIVATED": "Subscription cannot be activated after payment failure threshold has reached.",
    },
    "subscriptions.revise": {
        "INVALID_RESOURCE_ID": "Requested resource ID was not found.",
        "SUBSCRIPTION_STATUS_INVALID": "Invalid subscription status for revise action; subscription status should be active or suspended.",
        "PLAN_STATUS_INVALID": "Invalid plan status for revise action; plan status should be active.",
        "SUBSCRIPTION_CANNOT_HAVE_QUANTITY": "Subscription can't have quantity as the plan does not support quantity.",
        "PLAN_PRODUCT_NOT_COMPATIBLE": "The old and the new plans should be for the same product.",
        "INVALID_BILLING_CYCLE_SEQUENCE": "The provided billing cycle sequence is not available.",
        "CURRENCY_MISMATCH": "The currency code is different from the plan's currency code.",
    },
    "subscriptions.capture": {
        "SUBSCRIPTION_STATUS_INVALID": "Invalid subscription status for capture action; subscription status should be active or suspended or expired.",
        "PAYER_CANNOT_PAY": "The payer cannot pay for this transaction with the chosen funding source.",
        "ZERO_OUTSTANDING_BALANCE": "Current outstanding balance should be greater than zero.",
        "CURRENCY_MISMATCH": "The currency code is different from the subscription's currency code.",
        "AMOUNT_GREATER_THAN_OUTSTANDING_BALANCE": "The capture amount can not be greater than the current outstanding balance.",
    },
    "invoicing": {
        "MALFORMED_REQUEST_JSON": "The request JSON is not well formed.",
        **_FIELDS,
        "DUPLICATE_INVOICE_NUMBER": "Invoice number must be unique.",
        "CANNOT_SEND_INVOICE": "Only a draft, a scheduled or an already sent invoice can be sent.",
        "CANNOT_CANCEL_DRAFT_INVOICE": "Draft invoice cannot be canceled.",
        "CANNOT_CANCEL_PAID_INVOICE": "Cannot cancel a paid or partially paid invoice.",
        "INVOICE_CANCELED_ALREADY": "Invoice is already cancelled.",
    },
    "vault": {
        "MALFORMED_REQUEST_JSON": "The request JSON is not well formed.",
        **_FIELDS,
        "INVALID_STRING_LENGTH": "The value of a field is either too short or too long.",
        "TOKEN_NOT_FOUND": "The setup token was not found, or has expired.",
        "SETUP_TOKEN_NOT_APPROVED": "The payer has not approved the setup token.",
        "TOKEN_ALREADY_USED": "The setup token was turned into a payment token before.",
        "NOT_SUPPORTED": "This kind of payment source is not simulated.",
    },
    "customer": {
        "MALFORMED_REQUEST_JSON": "The request JSON is not well formed.",
        "MISSING_REQUIRED_PARAMETER": "A required field is missing.",
        "INVALID_STRING_LENGTH": "the value of a field is either too short or too long",
        "INVALID_PARAMETER_SYNTAX": "the value of a field does not conform to the expected format",
        "INVALID_PARAMETER_VALUE": "the value of a field is invalid",
        "INVALID_ARRAY_LENGTH": "the number of items in an array parameter is too small or too large",
        "INVALID_STRING_MAX_LENGTH": "The value of a field is too long.",
        "PERMISSION_DENIED": "You do not have permission to access or perform operations on this resource.",
    },
}
"""By API or by operation."""

_APIS: Final = {
    "orders": "orders",
    "payments": "payments",
    "authorizations": "payments",
    "captures": "payments",
    "sales": "payments",
    "products": "catalogs",
    "plans": "billing",
    "subscriptions": "billing",
    "invoices": "invoicing",
    "invoicing": "invoicing",
    "setup-tokens": "vault",
    "payment-tokens": "vault",
    "partner-referrals": "customer",
    "merchant-integrations": "customer",
    "disputes": "customer",
    "payouts": "customer",
    "payouts-item": "customer",
    "webhooks": "customer",
}
"""By the first word of an operation's name."""


_UNKNOWN_ID: Final = "Specified resource ID does not exist. Please check the resource ID and try again."


def described(issue: str, operation: str) -> str:
    """What PayPal says of an issue there: an operation's own words before its API's."""
    own = DESCRIPTIONS.get(operation, {}).get(issue)
    if own is None and issue == "INVALID_RESOURCE_ID":
        return _UNKNOWN_ID
    return own or DESCRIPTIONS[_APIS[operation.partition(".")[0]]][issue]
