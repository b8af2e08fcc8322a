"""What goes into a message's header, made safe: no line break or control character gets through to a provider."""

import re
from collections.abc import Iterable, Mapping
from email.utils import formataddr
from typing import Final

from onerouter_common.errors import InvalidRequest
from onerouter_providers.messages import Address, EmailRequest

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,76}")
_OURS: Final = frozenset(
    {
        "from",
        "sender",
        "to",
        "cc",
        "bcc",
        "reply-to",
        "subject",
        "date",
        "message-id",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "return-path",
        "received",
        "dkim-signature",
    }
)
"""Headers that are made of a request's own fields, or by the provider."""


def mailbox(address: Address, field: str) -> str:
    """`"Asha Rao" <asha@example.com>`; a name that is not ASCII as an encoded word (RFC 2047), a domain as punycode.

    Raises InvalidRequest that names `field`.
    """
    email = ascii_domain(one_line(address.email, field), field)
    if not email.isprintable() or any(character in email for character in '<>,;" '):
        raise InvalidRequest.of(field, "is not an email address")
    if not address.name:
        return email
    name = one_line(address.name, field)
    if email.isascii():
        return formataddr((name, email), "utf-8")
    # `formataddr` refuses a local part that is not ASCII; whether such a one is taken is for the provider to say.
    return formataddr((name, "x@x"), "utf-8").removesuffix("<x@x>") + f"<{email}>"


def ascii_domain(email: str, field: str) -> str:
    """The address with its domain in punycode. Raises InvalidRequest that names `field`."""
    local, at, domain = email.rpartition("@")
    if not (local and at and domain):
        raise InvalidRequest.of(field, "is not an email address")
    if domain.isascii():
        return email
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        raise InvalidRequest.of(field, "has a domain that cannot exist") from None


def mailboxes(addresses: Iterable[Address], field: str) -> list[str]:
    return [mailbox(address, field) for address in addresses]


def one_line(text: str, field: str) -> str:
    """The text itself. Raises InvalidRequest when it would break out of its header."""
    if _CONTROL.search(text) is not None:
        raise InvalidRequest.of(field, "must not contain line breaks or control characters")
    return text


def subject_of(request: EmailRequest) -> str | None:
    return None if request.subject is None else one_line(request.subject, "subject")


def custom_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers as they were given. Raises InvalidRequest for one that cannot be set, naming it."""
    for name, value in headers.items():
        shown = name if _HEADER_NAME.fullmatch(name) else "name"
        field = f"headers.{shown}"
        if shown != name:
            raise InvalidRequest.of("headers", "has a name that is not one of a header")
        if name.lower() in _OURS:
            raise InvalidRequest.of(field, "is made of the request's own fields and cannot be set")
        one_line(value, field)
    return dict(headers)
