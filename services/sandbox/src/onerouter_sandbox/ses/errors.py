"""SES's answers: JSON, with the kind of an error in a header."""

import json
from typing import Any
from uuid import uuid4

from onerouter_sandbox.wire import Reply


class Refused(Exception):
    """The API says no; `reply` is what goes over the wire."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    @property
    def reply(self) -> Reply:
        headers = ((b"x-amzn-errortype", self.code.encode()), (b"x-amzn-requestid", str(uuid4()).encode()))
        return Reply(self.status, json.dumps({"message": self.message}).encode(), headers=headers)


def ok(body: dict[str, Any]) -> Reply:
    return Reply(200, json.dumps(body).encode(), headers=((b"x-amzn-requestid", str(uuid4()).encode()),))


def bad(message: str) -> Refused:
    return Refused(400, "BadRequestException", message)


def trouble(status: int) -> Reply:
    """Answers that have nothing to do with the request: too many of them, or a bad day."""
    if status == 429:
        return Refused(429, "TooManyRequestsException", "Maximum sending rate exceeded.").reply
    return Refused(status, "InternalServiceErrorException", "Internal server error").reply
