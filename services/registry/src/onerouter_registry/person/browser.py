"""Between a browser's cookies and the use cases: what the endpoints about people share."""

from typing import Annotated

from fastapi import Depends, Request, Response

from onerouter_common.errors import NotPermitted, Unauthenticated
from onerouter_registry.access.authentication import Authentication
from onerouter_registry.access.caller import Caller
from onerouter_registry.access.origin import Origin
from onerouter_registry.person.people import People
from onerouter_registry.person.schemas import SessionView, TenantOfMine, UserView
from onerouter_registry.person.sign_in import SignedIn
from onerouter_registry.session.model import Session


def _people(request: Request) -> People:
    people: People = request.state.admin.people
    return people


def _authentication(request: Request) -> Authentication:
    authentication: Authentication = request.state.authentication
    return authentication


def _origin(request: Request) -> Origin:
    return _authentication(request).origins.of(request)


PeopleUsed = Annotated[People, Depends(_people)]
OriginUsed = Annotated[Origin, Depends(_origin)]


def no_store(response: Response) -> None:
    """A dependency: what is answered is about one person, and may hold a secret."""
    response.headers["Cache-Control"] = "no-store"


async def begin(request: Request, response: Response, people: People, signed_in: SignedIn) -> SessionView:
    """Give the browser its cookies and tell it who it is now."""
    authentication = _authentication(request)
    session = await people.sessions.find(signed_in.session.token)
    if session is None:  # someone ended it in this very moment
        raise Unauthenticated("Your session has ended. Sign in again.", code="SESSION_ENDED")
    authentication.cookies.set(response, signed_in.session)
    return await view_of(request, people, session)


async def view_of(request: Request, people: People, session: Session) -> SessionView:
    pending = session.pending_totp
    return SessionView(
        status="totp_required" if pending else "signed_in",
        user=UserView(id=session.user_id, email=session.email, name=session.name, is_operator=session.is_operator),
        tenant_id=None if pending else session.tenant_id,
        role=None if pending else session.role,
        tenants=[] if pending else await _tenants_of(people, session.user_id),
        method=session.method,
        csrf_token=_authentication(request).cookies.csrf_token(session.id),
        authenticated_at=session.authenticated_at,
        expires_at=session.expires_at,
    )


async def view_without_session(people: People, caller: Caller, user_id: str) -> SessionView:
    """Of someone who came with an issuer's token."""
    person = (await people.accounts.get(user_id)).person
    return SessionView(
        status="signed_in",
        user=UserView(id=person.id, email=person.email, name=person.name, is_operator=person.is_operator),
        tenant_id=caller.tenant_id,
        role=caller.role,
        tenants=await _tenants_of(people, user_id),
        method=None,
        csrf_token=None,
        authenticated_at=None,
        expires_at=None,
    )


async def _tenants_of(people: People, user_id: str) -> list[TenantOfMine]:
    return [TenantOfMine.of(one) for one in await people.founding.of_person(user_id)]


async def caller_of(request: Request) -> Caller:
    """Also one who still owes the second factor. Raises Unauthenticated, NotPermitted."""
    caller = await _authentication(request).caller(request, pending_totp=True)
    if caller.user_id is None:
        raise NotPermitted("This is for people: sign in. API keys cannot do it.")
    return caller
