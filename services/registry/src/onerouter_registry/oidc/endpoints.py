"""`/api/auth/oidc/*`: a browser's way to an issuer and back."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request, Response, Security
from fastapi.responses import RedirectResponse
from pydantic import SecretStr

from onerouter_common.errors import NotPermitted, RateLimited
from onerouter_registry.access.authentication import Authentication, signed_in
from onerouter_registry.access.caller import Caller
from onerouter_registry.access.keyless import takes_no_key
from onerouter_registry.oidc.errors import IssuerUnavailable, SignInRefused
from onerouter_registry.oidc.flows import LIFETIME, FlowCookie, local_path
from onerouter_registry.oidc.journey import Browser, IssuerAnswer
from onerouter_registry.oidc.schemas import LinkAnswer, LinkRequest
from onerouter_registry.oidc.service import IssuerSignIn

router = APIRouter(prefix="/api/auth/oidc", tags=["Sign-in"])

IssuerId = Annotated[
    str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="As `GET /api/auth/methods` lists it.")
]
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@router.get(
    "/{issuer_id}/start",
    status_code=302,
    response_class=RedirectResponse,
    summary="Sign in at an identity provider",
    responses={302: {"description": "To the identity provider, or back to `/sign-in?error=` with a code."}},
)
async def start_oidc_sign_in(
    request: Request,
    issuer_id: IssuerId,
    return_to: Annotated[str, Query(max_length=512, description="A path of this site.", examples=["/"])] = "/",
    prove_again: Annotated[
        bool,
        Query(
            description="Whether the identity provider is to ask you even if you are signed in there: where a change needs a "
            "recent sign-in."
        ),
    ] = False,
) -> Response:
    issuers: IssuerSignIn = request.state.issuers
    authentication: Authentication = request.state.authentication
    try:
        ip = authentication.origins.of(request).ip
        departure = await issuers.start(issuer_id, local_path(return_to), ip, prove_again=prove_again)
    except IssuerUnavailable:
        return _redirect(302, "/sign-in", error="issuer_unavailable")
    except RateLimited:
        return _redirect(302, "/sign-in", error="too_many_attempts")
    response = RedirectResponse(departure.url, 302, headers=_PRIVATE)
    _keep(request, response, departure.cookie)
    return response


@router.get(
    "/{issuer_id}/callback",
    status_code=303,
    response_class=RedirectResponse,
    summary="Come back from an identity provider",
    responses={303: {"description": "To where the sign-in began, or to `/sign-in?error=` with a code."}},
)
async def finish_oidc_sign_in(
    request: Request,
    issuer_id: IssuerId,
    state: Annotated[str | None, Query(max_length=256)] = None,
    code: Annotated[str | None, Query(max_length=4_096)] = None,
    error: Annotated[str | None, Query(max_length=256)] = None,
    iss: Annotated[str | None, Query(max_length=512)] = None,
) -> Response:
    issuers: IssuerSignIn = request.state.issuers
    authentication: Authentication = request.state.authentication
    browser = Browser(
        request.cookies, authentication.cookies.token(request.cookies), authentication.origins.of(request)
    )
    try:
        answer = IssuerAnswer(state=state, code=SecretStr(code) if code else None, error=error, iss=iss)
        arrival = await issuers.finish(issuer_id, answer, browser)
    except SignInRefused as refused:
        response = _redirect(303, refused.page, error=refused.code)
    else:
        if arrival.session is not None and arrival.session.pending_totp:
            response = _redirect(303, "/sign-in", step="totp", return_to=arrival.return_to)
        else:
            response = _redirect(303, arrival.return_to)
        if arrival.session is not None:
            authentication.cookies.set(response, arrival.session)
    _forget(request, response, issuers.flows.cookie_name(state or ""))
    return response


@router.post(
    "/{issuer_id}/link",
    response_model=LinkAnswer,
    summary="Link an identity provider to your account",
    dependencies=[Depends(takes_no_key)],
)
async def link_oidc_identity(
    request: Request,
    response: Response,
    issuer_id: IssuerId,
    body: LinkRequest,
    caller: Annotated[Caller, Security(signed_in)],
) -> LinkAnswer:
    """Answers the address to send the browser to; it comes back to `return_to`, with `?error=` where that failed.

    Your email address must be confirmed. Needs a sign-in of the last 15 minutes, or your password.
    """
    if caller.session is None or caller.user_id is None:
        raise NotPermitted("Link an identity in a browser where you are signed in.")
    issuers: IssuerSignIn = request.state.issuers
    departure = await issuers.start_link(
        issuer_id,
        local_path(body.return_to),
        caller.actor.ip or "",
        user_id=caller.user_id,
        session=caller.session,
        password=body.password,
    )
    response.headers["Cache-Control"] = "no-store"
    _keep(request, response, departure.cookie)
    return LinkAnswer(authorization_url=departure.url)


def _redirect(status: int, path: str, **query: str) -> RedirectResponse:
    """`path` is one of ours or was checked by `local_path`."""
    bare, mark, fragment = path.partition("#")
    if query:
        bare += ("&" if "?" in bare else "?") + urlencode(query)
    return RedirectResponse(bare + mark + fragment, status, headers=_PRIVATE)


def _keep(request: Request, response: Response, cookie: FlowCookie) -> None:
    """For the way back, which is a navigation from another site: so `lax`, not `strict`."""
    response.set_cookie(
        cookie.name,
        cookie.value.get_secret_value(),
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


def _forget(request: Request, response: Response, name: str) -> None:
    if name in request.cookies:
        response.delete_cookie(name, path="/", secure=_is_secure(request), httponly=True, samesite="lax")


def _is_secure(request: Request) -> bool:
    authentication: Authentication = request.state.authentication
    return authentication.cookies.secure
