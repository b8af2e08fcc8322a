"""Answers of S3's protocol: XML, and error bodies."""

from collections.abc import Mapping
from typing import Final
from uuid import uuid4
from xml.sax.saxutils import escape

from onerouter_sandbox.wire import Reply

NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_XML: Final = b"application/xml"

Headers = Mapping[str, str]


class Refused(Exception):
    """The API says no; `reply` is what goes over the wire. Of a HEAD the server sends no body."""

    def __init__(self, status: int, code: str, message: str, **more: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.more = more
        """Further elements of the error, as `Region`."""

    @property
    def reply(self) -> Reply:
        request_id = uuid4().hex[:16].upper()
        fields = {"Code": self.code, "Message": self.message, **self.more, "RequestId": request_id}
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
        region = self.more.get("Region")
        headers = {"x-amz-request-id": request_id, **({} if region is None else {"x-amz-bucket-region": region})}
        return Reply(self.status, f"{_HEAD}<Error>{inner}</Error>".encode(), _XML, _bytes(headers))


def xml(name: str, inner: str, headers: Headers | None = None) -> Reply:
    """A 200."""
    body = f'{_HEAD}<{name} xmlns="{NAMESPACE}">{inner}</{name}>'
    return Reply(200, body.encode(), _XML, _bytes({"x-amz-request-id": uuid4().hex[:16].upper(), **(headers or {})}))


def content(status: int, body: bytes, content_type: str, headers: Headers) -> Reply:
    return Reply(status, body, content_type.encode("latin-1"), _bytes(headers))


def element(name: str, value: object) -> str:
    return f"<{name}>{escape(str(value))}</{name}>"


def no_such_key(key: str) -> Refused:
    return Refused(404, "NoSuchKey", "The specified key does not exist.", Key=key)


def invalid(message: str) -> Refused:
    return Refused(400, "InvalidArgument", message)


def not_implemented(what: str) -> Refused:
    return Refused(501, "NotImplemented", f"{what} is not implemented")


def _bytes(headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())
