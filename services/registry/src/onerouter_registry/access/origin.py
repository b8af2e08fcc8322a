"""Where a request comes from: the address it is throttled and audited by."""

import hmac
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr
from starlette.requests import Request

from onerouter_common.ids import REQUEST, new_id

INTERNAL_HEADER: Final = "x-onerouter-internal"
"""An internal token: only with it is what a gateway says of the client believed."""
ADDRESS_HEADER: Final = "x-onerouter-client-address"
_REQUEST_ID_CHARS: Final = 128
_USER_AGENT_CHARS: Final = 256


@dataclass(frozen=True, slots=True)
class Origin:
    ip: str
    user_agent: str
    request_id: str


class Origins:
    def __init__(self, internal_tokens: SecretStr) -> None:
        self._tokens = [token.strip().encode() for token in internal_tokens.get_secret_value().split(",")]

    def of(self, request: Request) -> Origin:
        ip = request.client.host if request.client else "unknown"
        request_id = None
        if self._is_from_gateway(request):
            ip = request.headers.get(ADDRESS_HEADER, ip)
            request_id = request.headers.get("x-request-id")
        return Origin(
            ip=ip,
            user_agent=_printable(request.headers.get("user-agent", ""), _USER_AGENT_CHARS),
            request_id=_printable(request_id or new_id(REQUEST), _REQUEST_ID_CHARS),
        )

    def _is_from_gateway(self, request: Request) -> bool:
        given = request.headers.get(INTERNAL_HEADER, "").encode()
        # Every token is compared, so that the time taken says nothing about which one was close.
        matches = [hmac.compare_digest(given, token) for token in self._tokens]
        return any(matches)


def _printable(value: str, most: int) -> str:
    return "".join(character for character in value[:most] if character.isprintable())
