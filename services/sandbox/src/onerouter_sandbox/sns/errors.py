"""SNS's answers and error bodies: XML of the AWS query protocol."""

from typing import Final
from uuid import uuid4
from xml.sax.saxutils import escape

from onerouter_sandbox.wire import Reply

NAMESPACE: Final = "http://sns.amazonaws.com/doc/2010-03-31/"


class Refused(Exception):
    """The API says no; `reply` is what goes over the wire."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    @property
    def reply(self) -> Reply:
        side = "Sender" if self.status < 500 else "Receiver"
        error = f"<Type>{side}</Type><Code>{self.code}</Code><Message>{escape(self.message)}</Message>"
        request_id = str(uuid4())
        body = f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{error}</Error><RequestId>{request_id}</RequestId></ErrorResponse>'
        return Reply(self.status, body.encode(), b"text/xml", ((b"x-amzn-requestid", request_id.encode()),))


def result(action: str, inner: str) -> Reply:
    request_id = str(uuid4())
    body = (
        f'<{action}Response xmlns="{NAMESPACE}"><{action}Result>{inner}</{action}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
    return Reply(200, body.encode(), b"text/xml", ((b"x-amzn-requestid", request_id.encode()),))


def invalid(name: str, reason: str) -> Refused:
    return Refused(400, "InvalidParameter", f"Invalid parameter: {name} Reason: {reason}")


def trouble(status: int) -> Reply:
    """Answers that have nothing to do with the request: too many of them, or a bad day."""
    if status == 429:
        return Refused(429, "Throttled", "Rate exceeded").reply
    return Refused(status, "InternalError", "We encountered an internal error. Please try again.").reply
