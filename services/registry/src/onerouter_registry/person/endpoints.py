"""`/api/auth/*`: signing up, in and out, and who one is."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response, Security
from pydantic import SecretStr

from onerouter_common.errors import Unauthenticated
from onerouter_registry.access.authentication import Authentication, signed_in
from onerouter_registry.access.caller import Caller
from onerouter_registry.access.keyless import takes_no_key
from onerouter_registry.access.same_site import from_this_site
from onerouter_registry.oidc.service import IssuerSignIn
from onerouter_registry.person.browser import (
    OriginUsed,
    PeopleUsed,
    begin,
    caller_of,
    no_store,
    view_of,
    view_without_session,
)
from onerouter_registry.person.schemas import (
    Done,
    ForgotRequest,
    IssuerView,
    MethodsView,
    ResetRequest,
    SessionView,
    SignInRequest,
    SignUpRequest,
    TenantChoice,
    TokenRequest,
    TotpRequest,
)

router = APIRouter(
    prefix="/api/auth",
    tags=["Sign-in"],
    dependencies=[Depends(no_store), Depends(takes_no_key)],
    responses={
        401: {"description": "Not known by what was sent, or not signed in."},
        403: {"description": "From another site, without the CSRF token, or not let in."},
    },
)
_FROM_HERE = [Depends(from_this_site)]


def _previous(request: Request) -> SecretStr | None:
    """The session the browser came with: it ends where a new one begins."""
    authentication: Authentication = request.state.authentication
    return authentication.cookies.token(request.cookies)


Previous = Annotated[SecretStr | None, Depends(_previous)]


@router.get("/methods", summary="How one can sign in here")
async def list_sign_in_methods(request: Request, people: PeopleUsed) -> MethodsView:
    issuers: IssuerSignIn = request.state.issuers
    return MethodsView(
        password=True,
        password_reset=people.post.delivers,
        sign_up=people.users.policy,
        issuers=[IssuerView(id=one.id, name=one.name, start_path=one.start_path) for one in issuers.choices()],
    )


@router.post(
    "/sign-up",
    summary="Sign up",
    dependencies=_FROM_HERE,
    responses={409: {"description": "There is an account with this address."}},
)
async def sign_up(
    request: Request,
    response: Response,
    body: SignUpRequest,
    people: PeopleUsed,
    origin: OriginUsed,
    previous: Previous,
) -> SessionView:
    """Makes you an account and a tenant you own, and signs you in. 409 for an address that has an account."""
    opened = await people.sign_up.with_password(
        body.email, body.password, origin, previous, name=body.name, tenant_name=body.tenant_name
    )
    return await begin(request, response, people, opened)


@router.post("/sign-in", summary="Sign in with a password", dependencies=_FROM_HERE)
async def sign_in(
    request: Request,
    response: Response,
    body: SignInRequest,
    people: PeopleUsed,
    origin: OriginUsed,
    previous: Previous,
) -> SessionView:
    """Sets the session's cookies. With a second factor `status` is `totp_required`."""
    opened = await people.sign_in.with_password(body.email, body.password, origin, previous)
    return await begin(request, response, people, opened)


@router.post(
    "/totp",
    summary="Finish signing in with a second factor",
    responses={409: {"description": "You are signed in already."}},
)
async def enter_second_factor(
    request: Request,
    response: Response,
    body: TotpRequest,
    people: PeopleUsed,
    origin: OriginUsed,
    caller: Annotated[Caller, Security(caller_of)],
    token: Previous,
) -> SessionView:
    """The session gets another token. A code works once."""
    if caller.session is None or token is None:
        raise Unauthenticated("Sign in with your password first.")
    opened = await people.sign_in.with_second_factor(
        caller.session, token, origin, code=body.code, recovery_code=body.recovery_code
    )
    return await begin(request, response, people, opened)


@router.post("/sign-out", summary="Sign out")
async def sign_out(request: Request, response: Response, people: PeopleUsed, token: Previous) -> Done:
    """Ends the session. One that has ended already is no error."""
    authentication: Authentication = request.state.authentication
    if token is not None and await people.sessions.find(token) is not None:
        caller = await caller_of(request)
        if caller.session is not None:
            await people.own_sessions.end(caller.session.user_id, caller.session.id, by=caller.actor)
    authentication.cookies.clear(response)
    return Done()


@router.get("/session", summary="Who you are")
async def get_session(
    request: Request, people: PeopleUsed, caller: Annotated[Caller, Security(caller_of)]
) -> SessionView:
    if caller.session is None:
        return await view_without_session(people, caller, caller.user_id or "")
    return await view_of(request, people, caller.session)


@router.post(
    "/tenant",
    summary="Work on another of your tenants",
    responses={404: {"description": "You are not a member of such a tenant."}},
)
async def choose_tenant(
    request: Request,
    body: TenantChoice,
    people: PeopleUsed,
    caller: Annotated[Caller, Security(signed_in)],
    token: Previous,
) -> SessionView:
    """From now on this session works on it. `X-OneRouter-Tenant` chooses one for a single request."""
    if caller.session is None or token is None:
        raise Unauthenticated("A bearer token has no session; send X-OneRouter-Tenant with each request.")
    await people.own_sessions.choose_tenant(caller.session.user_id, caller.session.id, body.tenant_id, by=caller.actor)
    return await view_of(request, people, await people.sessions.find(token) or caller.session)


@router.post("/password/forgot", summary="Forgot your password", dependencies=_FROM_HERE)
async def ask_for_password_reset(body: ForgotRequest, people: PeopleUsed, origin: OriginUsed) -> Done:
    """Mails a link to the address if it has an account with a password. The answer is the same if it has not."""
    await people.password_reset.ask(body.email, origin)
    return Done()


@router.post("/password/reset", summary="Choose a new password with a link", dependencies=_FROM_HERE)
async def reset_password(body: ResetRequest, people: PeopleUsed, origin: OriginUsed) -> Done:
    """Ends all your sessions; sign in with the new password."""
    await people.password_reset.carry_out(body.token, body.password, origin)
    return Done()


@router.post("/email/confirm", summary="Confirm an email address with a link", dependencies=_FROM_HERE)
async def confirm_email(body: TokenRequest, people: PeopleUsed, origin: OriginUsed) -> Done:
    """Whoever opens the link that was mailed there has the address."""
    await people.accounts.confirm_email(body.token, origin)
    return Done()
