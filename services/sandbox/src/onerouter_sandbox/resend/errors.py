"""Resend's error bodies: `{"statusCode", "name", "message"}`."""

import json
from typing import Final

from onerouter_sandbox.wire import Reply

NO_USER_AGENT: Final = Reply(403, b"error code: 1010", b"text/plain; charset=UTF-8")
"""Said by what stands in front of the API, to who does not say what it is."""


class Refused(Exception):
    """The API says no; `reply` is what goes over the wire."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name

    @property
    def reply(self) -> Reply:
        body = {"statusCode": self.status, "name": self.name, "message": str(self)}
        return Reply(self.status, json.dumps(body).encode())


def invalid(message: str) -> Refused:
    return Refused(422, "validation_error", message)


def missing(field: str) -> Refused:
    return Refused(422, "missing_required_field", f"Missing `{field}` field.")


def no_such(what: str) -> Refused:
    return Refused(404, "not_found", f"{what} not found")


def unverified(domain: str) -> Refused:
    return Refused(
        403,
        "validation_error",
        f"The {domain} domain is not verified. Please, add and verify your domain on https://resend.com/domains",
    )


def trouble(status: int) -> Refused:
    """Answers that have nothing to do with the request: too many of them, or a bad day."""
    if status == 429:
        return Refused(429, "rate_limit_exceeded", "Too many requests. Please limit the number of requests per second.")
    return Refused(status, "application_error", "An unexpected error occurred.")
