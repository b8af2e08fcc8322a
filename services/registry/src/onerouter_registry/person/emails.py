"""Email addresses in the one spelling they are stored, compared and written to."""

from typing import Final

from email_validator import EmailNotValidError, validate_email

from onerouter_common.errors import InvalidRequest

EMAIL_CHARS: Final = 254
"""The most that SMTP can carry (RFC 5321 4.5.3.1.3)."""


def email_of(field: str, value: str) -> str:
    """Lower case, ASCII; raises InvalidRequest. No name server is asked.

    The part before the @ must be ASCII: letters that look alike, or that lose what tells them apart in lower case, would
    let one person ask for the mail of another.
    """
    try:
        parsed = validate_email(value.strip(), check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        raise InvalidRequest.of(field, "must be an email address such as ada@example.com") from None
    email = (parsed.ascii_email or parsed.normalized).lower()
    if len(email) > EMAIL_CHARS:
        raise InvalidRequest.of(field, f"must have at most {EMAIL_CHARS} characters")
    return email
