"""Request bodies: forms, mostly of several parts."""

from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl

from onerouter_sandbox.mailgun.errors import Refused
from onerouter_sandbox.wire import Request


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a form."""

    name: str
    filename: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """Fields in the order in which they came; a name may come more than once."""

    fields: tuple[tuple[str, str], ...]
    files: tuple[Upload, ...] = ()

    def get(self, name: str) -> str | None:
        """The first of this name that is not empty."""
        return next((value for key, value in self.fields if key == name and value), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name and value]

    def prefixed(self, prefix: str) -> dict[str, str]:
        """`v:` → what stands behind it, by name."""
        return {key.removeprefix(prefix): value for key, value in self.fields if key.startswith(prefix)}


def read(request: Request) -> Form:
    """Raises `Refused` for a body that is no form."""
    content_type = request.headers.get(b"content-type", b"").decode("latin-1")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _parts(content_type, request.body)
    try:
        pairs = parse_qsl(request.body.decode(), keep_blank_values=True)
    except UnicodeDecodeError:
        raise Refused(400, "The request could not be read.") from None
    return Form(tuple(pairs))


def _parts(content_type: str, body: bytes) -> Form:
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    parsed = BytesParser(policy=HTTP).parsebytes(head + body)
    if not parsed.is_multipart():
        raise Refused(400, "The request could not be read.")
    fields: list[tuple[str, str]] = []
    files: list[Upload] = []
    for part in parsed.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = _content(part)
        filename = part.get_filename()
        if filename is None:
            fields.append((str(name), content.decode("utf-8", "replace")))
        else:
            files.append(Upload(str(name), filename, part.get_content_type(), content))
    return Form(tuple(fields), tuple(files))


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
