"""PayPal's error bodies, in the words of its OpenAPI files."""

import json
from typing import Any, Final

from onerouter_sandbox.paypal.ids import debug_id
from onerouter_sandbox.paypal.issues import described
from onerouter_sandbox.wire import Reply

_DOCS: Final = "https://developer.paypal.com/docs/api"
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


class NotPossible(Exception):
    """A person cannot do this now: on a page, or by the control API in a person's place."""


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


def bad_request(
    issue: str, field: str, issues: str = "orders", value: str | None = None, description: str | None = None
) -> Refused:
    return _refused(400, issue, issues, field=field, value=value, description=description)


def unprocessable(
    issue: str,
    field: str | None = None,
    issues: str = "orders",
    *,
    redirect: str | None = None,
    description: str | None = None,
) -> Refused:
    """`redirect`: where the payer can choose another instrument."""
    refused = _refused(422, issue, issues, field=field, description=description)
    if redirect is not None:
        refused.body["links"].append({"href": redirect, "rel": "redirect", "method": "GET"})
    return refused


def forbidden(issue: str, issues: str) -> Refused:
    return _refused(403, issue, issues)


def no_such_resource(field: str, operation: str = "orders.get") -> Refused:
    description = described("INVALID_RESOURCE_ID", operation)
    detail = {"issue": "INVALID_RESOURCE_ID", "description": description, "field": field, "location": "path"}
    return Refused(404, _body(404, [detail]))


def plain(status: int, name: str, message: str, *, details: list[dict[str, str]], link: str | None = None) -> Refused:
    """An error of PayPal's older APIs, which have names of their own; `link` leads to what is in the way."""
    body: dict[str, Any] = {"name": name, "message": message, "debug_id": debug_id(), "details": details}
    body["information_link"] = f"{_DOCS}/payments.payouts-batch/#errors"
    body["links"] = [] if link is None else [{"href": link, "rel": "self", "method": "GET"}]
    return Refused(status, body)


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


def _refused(
    status: int,
    issue: str,
    issues: str,
    *,
    field: str | None = None,
    value: str | None = None,
    description: str | None = None,
) -> Refused:
    detail = {"issue": issue, "description": description or described(issue, issues)}
    if field is not None:
        detail |= {"field": field, "location": "body"}
    if value is not None:
        detail["value"] = value
    return Refused(status, _body(status, [detail]))


def _body(status: int, details: list[dict[str, str]] | None) -> dict[str, Any]:
    name, message = _NAMES[status]
    body: dict[str, Any] = {"name": name, "message": message, "debug_id": debug_id()}
    if details is not None:
        body["details"] = details
    body["links"] = [{"href": f"{_DOCS}/#{name}", "rel": "information_link", "method": "GET"}]
    return body
