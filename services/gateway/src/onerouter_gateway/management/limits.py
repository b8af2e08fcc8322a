"""What a request under /api counts against: its API key's limits, or those of the address it comes from."""

from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request

from onerouter_common.errors import NotPermitted, Overloaded, Unauthenticated
from onerouter_gateway.admission import Admission
from onerouter_gateway.authentication.address import site_of
from onerouter_gateway.authentication.authenticator import Caller
from onerouter_gateway.rate_limit.policy import ADDRESS, SIGN_IN, Policy, Rate

_KEY_PREFIX: Final = "unf_"
_SIGN_IN_PATHS: Final = "/api/auth/"


class ManagementLimits:
    def __init__(self, admission: Admission, *, address: Rate, sign_in: Rate) -> None:
        self._admission = admission
        self._address = address
        self._sign_in = sign_in

    async def admit(self, request: Request) -> Caller | None:
        """The holder of the API key that counts for the request; None: there is none. Raises RateLimited, Overloaded, or what
        is wrong with a presented API key.

        A key that is not accepted counts on its sender's address: else wrong keys could be tried without end. Where people
        sign in the address counts whatever key comes along: else anybody's key would lift the limit of guessing.
        """
        if _is_sign_in(request) or not presents_key(request.headers):
            await self._count_address(request)
            return None
        try:
            caller = await self._admission.authenticate(request)
        except Unauthenticated:
            await self._count_address(request, self._admission.refusal_of(request))
            raise
        except (NotPermitted, Overloaded):
            await self._count_address(request)
            raise
        await self._admission.count(request, caller.holder.policies)
        return caller

    def check_signature(self, request: Request, caller: Caller, body: bytes) -> None:
        """Where the request has one; `body` as it was sent. Raises Unauthenticated."""
        self._admission.check_signature(request, caller, body)

    def address_of(self, request: Request) -> str:
        """The client's."""
        return self._admission.address_of(request)

    async def _count_address(self, request: Request, *besides: Policy) -> None:
        site = site_of(self.address_of(request))
        policies = [Policy(ADDRESS, f"{{{site}}}:api", self._address), *besides]
        if _is_sign_in(request):
            policies.append(Policy(SIGN_IN, f"{{{site}}}:sign-in", self._sign_in))
        await self._admission.count(request, policies)


def _is_sign_in(request: Request) -> bool:
    return request.url.path.startswith(_SIGN_IN_PATHS)


def presents_key(headers: Headers) -> bool:
    """Whether the caller claims to hold an API key; a token of another kind is the registry's to judge."""
    scheme, _, bearer = headers.get("authorization", "").strip().partition(" ")
    is_key = scheme.lower() == "bearer" and bearer.strip().startswith(_KEY_PREFIX)
    return is_key or headers.get("x-api-key", "").strip().startswith(_KEY_PREFIX)
