"""Mailgun's answers when it does not do what was asked: a sentence, and no code."""

import json
from typing import Final

from onerouter_sandbox.wire import Reply

LIMITED: Final = "Domain {} is not allowed to send: account-requests-per-sec limit exceeded, try again after 1 seconds"


class Refused(Exception):
    """The request gets no further; the text is Mailgun's sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def reply(self) -> Reply:
        return Reply(self.status, json.dumps({"message": self.message}).encode())


def forbidden(status: int = 401) -> Reply:
    """A bare word, in no JSON object."""
    return Reply(status, b"Forbidden", b"text/plain; charset=utf-8")


def no_such_domain(domain: str) -> Refused:
    return Refused(404, f"Domain not found: {domain}")


def not_found(what: str) -> Refused:
    return Refused(404, f"{what} not found")


def trouble(status: int) -> Reply:
    message = "Internal Server Error"
    if status == 429:
        message = LIMITED.format("of this account")
    return Reply(status, json.dumps({"message": message}).encode())
