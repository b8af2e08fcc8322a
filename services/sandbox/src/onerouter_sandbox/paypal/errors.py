"""PayPal's error bodies, in the words of its OpenAPI files."""

import json
from typing import Any, Final

from onerouter_sandbox.paypal.ids import debug_id
from onerouter_sandbox.wire import Reply

_DOCS: Final = "https://developer.paypal.com/docs/api"
_CURRENCIES: Final = "https://developer.paypal.com/{}/reference/currency-codes/"
_NAMES: Final = {
    400: ("INVALID_REQUEST", "Request is not well-formed, syntactically incorrect, or violates schema."),
    401: (
        "AUTHENTICATION_FAILURE",
        "Authentication failed due to missing authorization header, or invalid authentication credentials.",
    ),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    409: ("RESOURCE_CONFLICT", "The server has detected a conflict while processing this request."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The server does not support the request payload's media type."),
    422: (
        "UNPROCESSABLE_ENTITY",
        "The requested action could not be performed, semantically incorrect, or failed business validation.",
    ),
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
    502: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
    503: ("SERVICE_UNAVAILABLE", "Service Unavailable."),
    504: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
}
_DUPLICATE: Final = "Duplicate Invoice ID detected. To avoid a potential duplicate transaction your account setting requires that Invoice Id be unique for each transaction."
_POSITIVE: Final = (
    "Must be greater than zero. If the currency supports decimals, only two decimal place precision is supported."
)
_INVALID_CURRENCY: Final = "Currency code is invalid or is not currently supported. Please refer {} for list of supported currency codes."

_DESCRIPTIONS: Final = {
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


class Refused(Exception):
    """The API says no; `reply` is what goes over the wire."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body.get("message") or body.get("error_description") or "")
        self.status = status
        self.body = body

    @property
    def issue(self) -> str | None:
        details = self.body.get("details")
        return details[0]["issue"] if details else None

    @property
    def reply(self) -> Reply:
        headers = ((b"paypal-debug-id", str(self.body.get("debug_id", "")).encode()),)
        return Reply(self.status, json.dumps(self.body).encode(), headers=headers)


def bad_request(issue: str, field: str, issues: str = "orders", value: str | None = None) -> Refused:
    return _refused(400, issue, issues, field=field, value=value)


def unprocessable(
    issue: str, field: str | None = None, issues: str = "orders", *, redirect: str | None = None
) -> Refused:
    """`redirect`: where the payer can choose another instrument."""
    refused = _refused(422, issue, issues, field=field)
    if redirect is not None:
        refused.body["links"].append({"href": redirect, "rel": "redirect", "method": "GET"})
    return refused


def no_such_resource(field: str) -> Refused:
    detail = {
        "issue": "INVALID_RESOURCE_ID",
        "description": "Specified resource ID does not exist. Please check the resource ID and try again.",
        "field": field,
        "location": "path",
    }
    return Refused(404, _body(404, [detail]))


def no_such_url() -> Refused:
    return Refused(404, _body(404, None))


def unauthorized() -> Refused:
    return Refused(401, _body(401, None))


def invalid_client() -> Refused:
    return Refused(401, {"error": "invalid_client", "error_description": "Client Authentication failed"})


def unsupported_grant() -> Refused:
    return Refused(400, {"error": "unsupported_grant_type", "error_description": "Grant Type is NULL"})


def request_in_flight() -> Refused:
    return _refused(409, "PREVIOUS_REQUEST_IN_PROGRESS", "payments")


def trouble(status: int) -> Reply:
    """Answers that have nothing to do with the request: too many of them, or a bad day."""
    return Refused(status, _body(status, None)).reply


def _refused(status: int, issue: str, issues: str, *, field: str | None = None, value: str | None = None) -> Refused:
    detail = {"issue": issue, "description": _described(issue, issues)}
    if field is not None:
        detail |= {"field": field, "location": "body"}
    if value is not None:
        detail["value"] = value
    return Refused(status, _body(status, [detail]))


def _described(issue: str, issues: str) -> str:
    api = "orders" if issues.startswith("orders") else "payments"
    return _DESCRIPTIONS.get(issues, {}).get(issue) or _DESCRIPTIONS[api][issue]


def _body(status: int, details: list[dict[str, str]] | None) -> dict[str, Any]:
    name, message = _NAMES[status]
    body: dict[str, Any] = {"name": name, "message": message, "debug_id": debug_id()}
    if details is not None:
        body["details"] = details
    body["links"] = [{"href": f"{_DOCS}/#{name}", "rel": "information_link", "method": "GET"}]
    return body
