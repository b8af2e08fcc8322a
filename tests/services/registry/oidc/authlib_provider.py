"""An OpenID provider as a process of its own: `python authlib_provider.py PORT`.

It is the PyPI package oidc-provider-mock, whatever its name says a provider built on Authlib that signs real tokens with a
key of its own. It leaves PKCE out; Authlib's own implementation is added here, so that a wrong verifier is refused.
"""

import os
import sys
from typing import Any

import oidc_provider_mock
import uvicorn
from authlib.oauth2.rfc7636 import CodeChallenge
from oidc_provider_mock import _app


class _Challenge(CodeChallenge):  # type: ignore[misc]
    """Codes are used once, so what is known of one is dropped with it."""

    of_code: dict[str, tuple[str | None, str | None]] = {}

    def get_authorization_code_challenge(self, authorization_code: Any) -> str | None:
        return self.of_code[authorization_code.code][0]

    def get_authorization_code_challenge_method(self, authorization_code: Any) -> str | None:
        return self.of_code[authorization_code.code][1]


class _Grant(_app.AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]

    def __init__(self, request: Any, server: Any) -> None:
        super().__init__(request, server)
        _Challenge(required=True)(self)

    def save_authorization_code(self, code: str, request: Any) -> None:
        super().save_authorization_code(code, request)
        _Challenge.of_code[code] = (
            request.payload.data.get("code_challenge"),
            request.payload.data.get("code_challenge_method"),
        )


if __name__ == "__main__":
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    _app.AuthorizationCodeGrant = _Grant
    uvicorn.run(
        oidc_provider_mock.app(require_nonce=True),
        interface="wsgi",
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
    )
