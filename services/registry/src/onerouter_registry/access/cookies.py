"""The two cookies of a signed-in browser: the session's token, which scripts cannot read, and the CSRF token, which they
send back in `X-CSRF-Token`.

The CSRF token is derived from the session, so that one planted by a sibling domain is worth nothing.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr
from starlette.responses import Response

from onerouter_registry.secret_key import derive_key
from onerouter_registry.session.model import LIFETIME, OpenedSession

CSRF_HEADER: Final = "x-csrf-token"


class Cookies:
    def __init__(self, secret: SecretStr, *, secure: bool) -> None:
        """`secure`: over https only, bound to the host by the `__Host-` prefix. Plain http is for local mode."""
        self._key = derive_key(secret, "csrf")
        self.secure: Final = secure
        prefix = "__Host-" if secure else ""
        self.session_name: Final = f"{prefix}onerouter_session"
        self.csrf_name: Final = f"{prefix}onerouter_csrf"

    def token(self, cookies: Mapping[str, str]) -> SecretStr | None:
        value = cookies.get(self.session_name)
        return SecretStr(value) if value else None

    def csrf_token(self, session_id: str) -> str:
        return hmac.new(self._key, session_id.encode(), hashlib.sha256).hexdigest()

    def is_csrf_token(self, session_id: str, given: str) -> bool:
        return hmac.compare_digest(self.csrf_token(session_id).encode(), given.encode())

    def set(self, response: Response, opened: OpenedSession) -> None:
        for name, value, http_only in (
            (self.session_name, opened.token.get_secret_value(), True),
            (self.csrf_name, self.csrf_token(opened.id), False),
        ):
            response.set_cookie(
                name,
                value,
                max_age=int(LIFETIME.total_seconds()),
                path="/",
                secure=self.secure,
                httponly=http_only,
                samesite="lax",
            )

    def clear(self, response: Response) -> None:
        for name, http_only in ((self.session_name, True), (self.csrf_name, False)):
            response.delete_cookie(name, path="/", secure=self.secure, httponly=http_only, samesite="lax")
