"""How a sign-in at an issuer fails.

IssuerUnavailable   503   nobody is to blame but the issuer or the way there; later is as good
TokenRefused              a token is not what it must be; says what is wrong with it, never quotes it
SignInRefused             the browser is sent back to the sign-in page with a code it has a sentence for
"""

from typing import Literal

from onerouter_common.errors import Overloaded

Refusal = Literal[
    "access_denied",
    "account_disabled",
    "account_exists",
    "email_not_allowed",
    "email_not_verified",
    "identity_taken",
    "issuer_error",
    "issuer_unavailable",
    "sign_in_expired",
    "sign_up_closed",
    "token_invalid",
    "too_many_attempts",
]


class IssuerUnavailable(Overloaded):
    code = "ISSUER_UNAVAILABLE"
    title = "The identity provider cannot be reached"


class TokenRefused(Exception):
    """`str(error)` ends a sentence that begins with "The token": "has expired"."""


class SignInRefused(Exception):
    """`reason` is for the log: a sentence without what a person typed or a token said."""

    def __init__(self, code: Refusal, reason: str = "") -> None:
        super().__init__(f"{code}: {reason}" if reason else code)
        self.code: Refusal = code
        self.reason = reason
        self.page = "/sign-in"
        """Where the browser is told."""
