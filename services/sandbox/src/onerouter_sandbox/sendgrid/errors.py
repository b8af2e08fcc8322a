"""SendGrid's error bodies: `{"errors": [{"message", "field", "help"}]}`."""

import json

from onerouter_sandbox.wire import Reply


class Refused(Exception):
    """The API says no; `reply` is what goes over the wire."""

    def __init__(self, status: int, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.field = field

    @property
    def reply(self) -> Reply:
        error = {"message": str(self), "field": self.field}
        return Reply(self.status, json.dumps({"errors": [error]}, ensure_ascii=False).encode())


def invalid(message: str, field: str | None = None) -> Refused:
    return Refused(400, message, field)


def trouble(status: int) -> Refused:
    """Answers that have nothing to do with the request: too many of them, or a bad day."""
    return Refused(status, "too many requests" if status == 429 else "internal server error")
