"""Who a message goes to, in the one spelling that is stored, compared and sent; and what must not be in its head.

A line break in an address, a name, a subject or a header would end that header and begin one of the writer's own, so no
control character is let through. Writing a name down for the wire (RFC 2047, RFC 5322) is each provider's business.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from onerouter_common.errors import InvalidRequest

EMAIL_CHARS: Final = 254
"""The most that SMTP can carry (RFC 5321 4.5.3.1.3)."""
NAME_CHARS: Final = 200
_MAILBOX_CHARS: Final = 3 * NAME_CHARS
SUBJECT_CHARS: Final = 998
"""The longest line of a message (RFC 5322 2.1.1): a subject that is longer reaches nobody whole."""
HEADERS_MOST: Final = 50
HEADER_CHARS: Final = 998
_ALPHANUMERIC_CHARS: Final = 11
_NUMBER_CHARS: Final = 40

_UNPRINTABLE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters, halves of surrogate pairs (they cannot be encoded), line and paragraph separators."""
_NOT_THE_CALLERS: Final = re.compile(
    "from|sender|reply-to|to|cc|bcc|subject|date|message-id|return-path|received|content-.+|mime-version|resent-.+|"
    "dkim-signature|arc-.+|authentication-results|received-spf"
)
"""Headers that follow from the message's other fields, or are for the servers on its way to write."""
_NAMED: Final = re.compile(r"(?P<name>[^<>]*?)\s*<(?P<email>[^<>]+)>")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_ESCAPED: Final = re.compile(r"\\(.)")
_HEADER_NAME: Final = re.compile(r"[!-9;-~]{1,76}")
_MESSAGING_SERVICE: Final = re.compile(r"MG[0-9a-f]{32}")
_SHORT_CODE: Final = re.compile(r"[0-9]{3,8}")
_ALPHANUMERIC: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9&_+ -]+")


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    e164: str
    country: str | None
    """Alpha-2 of the country that gave the number; None: it belongs to none (+882, +870)."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    email: str
    name: str | None = None


def email_of(field: str, value: str) -> str:
    """Lower case, ASCII; raises InvalidRequest. No name server is asked.

    The part before the @ must be ASCII: letters that look alike, or that lose what tells them apart in lower case, would
    let one person ask for the mail of another.
    """
    try:
        parsed = validate_email(
            value.strip(), check_deliverability=False, allow_smtputf8=False, test_environment=True, strict=True
        )
    except EmailNotValidError:
        raise InvalidRequest.of(field, "must be an email address such as ada@example.com") from None
    email = (parsed.ascii_email or parsed.normalized).lower()
    if len(email) > EMAIL_CHARS:
        raise InvalidRequest.of(field, f"must have at most {EMAIL_CHARS} characters")
    return email


def mailbox_of(field: str, value: str, name: str | None = None) -> Mailbox:
    """`ada@example.com`, or with a name before it: `Ada Lovelace <ada@example.com>`. Raises InvalidRequest.

    `name`, where it is given, counts instead of the one in `value`.
    """
    text = printable(field, value).strip()
    if len(text) > _MAILBOX_CHARS:
        raise InvalidRequest.of(field, f"must have at most {_MAILBOX_CHARS} characters")
    named = _NAMED.fullmatch(text)
    if named is None:
        return Mailbox(email_of(field, text), name_of(f"{field}.name", name))
    found = name if name is not None else _unquoted(named["name"].strip())
    return Mailbox(email_of(field, named["email"]), name_of(f"{field}.name", found))


def name_of(field: str, value: str | None) -> str | None:
    """The name beside an address, trimmed; nothing but blanks is no name. Raises InvalidRequest."""
    trimmed = printable(field, value or "").strip()
    if len(trimmed) > NAME_CHARS:
        raise InvalidRequest.of(field, f"must have at most {NAME_CHARS} characters")
    return trimmed or None


def subject_of(field: str, value: str) -> str:
    """Raises InvalidRequest when it is too long or would break out of its line."""
    if len(printable(field, value)) > SUBJECT_CHARS:
        raise InvalidRequest.of(field, f"must have at most {SUBJECT_CHARS} characters")
    return value


def headers_of(field: str, headers: Mapping[str, str]) -> dict[str, str]:
    """A message's further headers. Raises InvalidRequest for what has a field of its own, or is not the sender's to say."""
    if len(headers) > HEADERS_MOST:
        raise InvalidRequest.of(field, f"must have at most {HEADERS_MOST} entries")
    names: set[str] = set()
    for name, value in headers.items():
        if _HEADER_NAME.fullmatch(name) is None:
            raise InvalidRequest.of(field, "must have names of printable ASCII characters without a colon or blanks")
        if _NOT_THE_CALLERS.fullmatch(name.lower()):
            raise InvalidRequest.of(f"{field}.{name}", "cannot be set here: it follows from the message's other fields")
        if name.lower() in names:
            raise InvalidRequest.of(f"{field}.{name}", "is there twice")
        names.add(name.lower())
        if len(printable(f"{field}.{name}", value)) > HEADER_CHARS:
            raise InvalidRequest.of(f"{field}.{name}", f"must have at most {HEADER_CHARS} characters")
    return dict(headers)


def phone_number_of(field: str, value: str, *, region: str | None = None) -> PhoneNumber:
    """E.164 of a number as people write it; without its country code it is one of `region` (alpha-2).

    What no country can have given is refused. Whether it was given is the provider's to say: numbering plans change
    more often than our copy of them.
    """
    hint = "must be a phone number with its country code, such as +14155552671"
    printable(field, value)
    if len(value) > _NUMBER_CHARS or any(character.isalpha() for character in value):
        raise InvalidRequest.of(field, hint)
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        raise InvalidRequest.of(field, hint) from None
    if number.extension or not phonenumbers.is_possible_number(number):
        raise InvalidRequest.of(field, hint)
    return PhoneNumber(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), _country_of(number))


def sms_sender_of(field: str, value: str) -> str:
    """A number (as E.164), short code, name of up to 11 letters and digits, or messaging service. Raises InvalidRequest.

    Which of them an account may use is its provider's to say.
    """
    trimmed = printable(field, value).strip()
    if _MESSAGING_SERVICE.fullmatch(trimmed) or _SHORT_CODE.fullmatch(trimmed):
        return trimmed
    if len(trimmed) <= _ALPHANUMERIC_CHARS and _ALPHANUMERIC.fullmatch(trimmed):
        return trimmed
    try:
        return phone_number_of(field, trimmed).e164
    except InvalidRequest:
        raise InvalidRequest.of(
            field,
            "must be a phone number such as +14155552671, a short code, a name of at most 11 letters and digits, or a "
            "messaging service",
        ) from None


def printable(field: str, value: str) -> str:
    """The value itself. Raises InvalidRequest for what would end the line it is written in, or cannot be written at all."""
    if any(unicodedata.category(character) in _UNPRINTABLE for character in value):
        raise InvalidRequest.of(field, "must not contain line breaks or control characters")
    return value


def _unquoted(name: str) -> str:
    """`"Lovelace, Ada"` without the quotes that its comma needs."""
    return _ESCAPED.sub(r"\1", name[1:-1]) if _QUOTED.fullmatch(name) else name


def _country_of(number: phonenumbers.PhoneNumber) -> str | None:
    """Of a number that our copy of the plan does not know: the first country with its code."""
    found = phonenumbers.region_code_for_number(number)
    found = found or phonenumbers.region_code_for_country_code(number.country_code or 0)
    return None if found in {phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY, phonenumbers.UNKNOWN_REGION} else found
